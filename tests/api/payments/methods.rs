//! Each method of the sandbox, to its end.

use serde_json::json;

use super::{charges, pay, pay_as, payment, priced, server, status, unpaid};
use crate::support::client::new_key;

#[tokio::test]
async fn a_card_that_is_taken_confirms_the_booking() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    for body in [json!({}), json!({ "method": "card" }), json!({ "method": "sandbox_success" })] {
        let booking = unpaid(&api, &event).await;
        let answer = pay_as(&api, &booking, &new_key(), &body).await;
        let paid = answer.created();
        assert_eq!(answer.header("location"), Some(&*format!("/api/v1/payments/{}", paid["id"].as_str().unwrap())));
        assert_eq!((&paid["status"], &paid["provider"]), (&json!("SUCCEEDED"), &json!("sandbox")), "{paid}");
        assert_eq!((&paid["amount"], &paid["bookingId"]), (&booking["total"], &booking["id"]));
        assert_eq!((paid.get("clientSecret"), paid.get("redirectUrl"), paid.get("failure")), (None, None, None));
        assert_eq!(payment(&api, &paid).await, paid);
        let shown = api.get(&super::path(&booking)).await.ok();
        assert_eq!((&shown["status"], shown.get("expiresAt")), (&json!("CONFIRMED"), None));
        assert_eq!(charges(&server, &booking, "succeeded").await, 1);
    }
    assert_eq!(api.places(&event).await, (0, 3, 997));
    server.audit().await;
}

/// Guards: that a decline is an answer, its reason, and that the buyer may try again.
#[tokio::test]
async fn a_declined_card_fails_and_another_one_may_be_tried() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let booking = unpaid(&api, &event).await;
    let declined = pay(&api, &booking, "sandbox_declined").await.created();
    assert_eq!((&declined["status"], &declined["failure"]["code"]), (&json!("FAILED"), &json!("card_declined")));
    assert_eq!(status(&api, &booking).await, "PENDING_PAYMENT");
    let paid = pay(&api, &booking, "sandbox_success").await.created();
    assert_eq!(paid["status"], "SUCCEEDED");
    let listed = api.get(&format!("{}/payments", super::path(&booking))).await.ok();
    let statuses: Vec<_> = listed["data"].as_array().unwrap().iter().map(|of| of["status"].clone()).collect();
    assert_eq!(statuses, ["FAILED", "SUCCEEDED"]);
    assert_eq!(charges(&server, &booking, "succeeded").await, 1);
    server.audit().await;
}

#[tokio::test]
async fn an_action_ends_as_its_payer_says() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    for (outcome, ends, booked) in [("succeed", "SUCCEEDED", "CONFIRMED"), ("fail", "FAILED", "PENDING_PAYMENT")] {
        let booking = unpaid(&api, &event).await;
        let waits = pay(&api, &booking, "sandbox_action").await.created();
        assert_eq!(waits["status"], "REQUIRES_ACTION");
        let id = waits["id"].as_str().unwrap();
        assert!(waits["redirectUrl"].as_str().unwrap().ends_with(&format!("/sandbox/payments/{id}")), "{waits}");
        assert!(waits["clientSecret"].is_string(), "{waits}");
        let action = format!("/api/v1/sandbox/payments/{id}/actions");
        server.signed_in().await.post(&action, &json!({ "outcome": outcome })).await.problem(404, "RESOURCE_001");
        let done = api.post(&action, &json!({ "outcome": outcome })).await.ok();
        assert_eq!(done["status"], ends);
        assert_eq!((done.get("redirectUrl"), done.get("clientSecret")), (None, None));
        assert_eq!(status(&api, &booking).await, booked);
        api.post(&action, &json!({ "outcome": outcome })).await.problem(409, "PAYMENT_001");
    }
    let wrong = api.post(&format!("/api/v1/sandbox/payments/{}/actions", new_key()), &json!({ "outcome": "x" })).await;
    wrong.problem(404, "RESOURCE_001");
    server.audit().await;
}
