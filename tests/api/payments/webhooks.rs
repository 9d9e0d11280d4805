//! Messages of gateways: who is believed, and that each is kept once.

use boxoffice_payments::stripe::signature::sign;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{pay, priced, server, settings, unpaid};
use crate::support::{Api, TestServer, until};

const PATH: &str = "/api/v1/webhooks/stripe";
const SECRET: &str = "whsec_of_tests_0123456789";

/// A server that Stripe would tell things. Nobody is asked: nothing listens there.
async fn with_stripe() -> TestServer {
    let settings = settings()
        .set("BOXOFFICE__PAYMENTS__STRIPE_SECRET_KEY", "sk_test_0123456789")
        .set("BOXOFFICE__PAYMENTS__STRIPE_WEBHOOK_SECRET", SECRET)
        .set("BOXOFFICE__PAYMENTS__STRIPE_URL", "http://127.0.0.1:9");
    settings.start().await
}

fn event(id: &str) -> Value {
    let intent =
        json!({ "id": "pi_1", "object": "payment_intent", "amount": 1250, "currency": "eur", "status": "succeeded" });
    json!({ "id": id, "object": "event", "type": "payment_intent.succeeded", "created": 1_790_000_000, "data": { "object": intent } })
}

/// Posts the bytes of `message`, signed at that time.
async fn post(api: &Api, message: &Value, secret: &str, at: Timestamp) -> crate::support::Answer {
    let signature = sign(message.to_string().as_bytes(), &SecretString::from(secret), at);
    api.send_with(reqwest::Method::POST, PATH, &[("stripe-signature", &signature)], Some(message)).await
}

async fn kept(server: &TestServer) -> i64 {
    server.db.number("SELECT count(*) FROM gateway_messages", &[]).await
}

/// Guards: that the raw bytes are verified, before anything of them is believed, and that each is kept once with one job.
#[tokio::test]
async fn a_message_is_kept_once_if_it_is_signed() {
    let server = with_stripe().await;
    let (api, now) = (&server.api, Timestamp::now());
    let message = event("evt_1");
    api.post(PATH, &message).await.problem(400, "PAYMENT_008");
    post(api, &message, "whsec_of_somebody_else", now).await.problem(400, "PAYMENT_008");
    post(api, &message, SECRET, now - SignedDuration::from_mins(6)).await.problem(400, "PAYMENT_008");
    let signature = sign(message.to_string().as_bytes(), &SecretString::from(SECRET), now);
    let other = [("stripe-signature", signature.as_str())];
    let tampered = api.send_with(reqwest::Method::POST, PATH, &other, Some(&event("evt_2"))).await;
    tampered.problem(400, "PAYMENT_008");
    assert_eq!(kept(&server).await, 0);
    for _ in 0..3 {
        assert_eq!(post(api, &message, SECRET, now).await.ok(), json!({ "received": true }));
    }
    assert_eq!(kept(&server).await, 1);
    let jobs = "SELECT count(*) FROM jobs WHERE kind = 'apply_message'";
    assert!(server.db.number(jobs, &[]).await <= 1);
    server.api.post("/api/v1/webhooks/sandbox", &message).await.problem(404, "RESOURCE_001");
}

/// Guards: `Rule::Webhook`, and that what is signed never counts nor is refused by it.
#[tokio::test]
async fn only_what_fails_verification_is_limited() {
    let settings = super::settings()
        .set("BOXOFFICE__PAYMENTS__STRIPE_SECRET_KEY", "sk_test_0123456789")
        .set("BOXOFFICE__PAYMENTS__STRIPE_WEBHOOK_SECRET", SECRET)
        .set("BOXOFFICE__PAYMENTS__STRIPE_URL", "http://127.0.0.1:9")
        .set("BOXOFFICE__RATE_LIMIT__TRUSTED", "10.0.0.0/8");
    let server = settings.start().await;
    let (api, now) = (&server.api, Timestamp::now());
    for number in 0..30 {
        let answer = post(api, &event(&format!("evt_{number}")), SECRET, now).await;
        assert_eq!((answer.status, answer.header("ratelimit")), (200, None));
    }
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(api.post(PATH, &event("evt_x")).await.status);
    }
    assert_eq!(statuses, [400, 400, 400, 400, 400, 429, 429, 429]);
    assert_eq!(post(api, &event("evt_last"), SECRET, now).await.status, 200);
    assert_eq!(kept(&server).await, 31);
}

/// Guards: the address that the sandbox is given, and its secrets.
#[tokio::test]
async fn the_sandbox_tells_what_it_does() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let booking = unpaid(&api, &event).await;
    pay(&api, &booking, "sandbox_slow").await.created();
    until("it has told of the beginning and of the end", async || kept(&server).await >= 2).await;
}
