//! What organizers and admins do over HTTP. An event's routes are there twice: below `/organizer` for one's own events, below
//! `/admin` for everybody's.
//!
//! Every answer about one thing has its revision as `ETag`, and a change names the one it is based on with `If-Match`.

mod blocks;
pub(super) mod bodies;
mod catalogue;
pub(crate) mod endpoints;
mod events;
mod export;
mod guests;
mod sales;
pub(super) mod seat_maps;
pub(super) mod series;
mod settings;

use std::future::Future;

use application::{
    app::App,
    aside::aside,
    manage::{self, Made, NamedRequest},
};
use boxoffice_http::{
    json,
    problem::Problem,
    problem_codes::Code,
    reply::Reply,
    request::Request,
    revisions::{expected, perhaps_expected, tagged, unchanged},
};
use domain::{
    bookings::IdempotencyKey,
    management::{Manager, Reach, requests::FirstAnswer},
    request_fingerprint::of_request,
};
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};

const ADMIN_PREFIX: &str = "/api/v1/admin/";

/// Who manages, and how far they reach: that is a matter of the route they came by.
fn manager(request: &Request) -> Result<Manager, Problem> {
    let reach = if request.route().path.starts_with(ADMIN_PREFIX) { Reach::All } else { Reach::Own };
    Ok(Manager { account: request.caller()?.account, reach, actor: request.actor()? })
}

/// Where something below this request's prefix is.
fn location(by: &Manager, rest: &str) -> String {
    let prefix = if by.reach == Reach::All { "admin" } else { "organizer" };
    format!("/api/v1/{prefix}/{rest}")
}

/// The body, and how the client names the request, if it does. Two requests are the same when they mean the same, as two bookings are: by
/// what was read, and not by its bytes.
async fn named_body<T: DeserializeOwned + Serialize + Send + 'static>(
    request: &mut Request,
) -> Result<(T, Option<NamedRequest>), Problem> {
    let is_named = request.headers().contains_key("idempotency-key");
    let key = if is_named { Some(request.idempotency_key()?.to_owned()) } else { None };
    let key = key.and_then(|key| IdempotencyKey::parse(&key));
    request.announces_json_or_refuse()?;
    let bytes = request.bytes().await?;
    let is_large = bytes.len() >= json::ASIDE_BYTES_MIN;
    let body: T = json::read_any(bytes).await?;
    let Some(key) = key else { return Ok((body, None)) };
    let path = request.path().to_owned();
    let named = move || serde_json::to_value(&body).map(|value| (of_request(&path, value), body));
    let (fingerprint, body) = if is_large { aside(named).await } else { named() }.map_err(Problem::internal)?;
    Ok((body, Some(NamedRequest { key, fingerprint })))
}

/// What a request is answered that has made something: where it is, what it is, and its revision if it has one.
fn first_answer(
    location: String,
    value: &(impl Serialize + ?Sized),
    revision: Option<i32>,
) -> Result<FirstAnswer, Problem> {
    Ok(FirstAnswer { location, revision, body: serde_json::to_vec(value).map_err(Problem::internal)? })
}

/// 201 with the first answer, whether `show` makes it now or it was given before. When nobody knows it, and what was made is gone, the key is of
/// no more use.
async fn answered(
    app: &App,
    by: &Manager,
    made: Made,
    show: impl Future<Output = Result<FirstAnswer, Problem>> + Send,
) -> Result<Reply, Problem> {
    let replayed = made.replayed;
    let told = manage::told(app, by.account, made, show).await;
    let FirstAnswer { location, revision, body } = told.map_err(|problem| match problem.code() {
        Code::NotFound if replayed => Problem::new(Code::IdempotencyKeyReused)
            .detail("what the first request has made is gone, and its answer was not kept: use a new key"),
        _ => problem,
    })?;
    let location = HeaderValue::from_str(&location).map_err(Problem::internal)?;
    let reply = Reply::bytes(StatusCode::CREATED, HeaderValue::from_static("application/json"), body);
    let reply = reply.header(header::LOCATION, location);
    let reply = if let Some(revision) = revision { tagged(reply, revision) } else { reply };
    Ok(if replayed { reply.replayed() } else { reply })
}
