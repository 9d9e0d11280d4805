//! Venues, categories and tags, as admins change them.

use std::sync::Arc;

use application::{
    app::App,
    manage::{ManageError, invalidated, once, settled, unowned},
};
use boxoffice_http::{lists::ListRequest, openapi::texts, problem::Problem, reply::Reply, request::Request};
use domain::{
    cache::Tag,
    ids::VenueId,
    lists::declared,
    management::{
        ChangeError, Expected, Manager, Revisions,
        catalogue::{Term, Vocabulary},
        requests::Creation,
    },
    text,
    validation::FieldErrors,
    venues::{RawVenue, Venue, VenueFields},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    answered,
    bodies::venues::{NewVenueBody, VenueChangeBody},
    expected, first_answer, manager, named_body, perhaps_expected, tagged, unchanged,
};
use crate::venues::dto::VenueJson;

async fn shown_venue(app: &App, request: &Request, id: VenueId) -> Result<Reply, Problem> {
    let (venue, revision) = app.store.managed_venue(id).await?.ok_or_else(Problem::not_found)?;
    match unchanged(request, revision) {
        Some(reply) => Ok(reply),
        None => Ok(tagged(Reply::ok(&VenueJson::from(&venue))?, revision)),
    }
}

/// `GET /admin/venues/{id}`
pub(super) async fn show_venue(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    shown_venue(&app, &request, request.id("id")?).await
}

/// `POST /admin/venues`
pub(super) async fn add_venue(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let by = manager(&request)?;
    let (body, named) = named_body::<NewVenueBody>(&mut request).await?;
    let fields = VenueFields::parse(body.into(), None)?;
    let made = once(&app, by.account, named, Creation::Venue, unowned(), async |id| {
        let added = app.store.add_venue(&by, VenueId(id), &fields).await;
        Ok::<_, ManageError>(invalidated(&app, added, &[Tag::Venues])?)
    })
    .await?;
    let id = VenueId(made.id);
    let show = async {
        let (venue, revision) = app.store.managed_venue(id).await?.ok_or_else(Problem::not_found)?;
        first_answer(format!("/api/v1/admin/venues/{id}"), &VenueJson::from(&venue), Some(revision))
    };
    answered(&app, &by, made, show).await
}

/// Changes a venue: `change` is given the body and the venue as it is.
async fn change_venue<B: Clone + DeserializeOwned + Send + Sync + 'static>(
    app: &App,
    mut request: Request,
    change: impl Fn(B, RawVenue) -> RawVenue + Send + Sync,
) -> Result<Reply, Problem> {
    let (by, id, expected) = (manager(&request)?, request.id::<VenueId>("id")?, expected(&request)?);
    let body: B = request.body().await?;
    let change = |venue: Venue| change(body.clone(), venue.into());
    settled(expected, || write_venue(app, &by, id, expected, &change)).await?;
    let (venue, revision) = app.store.managed_venue(id).await?.ok_or_else(Problem::not_found)?;
    Ok(tagged(Reply::ok(&VenueJson::from(&venue))?, revision))
}

async fn write_venue(
    app: &App,
    by: &Manager,
    id: VenueId,
    expected: Expected,
    change: &(impl Fn(Venue) -> RawVenue + Sync),
) -> Result<(), ManageError> {
    let (venue, revision) = app.store.managed_venue(id).await?.ok_or(ChangeError::NotFound)?;
    if expected.is_some_and(|expected| !expected.has(revision)) {
        return Err(ChangeError::Stale.into());
    }
    let fields = VenueFields::parse(change(venue.clone()), Some(&venue))?;
    if venue.says(&fields) {
        return Ok(());
    }
    let updated = app.store.update_venue(by, id, Some(Revisions::only(revision)), &fields).await;
    Ok(invalidated(app, updated, &[Tag::Venue(id), Tag::Venues, Tag::Events])?)
}

/// `PUT /admin/venues/{id}`: what is not said is as for a new one, but the slug stays.
pub(super) async fn replace_venue(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    change_venue(&app, request, |body: NewVenueBody, before| {
        let raw = RawVenue::from(body);
        RawVenue { slug: raw.slug.or(before.slug), ..raw }
    })
    .await
}

/// `PATCH /admin/venues/{id}`
pub(super) async fn update_venue(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    change_venue(&app, request, VenueChangeBody::over).await
}

/// `DELETE /admin/venues/{id}`
pub(super) async fn delete_venue(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let expected = perhaps_expected(&request)?.flatten();
    let id = request.id("id")?;
    let deleted = app.store.delete_venue(&manager(&request)?, id, expected).await;
    invalidated(&app, deleted, &[Tag::Venue(id), Tag::Venues])?;
    Ok(Reply::no_content())
}

/// A new word.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = TermRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TermBody {
    #[schema(schema_with = texts::slug, required = true)]
    slug: String,
    #[schema(schema_with = texts::line::<2, 100>, required = true)]
    name: String,
}

/// Another name.
#[derive(Deserialize, ToSchema)]
#[schema(as = NameRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NameBody {
    #[schema(schema_with = texts::line::<2, 100>, required = true)]
    name: String,
}

/// A category or a tag.
#[derive(Serialize, ToSchema)]
#[schema(as = Term)]
#[serde(rename_all = "camelCase")]
pub(super) struct TermJson<'a> {
    id: Uuid,
    slug: &'a str,
    name: &'a str,
    /// Events that have it.
    events: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Term> for TermJson<'a> {
    fn from(term: &'a Term) -> Self {
        let Term { id, ref slug, ref name, events, created_at, updated_at, revision: _ } = *term;
        Self { id, slug, name, events, created_at, updated_at }
    }
}

async fn list(app: &App, request: &Request, of: Vocabulary) -> Result<Reply, Problem> {
    let list = ListRequest::read(request, &declared::TERMS)?;
    list.reply(&app.store.terms(&manager(request)?, of, &list.query).await?, TermJson::from)
}

async fn term(app: &App, of: Vocabulary, slug: &str) -> Result<Term, Problem> {
    app.store.term(of, slug).await?.ok_or_else(Problem::not_found)
}

async fn show(app: &App, request: &Request, of: Vocabulary) -> Result<Reply, Problem> {
    let term = term(app, of, &request.param("slug")?).await?;
    Ok(tagged(Reply::ok(&TermJson::from(&term))?, term.revision))
}

async fn add(app: &App, mut request: Request, of: Vocabulary, path: &'static str) -> Result<Reply, Problem> {
    let by = manager(&request)?;
    let (body, named) = named_body::<TermBody>(&mut request).await?;
    let mut errors = FieldErrors::default();
    let slug = errors.keep(text::slug("slug", &body.slug));
    let name = errors.keep(text::line("name", &body.name, 2..=100));
    let (slug, name) = errors.finish(slug.zip(name))?;
    let made = once(app, by.account, named, Creation::Term(of), unowned(), async |id| {
        let added = app.store.add_term(&by, of, id, &slug, &name).await;
        Ok::<_, ManageError>(invalidated(app, added, &[Tag::Vocabulary])?)
    })
    .await?;
    let id = made.id;
    let show = async {
        // Another one may have the slug by now.
        let term = term(app, of, &slug).await?;
        if term.id != id {
            return Err(Problem::not_found());
        }
        first_answer(format!("/api/v1/admin/{path}/{slug}"), &TermJson::from(&term), Some(term.revision))
    };
    answered(app, &by, made, show).await
}

async fn rename(app: &App, mut request: Request, of: Vocabulary) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let slug = request.param("slug")?.into_owned();
    let body: NameBody = request.body().await?;
    let name = text::line("name", &body.name, 2..=100)?;
    let renamed = app.store.rename_term(&by, of, &slug, expected, &name).await;
    invalidated(app, renamed, &[Tag::Vocabulary])?;
    let term = term(app, of, &slug).await?;
    Ok(tagged(Reply::ok(&TermJson::from(&term))?, term.revision))
}

async fn delete(app: &App, request: Request, of: Vocabulary) -> Result<Reply, Problem> {
    let expected = perhaps_expected(&request)?.flatten();
    let deleted = app.store.delete_term(&manager(&request)?, of, &request.param("slug")?, expected).await;
    invalidated(app, deleted, &[Tag::Vocabulary])?;
    Ok(Reply::no_content())
}

/// The handlers of one vocabulary.
macro_rules! vocabulary {
    ($of:ident, $path:literal, $list:ident, $show:ident, $add:ident, $rename:ident, $delete:ident) => {
        #[doc = concat!("`GET …/", $path, "`")]
        pub(super) async fn $list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
            list(&app, &request, Vocabulary::$of).await
        }

        #[doc = concat!("`GET /admin/", $path, "/{slug}`")]
        pub(super) async fn $show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
            show(&app, &request, Vocabulary::$of).await
        }

        #[doc = concat!("`POST /admin/", $path, "`")]
        pub(super) async fn $add(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
            add(&app, request, Vocabulary::$of, $path).await
        }

        #[doc = concat!("`PATCH /admin/", $path, "/{slug}`")]
        pub(super) async fn $rename(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
            rename(&app, request, Vocabulary::$of).await
        }

        #[doc = concat!("`DELETE /admin/", $path, "/{slug}`")]
        pub(super) async fn $delete(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
            delete(&app, request, Vocabulary::$of).await
        }
    };
}

vocabulary!(Categories, "categories", list_categories, show_category, add_category, rename_category, delete_category);
vocabulary!(Tags, "tags", list_tags, show_tag, add_tag, rename_tag, delete_tag);
