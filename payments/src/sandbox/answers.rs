//! Answers of the sandbox: objects, lists and errors in the shapes of Stripe.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::store::StoreError;

/// What a request is answered with.
pub(super) enum ApiAnswer {
    Object(Value),
    /// An error, with its status, type and code.
    Error {
        status: StatusCode,
        kind: &'static str,
        code: &'static str,
        message: String,
        intent: Option<Value>,
    },
    /// None, for as long as the client waits.
    Silence,
}

impl ApiAnswer {
    pub(super) fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::refused(StatusCode::BAD_REQUEST, "invalid_request_error", code, message)
    }

    pub(super) fn refused(
        status: StatusCode,
        kind: &'static str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self::Error { status, kind, code, message: message.into(), intent: None }
    }

    pub(super) fn no_such(id: &str) -> Self {
        Self::refused(
            StatusCode::NOT_FOUND,
            "invalid_request_error",
            "resource_missing",
            format!("No such object: {id}"),
        )
    }

    /// A declined card comes with the intent as it stands.
    pub(super) fn declined(intent: Value) -> Self {
        let message = "Your card was declined.".to_owned();
        let (status, kind, code) = (StatusCode::PAYMENT_REQUIRED, "card_error", "card_declined");
        Self::Error { status, kind, code, message, intent: Some(intent) }
    }

    pub(super) fn list(data: Vec<Value>, has_more: bool) -> Self {
        Self::Object(json!({ "object": "list", "data": data, "has_more": has_more }))
    }

    /// Status and body; nothing for silence.
    pub(super) fn written(self) -> Option<(StatusCode, Value)> {
        match self {
            Self::Object(object) => Some((StatusCode::OK, object)),
            Self::Error { status, kind, code, message, intent } => {
                let error = json!({ "type": kind, "code": code, "message": message, "payment_intent": intent });
                Some((status, json!({ "error": error })))
            }
            Self::Silence => None,
        }
    }
}

impl From<StoreError> for ApiAnswer {
    fn from(error: StoreError) -> Self {
        Self::refused(StatusCode::INTERNAL_SERVER_ERROR, "api_error", "store", error.to_string())
    }
}
