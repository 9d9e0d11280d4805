//! Problem details: refusals as RFC 9457 `application/problem+json`.

use std::{borrow::Cow, fmt, time::Duration};

use domain::{ids::PaymentId, validation::FieldError};
use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    problem_codes::{Code, Entry},
    unsent::Exceeded,
};

/// Most faults of fields in one answer.
const ERRORS_MAX: usize = 50;
/// When a client that takes too little should try again.
const UNSENT_RETRY: Duration = Duration::from_secs(5);
/// Most characters of a field's path, and of what is said about it.
const TEXT_CHARS_MAX: usize = 500;

/// Why a request was refused. Boxed, so that the `Result` of a handler stays small on the path that succeeds.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// How many there were, when not all are told.
    error_count: Option<usize>,
    retry_after: Option<Duration>,
    allowed_until: Option<Timestamp>,
    payment_id: Option<PaymentId>,
    cause: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    is_unbegun: bool,
}

impl Problem {
    /// A refusal of this kind; the catalogue's cause is its detail until [`Problem::detail`] says more.
    pub fn new(code: Code) -> Self {
        Self(Box::new(Inner {
            code,
            detail: Cow::Borrowed(code.entry().cause),
            errors: Vec::new(),
            error_count: None,
            retry_after: None,
            allowed_until: None,
            payment_id: None,
            cause: None,
            headers: Vec::new(),
            is_unbegun: false,
        }))
    }

    /// 404: nothing there, or not the caller's.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// 422 with what is wrong in each field.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self::new(Code::Invalid).errors(errors)
    }

    /// 500. The cause goes to the log with the request's id, and never to the client.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Code::Internal).caused_by(cause)
    }

    /// 503 with `Retry-After`: overloaded, or a dependency is away. The cause goes to the log only.
    pub fn unavailable(retry_after: Duration, cause: impl fmt::Display) -> Self {
        Self::new(Code::Unavailable).retry_after(retry_after).caused_by(cause)
    }

    /// What happened this time, for people. Must not contain internals or other people's data.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// What is wrong in each field. The first fifty are told, and how many there are: an answer must not be larger than what was
    /// asked.
    #[must_use]
    pub fn errors(mut self, mut errors: Vec<FieldError>) -> Self {
        self.0.error_count = (errors.len() > ERRORS_MAX).then_some(errors.len());
        errors.truncate(ERRORS_MAX);
        self.0.errors = errors;
        self
    }

    /// Says that the request was sent away before anything was begun: nothing can come of it later.
    #[must_use]
    pub fn unbegun(mut self) -> Self {
        self.0.is_unbegun = true;
        self
    }

    pub(super) fn is_unbegun(&self) -> bool {
        self.0.is_unbegun
    }

    /// When a retry makes sense; sent as whole seconds, rounded up, at least 1.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Until when it would have been allowed.
    #[must_use]
    pub fn allowed_until(mut self, at: Timestamp) -> Self {
        self.0.allowed_until = Some(at);
        self
    }

    /// The payment that stands in the way.
    #[must_use]
    pub fn payment(mut self, id: PaymentId) -> Self {
        self.0.payment_id = Some(id);
        self
    }

    /// What the log should say about it; never sent.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// A further header of the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Ends the connection with this answer: what follows on it can't be trusted, or will not come.
    #[must_use]
    pub fn closing(self) -> Self {
        self.header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// Its kind.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.0.code.entry().status
    }

    /// What the log should say about it.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// Status, body and headers of the answer, for a request to `instance` (a path) known as `request_id`.
    pub(super) fn written(
        self,
        instance: &str,
        request_id: &str,
    ) -> (StatusCode, Vec<u8>, Vec<(HeaderName, HeaderValue)>) {
        let Inner { code, detail, errors, error_count, retry_after, allowed_until, payment_id, headers, .. } = *self.0;
        let entry = code.entry();
        let document = Document {
            kind: Kind(entry),
            title: entry.title,
            status: entry.status.as_u16(),
            detail: &detail,
            instance,
            code: entry.code,
            request_id,
            timestamp: Timestamp::now(),
            errors: errors.iter().map(Field::from).collect(),
            error_count,
            allowed_until,
            payment_id,
        };
        // A document of strings and numbers always serialises; an empty body would still carry status and headers.
        let body = simd_json::serde::to_vec(&document).unwrap_or_default();
        let mut all = Vec::with_capacity(headers.len() + 2);
        if let Some(wait) = retry_after {
            all.push((header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait))));
        }
        if entry.status == StatusCode::UNAUTHORIZED {
            // A 401 always says how to sign in (RFC 9110, 15.5.2); what a handler says about the token wins.
            all.push((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"boxoffice\"")));
        }
        all.extend(headers);
        (entry.status, body, all)
    }
}

/// Rounded up, at least 1: a client told to come back after 0 s would come back into the same wall.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl From<Vec<FieldError>> for Problem {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::invalid(errors)
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        match exceeded {
            Exceeded::Node => Problem::unavailable(UNSENT_RETRY, exceeded),
            Exceeded::Network => Problem::new(Code::RateLimited)
                .detail("your network has asked for more than it takes; read the answers that are on their way first")
                .retry_after(UNSENT_RETRY),
        }
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::invalid(vec![error])
    }
}

/// A refusal (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    /// Where it is explained, relative to the server.
    #[serde(rename = "type")]
    #[schema(value_type = String, format = "uri-reference")]
    kind: Kind,
    /// The same words for every occurrence.
    title: &'static str,
    status: u16,
    /// What happened this time, for people.
    detail: &'a str,
    /// The path that was asked for.
    instance: &'a str,
    /// For programs; stable.
    code: &'static str,
    /// Names the request in the server's log.
    request_id: &'a str,
    timestamp: Timestamp,
    /// What is wrong in each field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 50)]
    errors: Vec<Field<'a>>,
    /// How many there are, when they are more than fifty: then the first fifty are in `errors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 51)]
    error_count: Option<usize>,
    /// Of `BOOKING_006`: until when buyers could cancel.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    allowed_until: Option<Timestamp>,
    /// Of `PAYMENT_005`: the attempt that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid", nullable = false)]
    payment_id: Option<PaymentId>,
}

/// One of its kind, as the document of the API shows it.
pub(super) fn example(entry: &'static Entry) -> serde_json::Value {
    let errors = match entry.status {
        StatusCode::UNPROCESSABLE_ENTITY if entry.code == Code::Invalid.as_str() => {
            vec![Field { field: "items[0].quantity", code: "OUT_OF_RANGE", message: "must be from 1 to 100" }]
        }
        _ => Vec::new(),
    };
    let document = Document {
        kind: Kind(entry),
        title: entry.title,
        status: entry.status.as_u16(),
        detail: entry.cause,
        instance: "/api/v1/…",
        code: entry.code,
        request_id: "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21",
        // The document is the same at every start.
        timestamp: Timestamp::UNIX_EPOCH,
        errors,
        error_count: None,
        allowed_until: None,
        payment_id: None,
    };
    serde_json::to_value(document).unwrap_or_default()
}

/// The address of the documentation, relative to the server (RFC 9457 allows that), written without a copy.
struct Kind(&'static Entry);

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("/problems/{}", self.0.code))
    }
}

/// What is wrong in one field.
#[derive(Serialize, ToSchema)]
#[schema(as = FieldProblem)]
struct Field<'a> {
    /// Its path in the body, or the name of a parameter.
    field: &'a str,
    /// For programs; stable.
    code: &'static str,
    message: &'a str,
}

/// As much of a text as is told: a client may have sent a megabyte of it.
fn beginning(text: &str) -> &str {
    text.char_indices().nth(TEXT_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

impl<'a> From<&'a FieldError> for Field<'a> {
    fn from(error: &'a FieldError) -> Self {
        Self { field: beginning(&error.field), code: error.code, message: beginning(&error.message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_and_never_zero() {
        for (wait, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (60_000, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), seconds, "{wait} ms");
        }
    }

    /// Guards: that a refusal is small, however much was wrong with what was sent.
    #[test]
    fn of_many_faults_the_first_are_told_and_how_many_there_are() {
        let document = |errors: Vec<FieldError>| {
            let body = Problem::invalid(errors).into_reply("/api/v1/x", "r-1").into_bytes();
            (body.len(), serde_json::from_slice::<serde_json::Value>(&body).unwrap())
        };
        let fault = |number: usize| FieldError::new(format!("setting{number}"), "UNKNOWN_FIELD", "is not a setting");
        let (_, few) = document((0..50).map(fault).collect());
        assert_eq!((few["errors"].as_array().unwrap().len(), few.get("errorCount")), (50, None));
        let (bytes, many) = document((0..100_000).map(fault).collect());
        assert!(bytes < 8_000, "{bytes} bytes");
        assert_eq!(many["errors"].as_array().unwrap().len(), 50);
        assert_eq!((&many["errorCount"], &many["errors"][49]["field"]), (&100_000.into(), &"setting49".into()));
        let (bytes, _) = document(vec![FieldError::new("é".repeat(1 << 20), "UNKNOWN_FIELD", "x".repeat(1 << 20))]);
        assert!(bytes < 4_000, "{bytes} bytes");
    }

    #[test]
    fn the_document_has_all_members_and_hides_the_cause() {
        let problem = Problem::internal("password is hunter2").errors(vec![FieldError::new("a.b", "INVALID", "no")]);
        assert_eq!(problem.cause(), Some("password is hunter2"));
        let body = problem.into_reply("/api/v1/x", "r-1").into_bytes();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let mut members: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(
            members,
            ["code", "detail", "errors", "instance", "requestId", "status", "timestamp", "title", "type"]
        );
        assert_eq!(json["type"], "/problems/INTERNAL_001");
        assert_eq!(json["errors"][0]["field"], "a.b");
        assert!(!String::from_utf8_lossy(&body).contains("hunter2"));
    }
}
