//! Venues, categories and tags, as admins change them.

use std::sync::Arc;

use domain::{
    cache::Tag,
    ids::VenueId,
    management::{
        ChangeError,
        catalogue::{CatalogueManagement, Term, Vocabulary},
        requests::Creation,
    },
    text,
    validation::FieldErrors,
    venues::{RawVenue, VenueFields},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::{
    bodies::venues::{NewVenueBody, VenueChangeBody},
    expected, manager, named_body, perhaps_expected, tagged, unchanged,
};
use crate::{
    application::{
        app::{Adapters, App},
        manage::{ManageError, invalidated, once, unowned},
    },
    presentation::{
        openapi::texts,
        pagination::{CursorKey, Listing, page_request},
        problem::Problem,
        reply::Reply,
        request::Request,
        venues::dto::VenueJson,
    },
};

async fn shown_venue<A: Adapters>(app: &App<A>, request: &Request, id: VenueId) -> Result<Reply, Problem> {
    let (venue, revision) = app.store.managed_venue(id).await?.ok_or_else(Problem::not_found)?;
    match unchanged(request, revision) {
        Some(reply) => Ok(reply),
        None => Ok(tagged(Reply::ok(&VenueJson::from(&venue))?, revision)),
    }
}

/// `GET /admin/venues/{id}`
pub(super) async fn show_venue<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    shown_venue(&app, &request, request.id("id")?).await
}

/// `POST /admin/venues`
pub(super) async fn add_venue<A: Adapters>(app: Arc<App<A>>, mut request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let by = manager(&request)?;
    let (body, named) = named_body::<NewVenueBody>(&mut request).await?;
    let fields = VenueFields::parse(body.into())?;
    let made = once(&app, by.account, named, Creation::Venue, unowned(), async |id| {
        let added = app.store.add_venue(&by, VenueId(id), &fields).await;
        Ok::<_, ManageError>(invalidated(&app, added, &[Tag::Venues])?)
    })
    .await?;
    let found = app.store.managed_venue(VenueId(made.id)).await?;
    let (venue, revision) = found.ok_or_else(Problem::not_found)?;
    let path = format!("/api/v1/admin/venues/{}", venue.id);
    let reply = tagged(Reply::created(&path, &VenueJson::from(&venue))?, revision);
    Ok(if made.replayed { reply.replayed() } else { reply })
}

/// Changes a venue: `change` is given the body and the venue as it is.
async fn change_venue<A: Adapters, B: DeserializeOwned + Send + 'static>(
    app: &App<A>,
    mut request: Request,
    change: impl FnOnce(B, RawVenue) -> RawVenue,
) -> Result<Reply, Problem> {
    request.query().finish()?;
    let (by, id, expected) = (manager(&request)?, request.id::<VenueId>("id")?, expected(&request)?);
    let body: B = request.body().await?;
    let (venue, revision) = app.store.managed_venue(id).await?.ok_or_else(Problem::not_found)?;
    if expected.is_some_and(|expected| expected != revision) {
        return Err(ChangeError::Stale.into());
    }
    let fields = VenueFields::parse(change(body, venue.into()))?;
    let updated = app.store.update_venue(&by, id, Some(revision), &fields).await;
    invalidated(app, updated, &[Tag::Venue(id), Tag::Venues, Tag::Events])?;
    let (venue, revision) = app.store.managed_venue(id).await?.ok_or_else(Problem::not_found)?;
    Ok(tagged(Reply::ok(&VenueJson::from(&venue))?, revision))
}

/// `PUT /admin/venues/{id}`: what is not said is as for a new one, but the slug stays.
pub(super) async fn replace_venue<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    change_venue(&app, request, |body: NewVenueBody, before| {
        let raw = RawVenue::from(body);
        RawVenue { slug: raw.slug.or(before.slug), ..raw }
    })
    .await
}

/// `PATCH /admin/venues/{id}`
pub(super) async fn update_venue<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    change_venue(&app, request, VenueChangeBody::over).await
}

/// `DELETE /admin/venues/{id}`
pub(super) async fn delete_venue<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let expected = perhaps_expected(&request)?.flatten();
    let id = request.id("id")?;
    let deleted = app.store.delete_venue(&manager(&request)?, id, expected).await;
    invalidated(&app, deleted, &[Tag::Venue(id), Tag::Venues])?;
    Ok(Reply::no_content())
}

/// A new word.
#[derive(Deserialize, ToSchema)]
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
    slug: &'a str,
    name: &'a str,
    /// Events that have it.
    events: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Term> for TermJson<'a> {
    fn from(term: &'a Term) -> Self {
        let Term { slug, name, events, created_at, updated_at, revision: _ } = term;
        Self { slug, name, events: *events, created_at: *created_at, updated_at: *updated_at }
    }
}

/// The place of a word in its list.
struct SlugKey(String);

impl CursorKey for SlugKey {
    fn encode(&self) -> String {
        format!("-{}", self.0)
    }

    fn decode(text: &str) -> Option<Self> {
        let text = text.strip_prefix('-')?;
        let is_slug = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (is_slug && (2..=100).contains(&text.len())).then(|| Self(text.to_owned()))
    }
}

async fn list<A: Adapters>(app: &App<A>, request: &Request, of: Vocabulary) -> Result<Reply, Problem> {
    let mut query = request.query();
    let wanted = page_request::<SlugKey>(&mut query);
    query.finish()?;
    let asked = domain::repositories::PageRequest {
        start: match &wanted.start {
            domain::repositories::Start::Offset(offset) => domain::repositories::Start::Offset(*offset),
            domain::repositories::Start::After(key) => domain::repositories::Start::After(key.0.clone()),
        },
        limit: wanted.limit,
    };
    let page = app.store.terms(of, &asked).await?;
    Reply::ok(&Listing::of(&page, &wanted, |term| SlugKey(term.slug.clone()), TermJson::from))
}

async fn term<A: Adapters>(app: &App<A>, of: Vocabulary, slug: &str) -> Result<Term, Problem> {
    app.store.term(of, slug).await?.ok_or_else(Problem::not_found)
}

async fn show<A: Adapters>(app: &App<A>, request: &Request, of: Vocabulary) -> Result<Reply, Problem> {
    request.query().finish()?;
    let term = term(app, of, &request.param("slug")?).await?;
    Ok(tagged(Reply::ok(&TermJson::from(&term))?, term.revision))
}

async fn add<A: Adapters>(
    app: &App<A>,
    mut request: Request,
    of: Vocabulary,
    path: &'static str,
) -> Result<Reply, Problem> {
    request.query().finish()?;
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
    let term = term(app, of, &slug).await?;
    let reply = Reply::created(&format!("/api/v1/admin/{path}/{slug}"), &TermJson::from(&term))?;
    let reply = tagged(reply, term.revision);
    Ok(if made.replayed { reply.replayed() } else { reply })
}

async fn rename<A: Adapters>(app: &App<A>, mut request: Request, of: Vocabulary) -> Result<Reply, Problem> {
    request.query().finish()?;
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let slug = request.param("slug")?.into_owned();
    let body: NameBody = request.body().await?;
    let name = text::line("name", &body.name, 2..=100)?;
    let renamed = app.store.rename_term(&by, of, &slug, expected, &name).await;
    invalidated(app, renamed, &[Tag::Vocabulary])?;
    let term = term(app, of, &slug).await?;
    Ok(tagged(Reply::ok(&TermJson::from(&term))?, term.revision))
}

async fn delete<A: Adapters>(app: &App<A>, request: Request, of: Vocabulary) -> Result<Reply, Problem> {
    request.query().finish()?;
    let expected = perhaps_expected(&request)?.flatten();
    let deleted = app.store.delete_term(&manager(&request)?, of, &request.param("slug")?, expected).await;
    invalidated(app, deleted, &[Tag::Vocabulary])?;
    Ok(Reply::no_content())
}

/// The handlers of one vocabulary.
macro_rules! vocabulary {
    ($of:ident, $path:literal, $list:ident, $show:ident, $add:ident, $rename:ident, $delete:ident) => {
        #[doc = concat!("`GET …/", $path, "`")]
        pub(super) async fn $list<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
            list(&app, &request, Vocabulary::$of).await
        }

        #[doc = concat!("`GET /admin/", $path, "/{slug}`")]
        pub(super) async fn $show<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
            show(&app, &request, Vocabulary::$of).await
        }

        #[doc = concat!("`POST /admin/", $path, "`")]
        pub(super) async fn $add<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
            add(&app, request, Vocabulary::$of, $path).await
        }

        #[doc = concat!("`PATCH /admin/", $path, "/{slug}`")]
        pub(super) async fn $rename<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
            rename(&app, request, Vocabulary::$of).await
        }

        #[doc = concat!("`DELETE /admin/", $path, "/{slug}`")]
        pub(super) async fn $delete<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
            delete(&app, request, Vocabulary::$of).await
        }
    };
}

vocabulary!(Categories, "categories", list_categories, show_category, add_category, rename_category, delete_category);
vocabulary!(Tags, "tags", list_tags, show_tag, add_tag, rename_tag, delete_tag);
