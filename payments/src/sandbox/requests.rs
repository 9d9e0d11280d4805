//! Requests to the sandbox, as strictly read as Stripe reads them.

use hyper::{Method, StatusCode, http::request::Parts};
use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded;

use super::answers::ApiAnswer;
use crate::stripe::API_VERSION;

/// A request whose headers are right.
pub(super) struct ApiRequest {
    pub method: Method,
    /// Below `/v1/`.
    pub path: Vec<String>,
    /// Of the query, or of the body.
    pub parameters: Vec<(String, String)>,
    pub idempotency_key: Option<String>,
}

impl ApiRequest {
    pub(super) fn read(head: &Parts, body: &[u8], secret_key: &SecretString) -> Result<Self, ApiAnswer> {
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        if header("authorization") != Some(&format!("Bearer {}", secret_key.expose_secret())) {
            let (kind, code) = ("invalid_request_error", "api_key_invalid");
            return Err(ApiAnswer::refused(StatusCode::UNAUTHORIZED, kind, code, "Invalid API Key provided."));
        }
        if header("stripe-version") != Some(API_VERSION) {
            return Err(ApiAnswer::invalid("api_version", "Invalid Stripe API version."));
        }
        let is_form = header("content-type") == Some("application/x-www-form-urlencoded");
        if head.method == Method::POST && !is_form {
            return Err(ApiAnswer::invalid("content_type", "Invalid request: the body is a form."));
        }
        let text = if head.method == Method::POST { body } else { head.uri.query().unwrap_or_default().as_bytes() };
        let path = head.uri.path().strip_prefix("/v1/").unwrap_or_default();
        Ok(Self {
            method: head.method.clone(),
            path: path.split('/').map(str::to_owned).collect(),
            parameters: form_urlencoded::parse(text).into_owned().collect(),
            idempotency_key: header("idempotency-key").map(str::to_owned),
        })
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, ApiAnswer> {
        let missing = || ApiAnswer::invalid("parameter_missing", format!("Missing required param: {name}."));
        self.parameter(name).ok_or_else(missing)
    }

    /// A whole number, which amounts and times are.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ApiAnswer> {
        let invalid = |_| ApiAnswer::invalid("parameter_invalid_integer", format!("Invalid integer: {name}"));
        self.parameter(name).map(|text| text.parse().map_err(invalid)).transpose()
    }

    /// Refuses every parameter but these and metadata, as Stripe does.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ApiAnswer> {
        let is_known = |name: &str| known.contains(&name) || name.starts_with("metadata[");
        match self.parameters.iter().find(|(name, _)| !is_known(name)) {
            Some((name, _)) => {
                Err(ApiAnswer::invalid("parameter_unknown", format!("Received unknown parameter: {name}")))
            }
            None => Ok(()),
        }
    }

    /// What the client wants to be remembered.
    pub(super) fn metadata(&self) -> serde_json::Map<String, serde_json::Value> {
        let named = self.parameters.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((name.to_owned(), value.clone().into()))
        });
        named.collect()
    }
}
