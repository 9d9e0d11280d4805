//! A typed client of the API, for one caller at a time.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Buyer, PATIENCE, TestEvent, document::document};

/// An address to ask, perhaps with a token. Every answer of the public listener is compared with the OpenAPI document.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    token: Option<String>,
    /// Sent with every request.
    headers: HeaderMap,
    /// Whether there is a document of what it answers.
    documented: bool,
}

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A key that nobody used before.
pub(crate) fn new_key() -> String {
    Uuid::now_v7().to_string()
}

impl Api {
    /// Of the server at `address`, without a token.
    pub(crate) fn new(address: impl std::fmt::Display) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).pool_idle_timeout(Duration::from_secs(5));
        let (http, base) = (http.build().unwrap(), format!("http://{address}"));
        Self { http, base, token: None, headers: HeaderMap::new(), documented: true }
    }

    /// Of the listener for operators at `address`, whose answers no document describes.
    pub(crate) fn of_operators(address: impl std::fmt::Display) -> Self {
        Self { documented: false, ..Self::new(address) }
    }

    /// The same for this caller.
    pub(crate) fn of(&self, buyer: &Buyer) -> Self {
        self.with_token(&buyer.token)
    }

    /// The same with this token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same with this header in every request.
    pub(crate) fn with_header(&self, name: &'static str, value: &str) -> Self {
        let mut api = self.clone();
        api.headers.insert(name, value.parse().unwrap());
        api
    }

    /// The token it sends.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// One request; `None` when there is no answer: refused, reset, timed out.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        self.try_send_with(method, path, &headers, body).await
    }

    /// The same with these headers.
    pub(crate) async fn try_send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Option<Answer> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        request = request.headers(self.headers.clone());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = Answer { status: status.as_u16(), headers, body: response.bytes().await.ok()? };
        if let Some(operation) = document().operation(&method, path).filter(|_| self.documented) {
            operation.check(status, &answer.headers, &answer.body);
            if let Some(body) = body.filter(|_| status.is_success()) {
                operation.check_accepted(body);
            }
        }
        Some(answer)
    }

    /// One request that must be answered.
    pub(crate) async fn send(&self, method: Method, path: &str, key: Option<&str>, body: Option<&Value>) -> Answer {
        let answer = self.try_send(method.clone(), path, key, body).await;
        answer.unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// One request with these headers that must be answered.
    pub(crate) async fn send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let answer = self.try_send_with(method.clone(), path, headers, body).await;
        answer.unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// Changes what is there, based on the revision that it has now.
    pub(crate) async fn change(&self, path: &str, body: &Value) -> Answer {
        let tag = self.get(path).await.etag();
        self.send_with(Method::PATCH, path, &[("if-match", &tag)], Some(body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, None, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, None, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, None).await
    }

    /// Books with a new key: `{"items": …}` or `{"holdId": …}`.
    pub(crate) async fn book(&self, event: &TestEvent, body: &Value) -> Answer {
        self.book_as(event, &new_key(), body).await
    }

    /// Books with this key.
    pub(crate) async fn book_as(&self, event: &TestEvent, key: &str, body: &Value) -> Answer {
        self.send(Method::POST, &event.path("bookings"), Some(key), Some(body)).await
    }

    /// Holds with a new key.
    pub(crate) async fn hold(&self, event: &TestEvent, body: &Value) -> Answer {
        self.hold_as(event, &new_key(), body).await
    }

    /// Holds with this key.
    pub(crate) async fn hold_as(&self, event: &TestEvent, key: &str, body: &Value) -> Answer {
        self.send(Method::POST, &event.path("holds"), Some(key), Some(body)).await
    }

    /// (held, sold, available) of the event's first ticket type, as everybody sees it.
    pub(crate) async fn places(&self, event: &TestEvent) -> (u64, u64, u64) {
        let shown = self.get(&event.path("availability")).await.ok();
        let first = &shown["ticketTypes"][0];
        let of = |name: &str| first[name].as_u64().unwrap();
        (of("held"), of("sold"), of("available"))
    }

    /// The state of each seat that is not free, in the order of the map.
    pub(crate) async fn taken_seats(&self, event: &TestEvent) -> Vec<(Uuid, String)> {
        let shown = self.get(&event.path("availability?seats=true")).await.ok();
        let state = |seat: &Value| (uuid(&seat["id"]), seat["status"].as_str().unwrap().to_owned());
        shown["seats"].as_array().unwrap().iter().map(state).filter(|(_, state)| state != "FREE").collect()
    }
}

/// So many places of a ticket type.
pub(crate) fn quantity(ticket_type: Uuid, quantity: u32) -> Value {
    json!({ "items": [{ "ticketTypeId": ticket_type, "quantity": quantity }] })
}

/// These seats.
pub(crate) fn seats(ticket_type: Uuid, seats: &[Uuid]) -> Value {
    json!({ "items": [{ "ticketTypeId": ticket_type, "seatIds": seats }] })
}

/// So many of the best seats.
pub(crate) fn best(ticket_type: Uuid, quantity: u32) -> Value {
    json!({ "items": [{ "ticketTypeId": ticket_type, "quantity": quantity, "bestAvailable": true }] })
}

/// An id in JSON.
#[track_caller]
pub(crate) fn uuid(value: &Value) -> Uuid {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is not an id"))
}

/// An instant in JSON.
#[track_caller]
pub(crate) fn instant(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is not an instant"))
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Its revision, as `If-Match` wants it.
    #[track_caller]
    pub(crate) fn etag(&self) -> String {
        let tag = self.header("etag").unwrap_or_else(|| panic!("no ETag: {self:?}"));
        assert!(tag.starts_with('"'), "a strong validator: {tag}");
        tag.to_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Whether it repeats an earlier answer.
    pub(crate) fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// The body of a 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        self.with_status(200)
    }

    /// The body of a 201.
    #[track_caller]
    pub(crate) fn created(&self) -> Value {
        self.with_status(201)
    }

    #[track_caller]
    fn with_status(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.json()
    }

    /// Checks that it is a problem of this kind with everything that a problem has, and returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{text}");
        let json = self.json();
        assert_eq!(json["code"], code, "{json}");
        assert_eq!(json["type"], format!("/problems/{code}"));
        assert_eq!(json["status"], status);
        assert_eq!(json["requestId"].as_str(), self.header("x-request-id"));
        instant(&json["timestamp"]);
        for member in ["title", "detail", "instance"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {json}");
        }
        if [429, 503].contains(&status) {
            assert!(self.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok()), "{self:?}");
        }
        json
    }

    /// Fields and codes of a validation problem.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let json = self.problem(422, "VALIDATION_001");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let fault = |error: &Value| (text(&error["field"]), text(&error["code"]));
        json["errors"].as_array().unwrap().iter().map(fault).collect()
    }
}
