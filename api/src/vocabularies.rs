//! Categories and tags, as organizers choose of them and admins change them.

pub(crate) mod endpoints;

use std::sync::Arc;

use application::{
    app::App,
    manage::{ManageError, invalidated, once, unowned},
};
use boxoffice_http::{
    lists::ListRequest,
    openapi::texts,
    problem::Problem,
    reply::Reply,
    request::Request,
    revisions::{expected, perhaps_expected, tagged},
};
use domain::{
    cache::Tag,
    lists::declared,
    management::{
        catalogue::{Term, Vocabulary},
        requests::Creation,
    },
    text,
    validation::FieldErrors,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::manage::{answered, first_answer, manager, named_body};

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

async fn list(app: Arc<App>, request: Request, of: Vocabulary) -> Result<Reply, Problem> {
    let list = ListRequest::read(&request, &declared::TERMS)?;
    list.reply(&app.store.terms(&manager(&request)?, of, &list.query).await?, TermJson::from)
}

async fn term(app: &App, of: Vocabulary, slug: &str) -> Result<Term, Problem> {
    app.store.term(of, slug).await?.ok_or_else(Problem::not_found)
}

async fn show(app: Arc<App>, request: Request, of: Vocabulary) -> Result<Reply, Problem> {
    let term = term(&app, of, &request.param("slug")?).await?;
    Ok(tagged(Reply::ok(&TermJson::from(&term))?, term.revision))
}

async fn create(app: Arc<App>, mut request: Request, of: Vocabulary) -> Result<Reply, Problem> {
    let by = manager(&request)?;
    let (body, named) = named_body::<TermBody>(&mut request).await?;
    let mut errors = FieldErrors::default();
    let slug = errors.keep(text::slug("slug", &body.slug));
    let name = errors.keep(text::line("name", &body.name, 2..=100));
    let (slug, name) = errors.finish(slug.zip(name))?;
    let made = once(&app, by.account, named, Creation::Term(of), unowned(), async |id| {
        let added = app.store.create_term(&by, of, id, &slug, &name).await;
        Ok::<_, ManageError>(invalidated(&app, added, &[Tag::Vocabulary])?)
    })
    .await?;
    let id = made.id;
    let show = async {
        // Another one may have the slug by now.
        let term = term(&app, of, &slug).await?;
        if term.id != id {
            return Err(Problem::not_found());
        }
        first_answer(format!("/api/v1/admin/{}/{slug}", of.as_str()), &TermJson::from(&term), Some(term.revision))
    };
    answered(&app, &by, made, show).await
}

async fn update(app: Arc<App>, mut request: Request, of: Vocabulary) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let slug = request.param("slug")?.into_owned();
    let body: NameBody = request.body().await?;
    let before = term(&app, of, &slug).await?;
    let mut errors = FieldErrors::default();
    let name = errors.line("name", Some(body.name), Some(&before.name), 2..=100);
    let name = errors.finish(name)?;
    let renamed = app.store.update_term(&by, of, &slug, expected, &name).await;
    invalidated(&app, renamed, &[Tag::Vocabulary])?;
    let term = term(&app, of, &slug).await?;
    Ok(tagged(Reply::ok(&TermJson::from(&term))?, term.revision))
}

async fn delete(app: Arc<App>, request: Request, of: Vocabulary) -> Result<Reply, Problem> {
    let expected = perhaps_expected(&request)?.flatten();
    let deleted = app.store.delete_term(&manager(&request)?, of, &request.param("slug")?, expected).await;
    invalidated(&app, deleted, &[Tag::Vocabulary])?;
    Ok(Reply::no_content())
}
