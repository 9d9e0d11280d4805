//! Attempts one after the other, and what a repeated request is told.

use std::time::Duration;

use serde_json::json;

use super::{charges, path, pay, pay_as, payment, priced, server, settings, status, unpaid};
use crate::support::{EventBuilder, client::new_key, until};

/// Guards: `as_first_answered`, and that a key is looked up before anything else.
#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_whatever_happened_since() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let (booking, key, body) = (unpaid(&api, &event).await, new_key(), json!({ "method": "sandbox_action" }));
    let first = pay_as(&api, &booking, &key, &body).await;
    let id = first.created()["id"].as_str().unwrap().to_owned();
    api.post(&format!("/api/v1/sandbox/payments/{id}/actions"), &json!({ "outcome": "succeed" })).await.ok();
    let again = pay_as(&api, &booking, &key, &body).await;
    assert!(!first.is_replay() && again.is_replay());
    assert_eq!((again.created(), &again.body), (first.created(), &first.body));
    assert_eq!(payment(&api, &first.created()).await["status"], "SUCCEEDED");
    pay_as(&api, &booking, &key, &json!({ "method": "card" })).await.problem(422, "IDEMPOTENCY_002");
    let other = unpaid(&api, &event).await;
    pay_as(&api, &other, &key, &body).await.problem(422, "IDEMPOTENCY_002");
    assert_eq!(charges(&server, &booking, "succeeded").await, 1);
    server.audit().await;
}

/// Guards: `make_room`. The gateway is told later; what the payer's page does then has no effect there.
#[tokio::test]
async fn an_attempt_that_waits_for_its_payer_makes_room() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let booking = unpaid(&api, &event).await;
    let waits = pay(&api, &booking, "sandbox_action").await.created();
    let paid = pay(&api, &booking, "card").await.created();
    assert_eq!(payment(&api, &waits).await["status"], "CANCELLED");
    assert_eq!((&paid["status"], status(&api, &booking).await), (&json!("SUCCEEDED"), json!("CONFIRMED")));
    server.audit().await;
}

/// Guards: the unique index of open attempts, and `payments_one_open_idx` in `begin_in`.
#[tokio::test]
async fn while_money_may_be_on_its_way_no_other_attempt_begins() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    for method in ["sandbox_slow", "sandbox_timeout"] {
        let booking = unpaid(&api, &event).await;
        let begun = pay(&api, &booking, method).await.created();
        assert_eq!(begun["status"], "PROCESSING", "{method}");
        let refused = pay(&api, &booking, "card").await;
        refused.problem(409, "PAYMENT_005");
        assert_eq!(refused.json()["paymentId"], begun["id"]);
    }
    server.audit().await;
}

#[tokio::test]
async fn what_waits_for_no_payment_is_not_paid() {
    let server = server().await;
    let (priced, free) = (priced(&server).await, server.event(EventBuilder::ga(5)).await);
    let api = server.signed_in().await;
    let gift = api.book(&free, &free.places(1)).await.created();
    pay(&api, &gift, "card").await.problem(409, "PAYMENT_001");
    let paid = unpaid(&api, &priced).await;
    pay(&api, &paid, "card").await.created();
    pay(&api, &paid, "card").await.problem(409, "PAYMENT_001");
    let cancelled = unpaid(&api, &priced).await;
    api.delete(&path(&cancelled)).await.ok();
    pay(&api, &cancelled, "card").await.problem(409, "PAYMENT_002");
    let server = settings().payment(Duration::from_secs(1)).start().await;
    let (event, api) = (super::priced(&server).await, server.signed_in().await);
    let expired = unpaid(&api, &event).await;
    until("it expires", async || status(&api, &expired).await == "EXPIRED").await;
    pay(&api, &expired, "card").await.problem(409, "PAYMENT_002");
}
