//! Paying bookings, with the sandbox as the gateway: a server of its own, over real connections.

mod attempts;
mod double_clicks;
mod methods;
mod outages;
mod refusals;
mod transfers;
mod webhooks;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, EventBuilder, Settings, TestEvent, TestServer, client::new_key};

/// A server whose gateway takes at most a second to answer.
fn settings() -> Settings {
    Settings::default().set("BOXOFFICE__PAYMENTS__TIMEOUT", "1s").set("BOXOFFICE__PAYMENTS__CHECK_AFTER", "2s")
}

async fn server() -> TestServer {
    settings().start().await
}

/// An event whose tickets cost 12.50 EUR.
async fn priced(server: &TestServer) -> TestEvent {
    server.event(EventBuilder::ga(1000).price("12.50")).await
}

/// A booking that waits for its payment, of one ticket.
async fn unpaid(api: &Api, event: &TestEvent) -> Value {
    let booking = api.book(event, &event.places(1)).await.created();
    assert_eq!(booking["status"], "PENDING_PAYMENT");
    booking
}

fn path(booking: &Value) -> String {
    format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap())
}

/// Pays by this method, with a new key.
pub(crate) async fn pay(api: &Api, booking: &Value, method: &str) -> Answer {
    pay_as(api, booking, &new_key(), &json!({ "method": method })).await
}

async fn pay_as(api: &Api, booking: &Value, key: &str, body: &Value) -> Answer {
    api.send(Method::POST, &format!("{}/payments", path(booking)), Some(key), Some(body)).await
}

/// The attempt as it is now.
async fn payment(api: &Api, of: &Value) -> Value {
    api.get(&format!("/api/v1/payments/{}", of["id"].as_str().unwrap())).await.ok()
}

async fn status(api: &Api, booking: &Value) -> Value {
    api.get(&path(booking)).await.ok()["status"].clone()
}

/// How many intents the sandbox has of a booking, in this state.
async fn charges(server: &TestServer, booking: &Value, status: &str) -> i64 {
    let count = "SELECT count(*) FROM sandbox_documents WHERE kind = 'intent' AND body ->> 'status' = $2
        AND body #>> '{metadata,booking_id}' = $1";
    let row = server.client.query_one(count, &[&booking["id"].as_str().unwrap(), &status]).await.unwrap();
    row.get(0)
}
