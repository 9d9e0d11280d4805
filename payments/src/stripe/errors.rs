//! Errors of Stripe, by what they mean to money. Source: <https://docs.stripe.com/api/errors> and
//! <https://docs.stripe.com/error-low-level>, read on 2026-11-30.

use domain::payments::gateway::GatewayError;
use reqwest::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorObject,
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
    message: Option<String>,
    /// The intent as it stands after its card was declined.
    payment_intent: Option<Value>,
}

/// The object of an answer. A declined card is one: the intent stands there, and waits for another one.
pub(super) fn object<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, GatewayError> {
    let unreadable = |error: serde_json::Error| GatewayError::OutcomeUnknown(format!("{status}, unreadable: {error}"));
    if status.is_success() {
        return serde_json::from_slice(body).map_err(unreadable);
    }
    let error = serde_json::from_slice::<ErrorBody>(body).ok().map(|body| body.error);
    let kind = error.as_ref().map_or("", |error| error.kind.as_str());
    let code = error.as_ref().and_then(|error| error.code.clone()).unwrap_or_else(|| kind.to_owned());
    let message = error.as_ref().and_then(|error| error.message.clone()).unwrap_or_else(|| status.to_string());
    if kind == "card_error"
        && let Some(declined) = error.and_then(|error| error.payment_intent)
    {
        return serde_json::from_value(declined).map_err(unreadable);
    }
    Err(match status.as_u16() {
        401 | 403 => GatewayError::Misconfigured(message),
        // Refused before anything was done.
        429 => GatewayError::Unavailable(message),
        // Another request with this key is under way, or was made with other parameters: that one may have charged.
        409 => GatewayError::OutcomeUnknown(message),
        _ if code == "idempotency_error" => GatewayError::OutcomeUnknown(message),
        // Something that Stripe needs has failed on the way.
        424 => GatewayError::OutcomeUnknown(message),
        400..=499 => GatewayError::Refused { code, message },
        _ => GatewayError::OutcomeUnknown(message),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(status: u16, kind: &str, code: Option<&str>) -> GatewayError {
        let body = json!({ "error": { "type": kind, "code": code, "message": "No." } }).to_string();
        object::<Value>(StatusCode::from_u16(status).unwrap(), body.as_bytes()).unwrap_err()
    }

    #[test]
    fn an_error_says_whether_money_may_have_moved() {
        for (status, kind, code) in [
            (409, "invalid_request_error", Some("idempotency_key_in_use")),
            (400, "idempotency_error", None),
            (424, "api_error", None),
            (500, "api_error", None),
            (503, "api_error", None),
            (302, "", None),
        ] {
            assert!(matches!(error(status, kind, code), GatewayError::OutcomeUnknown(_)), "{status} {kind}");
        }
        for (status, kind) in [(401, "invalid_request_error"), (403, "invalid_request_error")] {
            assert!(matches!(error(status, kind, None), GatewayError::Misconfigured(_)), "{status}");
        }
        assert!(matches!(error(429, "invalid_request_error", Some("rate_limit")), GatewayError::Unavailable(_)));
        let refused = GatewayError::Refused { code: "amount_too_small".to_owned(), message: "No.".to_owned() };
        assert_eq!(error(400, "invalid_request_error", Some("amount_too_small")), refused);
    }

    #[test]
    fn what_can_not_be_read_is_no_refusal() {
        let read = |status, body: &[u8]| object::<Value>(status, body).unwrap_err();
        assert!(matches!(read(StatusCode::OK, b"{"), GatewayError::OutcomeUnknown(_)));
        assert!(matches!(read(StatusCode::BAD_GATEWAY, b"<html>"), GatewayError::OutcomeUnknown(_)));
    }

    #[test]
    fn a_declined_card_is_an_answer() {
        let intent = json!({ "id": "pi_1" });
        let body = json!({ "error": { "type": "card_error", "code": "card_declined", "payment_intent": intent } });
        let read = object::<Value>(StatusCode::PAYMENT_REQUIRED, body.to_string().as_bytes());
        assert_eq!(read, Ok(intent));
    }
}
