//! Jobs and mails that were given up, for administrators.

pub(crate) mod endpoints;

use std::sync::Arc;

use application::{app::App, dead_letters};
use boxoffice_http::{filters, lists::ListRequest, problem::Problem, query::Query, reply::Reply, request::Request};
use domain::{
    dead_letters::{DeadLetter, WhichDead},
    jobs::JobPayload,
    lists::declared,
    mail::Template,
    validation::FieldError,
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// `GET /admin/dead-letters`
async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let list = ListRequest::read(&request, &declared::DEAD_LETTERS)?;
    list.reply(&app.store.dead_letters(&list.query).await?, DeadLetterJson::from)
}

/// `POST /admin/dead-letters/{id}/retry`
async fn retry(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    if dead_letters::retry(&app, request.id("id")?).await? {
        return Ok(Reply::empty(StatusCode::ACCEPTED));
    }
    Err(Problem::not_found())
}

/// `POST /admin/dead-letters/retry`
async fn retry_all(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let mut query = request.query();
    let which = which(&mut query);
    query.finish()?;
    Reply::ok(&RetriedJson { retried: dead_letters::retry_all(&app, &which).await? })
}

/// The letters that a request is about: a kind that is misspelt would be none, and look as if there were nothing to do.
fn which(query: &mut Query<'_>) -> WhichDead {
    let kind = query.text("kind").map(|kind| kind.into_owned());
    let is_job = |kind: &str| JobPayload::KINDS.iter().any(|of| of.to_ascii_uppercase() == kind);
    if let Some(kind) = &kind
        && !Template::KINDS.contains(&kind.as_str())
        && !is_job(kind)
    {
        let jobs = JobPayload::KINDS.map(str::to_ascii_uppercase).join(", ");
        let message = format!("must be one of {jobs}, {}", Template::KINDS.join(", "));
        query.fault(FieldError::new("kind", "UNKNOWN_VALUE", message));
    }
    WhichDead { kind, since: filters::instant(query, "since") }
}

/// A job or a mail that was given up.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
#[serde(rename_all = "camelCase")]
struct DeadLetterJson<'a> {
    id: Uuid,
    /// Of a job such as `REFUND`, of a mail such as `RESET_PASSWORD`.
    kind: &'a str,
    /// What it is about: of a job the thing, such as `refund:0198c0de-7d4c-7a10-8000-5a3c1f0e9b21`, of a mail its recipient, such as
    /// `a***@example.org`.
    subject: &'a str,
    /// How often it was tried.
    attempts: u32,
    /// Why it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_error: Option<&'a str>,
    /// When what it is about happened.
    created_at: Timestamp,
    /// When it was given up.
    ended_at: Timestamp,
}

impl<'a> From<&'a DeadLetter> for DeadLetterJson<'a> {
    fn from(letter: &'a DeadLetter) -> Self {
        Self {
            id: letter.id,
            kind: &letter.kind,
            subject: &letter.subject,
            attempts: letter.attempts,
            last_error: letter.last_error.as_deref(),
            created_at: letter.created_at,
            ended_at: letter.ended_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeadLettersRetried)]
struct RetriedJson {
    /// How many are tried again.
    retried: u64,
}
