//! One request to Stripe, and what its answer means to money.

use domain::payments::gateway::GatewayError;
use reqwest::{Method, RequestBuilder, StatusCode, header::CONTENT_TYPE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::{
    config::{API_VERSION, StripeConfig},
    errors,
};

pub(super) struct Client {
    http: reqwest::Client,
    base_url: String,
    secret_key: SecretString,
}

impl Client {
    pub(super) fn new(config: &StripeConfig) -> Result<Self, GatewayError> {
        let http = reqwest::Client::builder();
        // Without encryption it is on this machine, where no proxy leads.
        let is_local = config.base_url.starts_with("http://");
        let http = if is_local { http.no_proxy() } else { http };
        let http = http
            .timeout(config.timeout)
            .connect_timeout(config.connect_timeout)
            // A secret key follows no redirect.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| GatewayError::Misconfigured(error.to_string()))?;
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        Ok(Self { http, base_url, secret_key: config.secret_key.clone() })
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        let query = encoded(query);
        let separator = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{separator}{query}", self.base_url);
        let request = self.http.request(method, url).bearer_auth(self.secret_key.expose_secret());
        request.header("stripe-version", API_VERSION)
    }

    /// An object, or nothing when there is no such.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Option<T>, GatewayError> {
        let (status, body) = send(self.request(Method::GET, path, query)).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        errors::object(status, &body).map(Some)
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, String)],
        idempotency_key: Option<&str>,
    ) -> Result<T, GatewayError> {
        let mut request = self.request(Method::POST, path, &[]);
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(encoded(form));
        let (status, body) = send(request).await?;
        errors::object(status, &body)
    }
}

fn encoded(pairs: &[(&str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn send(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), GatewayError> {
    let answer = request.send().await.map_err(unanswered)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(unanswered)?;
    Ok((status, body.into()))
}

/// Without a connection nothing was asked. Later it may have been heard. The address is left out of the text: it may have ids of payments.
fn unanswered(error: reqwest::Error) -> GatewayError {
    let (is_unreached, is_unbuilt) = (error.is_connect(), error.is_builder());
    let reason = error.without_url().to_string();
    match (is_unbuilt, is_unreached) {
        (true, _) => GatewayError::Misconfigured(reason),
        (_, true) => GatewayError::Unavailable(reason),
        _ => GatewayError::OutcomeUnknown(reason),
    }
}
