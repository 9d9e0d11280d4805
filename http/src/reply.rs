//! Responses of handlers: JSON with an exact length, and the headers that every answer has.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

pub use super::request_id::REQUEST_ID;
use super::{
    body::Body,
    problem::Problem,
    repeats::source::Source,
    request_id::RequestId,
    unsent::{Exceeded, Payer},
};

/// Tells that an answer was given before, to a request with the same `Idempotency-Key`.
pub static IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Room for the usual answer, a booking: one allocation instead of five.
const USUAL_BYTES: usize = 1024;

static JSON: HeaderValue = HeaderValue::from_static("application/json");
static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What a handler answers.
#[derive(Debug)]
pub struct Reply {
    response: Response<Body>,
    /// Its form is decided.
    is_settled: bool,
    /// What it was made of, when that may be given again.
    source: Option<Box<Source>>,
}

impl Reply {
    /// An answer with this status and no body.
    pub fn empty(status: StatusCode) -> Self {
        let mut response = Response::new(Body::default());
        *response.status_mut() = status;
        // The usual answer has some fifteen headers with `date`; one allocation instead of a growing table.
        *response.headers_mut() = HeaderMap::with_capacity(16);
        Self { response, is_settled: false, source: None }
    }

    /// An answer with this status, content type and body.
    pub fn bytes(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        Self::body(status, content_type, Body::full(body))
    }

    /// An answer with this status, content type and body, which may be a stream.
    pub fn body(status: StatusCode, content_type: HeaderValue, body: Body) -> Self {
        let mut reply = Self::empty(status).header(header::CONTENT_TYPE, content_type);
        *reply.response.body_mut() = body;
        reply
    }

    /// `value` as JSON. Fails, as a 500, only for a type that JSON cannot express (a map whose keys are not strings).
    pub fn json(status: StatusCode, value: &(impl Serialize + ?Sized)) -> Result<Self, Problem> {
        let mut body = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut body, value).map_err(Problem::internal)?;
        Ok(Self::bytes(status, JSON.clone(), body))
    }

    /// 200 with `value` as JSON.
    pub fn ok(value: &(impl Serialize + ?Sized)) -> Result<Self, Problem> {
        Self::json(StatusCode::OK, value)
    }

    /// 201 with `value` as JSON, and where it is to be found. A `location` that is not a valid header is a bug: 500.
    pub fn created(location: &str, value: &(impl Serialize + ?Sized)) -> Result<Self, Problem> {
        let location = HeaderValue::from_str(location).map_err(Problem::internal)?;
        Ok(Self::json(StatusCode::CREATED, value)?.header(header::LOCATION, location))
    }

    /// 204.
    pub fn no_content() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    /// Sets a header, replacing an earlier value. `Cache-Control` set here replaces the default `no-store`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.response.headers_mut().insert(name, value);
        self
    }

    /// Marks the answer as the first one given again.
    #[must_use]
    pub fn replayed(self) -> Self {
        self.header(IDEMPOTENT_REPLAYED.clone(), HeaderValue::from_static("true"))
    }

    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Its headers so far.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.response.headers_mut()
    }

    /// Its body, when that is not a stream.
    pub fn full_body(&self) -> Option<&Bytes> {
        self.response.body().full_bytes()
    }

    /// Says that the body is coded as its client wants it, and validators and `Vary` with it: nothing is to be changed.
    pub fn settle(&mut self) {
        self.is_settled = true;
    }

    pub(super) fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Says what it was made of: who asks the same of the same address gets the same answer.
    pub(super) fn set_source(&mut self, source: Source) {
        self.source = Some(Box::new(source));
    }

    pub(super) fn take_source(&mut self) -> Option<Box<Source>> {
        self.source.take()
    }

    /// Counts its body against a budget until it is sent.
    pub(super) fn charge(&mut self, payer: impl FnOnce() -> Payer) -> Result<(), Exceeded> {
        self.response.body_mut().charge(payer)
    }

    pub(super) fn set_body(&mut self, body: Body) {
        *self.response.body_mut() = body;
    }

    /// The complete answer. A `HEAD` gets the headers of the `GET`, its length included, and no body.
    pub(super) fn into_response(self, request_id: &RequestId, head: bool) -> Response<Body> {
        let mut response = self.response;
        // hyper tells the length of a body that is sent. 204 must not have one (RFC 9110, 8.6), that of a 304 would be another
        // answer's, and a stream has none.
        if head
            && let Some(length) = response.body().len()
            && !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        let headers = response.headers_mut();
        headers.entry(header::CACHE_CONTROL).or_insert_with(|| NO_STORE.clone());
        headers.insert(REQUEST_ID.clone(), request_id.header().clone());
        if head {
            *response.body_mut() = Body::default();
        }
        response
    }

    /// Its whole body, for tests; none of a stream.
    pub fn into_bytes(self) -> Bytes {
        self.full_body().cloned().unwrap_or_default()
    }
}

impl Problem {
    /// The answer, for a request to `instance` (a path) known as `request_id`.
    pub fn into_reply(self, instance: &str, request_id: &str) -> Reply {
        let (status, body, headers) = self.written(instance, request_id);
        let reply = Reply::bytes(status, HeaderValue::from_static("application/problem+json"), body);
        headers.into_iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}
