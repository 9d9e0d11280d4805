//! Response caching: how answers of public reads are kept, and what clients are told about them (`ETag`,
//! `Cache-Control`).

pub mod conditional;
mod names;

use actors::cache::{Answer, Cache, Form, Key, Load};
use application::aside::aside;
use bytes::Bytes;
use domain::{
    cache::Tag,
    repositories::{Found, RepositoryError},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::{
    body::Body,
    edge::{
        compression,
        negotiation::{self, Coding},
    },
    problem::Problem,
    repeats::Source,
    reply::Reply,
    request::Request,
};
pub use names::Name;

/// Clients and proxies ask again after so long; an edit is seen by them at most that much later.
static PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=5");
static NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
static ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// `value` as the JSON of a cached answer that shows what `tags` name.
pub fn found(value: &(impl Serialize + ?Sized), tags: &[Tag]) -> Found<Load> {
    let json = serde_json::to_vec(value).map_err(|error| RepositoryError::Broken(error.to_string()))?;
    Ok(Load::found(json, tags))
}

/// Answers a `GET` from the cache, or by `load`, whose answer is kept under `key`. 304 when the client has it already, 404 when
/// `load` finds nothing. Check the query before: the key is made of checked values.
pub async fn cached<F, R>(cache: &Cache, request: &Request, key: Key, load: F) -> Result<Reply, Problem>
where
    F: FnOnce() -> R + Send + 'static,
    R: Future<Output = Found<Load>> + Send + 'static,
{
    cached_if_any(cache, request, key, load).await?.ok_or_else(Problem::not_found)
}

/// The same for a thing that may be found in another way when `load` finds nothing.
pub async fn cached_if_any<F, R>(cache: &Cache, request: &Request, key: Key, load: F) -> Result<Option<Reply>, Problem>
where
    F: FnOnce() -> R + Send + 'static,
    R: Future<Output = Found<Load>> + Send + 'static,
{
    let Some(answer) = cache.answer(key.clone(), request.arrived(), load).await? else { return Ok(None) };
    let (mut reply, coding) = reply(&answer, request).await?;
    reply.set_source(Source { cache: cache.clone(), key, answer, coding });
    Ok(Some(reply))
}

/// Answers with what was found just now, which nobody keeps without asking again: it changes too often.
pub async fn uncached(request: &Request, load: Load) -> Result<Reply, Problem> {
    let answer = load.into_answer().ok_or_else(Problem::not_found)?;
    Ok(reply(&answer, request).await?.0.header(header::CACHE_CONTROL, NO_CACHE.clone()))
}

/// The answer in the form that the client likes best, and which that is.
pub async fn reply(answer: &Answer, request: &Request) -> Result<(Reply, Option<Coding>), Problem> {
    let plain = answer.plain();
    let codings = request.codings();
    let gains = plain.body.len() >= codings.bytes_min();
    let coded = match codings.coding {
        Some(coding) if gains => form(answer, coding).await.map(|form| (form, coding)),
        _ => None,
    };
    let coding = coded.map(|(_, coding)| coding);
    let shown = coded.as_ref().map_or(plain, |(form, _)| *form);
    let etag = HeaderValue::from_maybe_shared(shown.etag.clone()).map_err(Problem::internal)?;
    let mut reply = if conditional::has(request.headers(), &shown.etag) {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        let reply = Reply::body(StatusCode::OK, JSON.clone(), Body::full(shown.body.clone()));
        match coding {
            Some(coding) => reply.header(header::CONTENT_ENCODING, HeaderValue::from_static(coding.as_str())),
            None => reply,
        }
    };
    reply.settle();
    let headers = reply.headers_mut();
    headers.insert(header::ETAG, etag);
    headers.insert(header::CACHE_CONTROL, PUBLIC.clone());
    if let Some(links) = answer.links() {
        headers.insert(header::LINK, HeaderValue::from_maybe_shared(links.clone()).map_err(Problem::internal)?);
    }
    // Small bodies have one form only, unless somebody refuses just that; what is made for them is for nobody else.
    if plain.body.len() >= negotiation::BYTES_MIN || coding.is_some() {
        headers.insert(header::VARY, ACCEPT_ENCODING.clone());
    }
    Ok((reply, coding))
}

/// The body in this coding, made when it is first wanted; `None` when that has failed.
async fn form(answer: &Answer, coding: Coding) -> Option<&Form> {
    let number = coding as usize;
    if let Some(made) = answer.coded(number) {
        return made;
    }
    let suffix = match coding {
        Coding::Zstd => "-zstd",
        Coding::Brotli => "-br",
        Coding::Gzip => "-gzip",
    };
    Box::pin(answer.coded_by(number, suffix, |body| make(body, coding))).await
}

async fn make(body: Bytes, coding: Coding) -> Option<Bytes> {
    let compressed = if body.len() < compression::BYTES_ASIDE {
        compression::compress(coding, &body)
    } else {
        aside(move || compression::compress(coding, &body)).await
    };
    compressed.inspect_err(|error| tracing::error!(%error, "a cached body was not compressed")).ok()
}
