//! What is refused, in which field, and of whom.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{path, pay, pay_as, payment, priced, server, settings, unpaid};
use crate::support::client::new_key;

#[tokio::test]
async fn a_request_says_what_is_wrong_with_it() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let booking = unpaid(&api, &event).await;
    let payments = format!("{}/payments", path(&booking));
    for (body, field, code) in [
        (json!({ "method": "sandbox_other" }), "method", "UNKNOWN"),
        (json!({ "method": "bank_transfer" }), "method", "NOT_ALLOWED"),
        (json!({ "method": 1 }), "method", "INVALID_TYPE"),
        (json!({ "returnUrl": "javascript:alert(1)" }), "returnUrl", "INVALID_URL"),
        (json!({ "returnUrl": "/paid" }), "returnUrl", "INVALID_URL"),
        (json!({ "amount": 1 }), "amount", "UNKNOWN_FIELD"),
    ] {
        let answer = pay_as(&api, &booking, &new_key(), &body).await;
        answer.problem(422, "VALIDATION_001");
        assert_eq!(answer.faults(), [(field.to_owned(), code.to_owned())], "{body}");
    }
    api.send(Method::POST, &payments, None, Some(&json!({}))).await.problem(400, "IDEMPOTENCY_001");
    assert_eq!(api.get(&payments).await.ok()["data"], json!([]), "nothing was begun");
}

#[tokio::test]
async fn anothers_payments_are_not_there() {
    let server = server().await;
    let event = priced(&server).await;
    let (api, other) = (server.signed_in().await, server.signed_in().await);
    let booking = unpaid(&api, &event).await;
    pay(&other, &booking, "card").await.problem(404, "RESOURCE_001");
    let paid = pay(&api, &booking, "card").await.created();
    other.get(&format!("/api/v1/payments/{}", paid["id"].as_str().unwrap())).await.problem(404, "RESOURCE_001");
    other.get(&format!("{}/payments", path(&booking))).await.problem(404, "RESOURCE_001");
    for nothing in [Uuid::now_v7().to_string(), "7".to_owned()] {
        api.get(&format!("/api/v1/payments/{nothing}")).await.problem(404, "RESOURCE_001");
    }
    assert_eq!(payment(&api, &paid).await["status"], "SUCCEEDED");
}

/// Guards: that a server without a gateway says so, and takes nothing for one.
#[tokio::test]
async fn without_a_gateway_nobody_pays_by_card() {
    let server = settings().set("BOXOFFICE__PAYMENTS__PROVIDER", "none").start().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let booking = unpaid(&api, &event).await;
    let refused = pay(&api, &booking, "card").await;
    refused.problem(503, "PAYMENT_004");
    assert!(refused.header("retry-after").is_some());
    let answer = pay(&api, &booking, "sandbox_success").await;
    assert_eq!(answer.faults(), [("method".to_owned(), "UNKNOWN".to_owned())]);
    server.api.post("/api/v1/webhooks/sandbox", &json!({})).await.problem(404, "RESOURCE_001");
}
