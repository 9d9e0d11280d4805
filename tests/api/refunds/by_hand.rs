//! Payments by hand.

use reqwest::Method;
use serde_json::json;

use super::{Stage, euros, own, pay};
use crate::support::{client::new_key, until};

/// Guards: that the confirmation and the payment are one, the key is kept, and it is paid once.
#[tokio::test]
async fn an_organizer_marks_a_booking_as_paid() {
    let stage = Stage::at("12.00").await;
    let booking = stage.booked(2).await;
    let path = Stage::managed(&booking, "/payments");
    let (key, body) = (new_key(), json!({ "method": "cash", "note": "at the door" }));
    let payment = stage.organizer.send(Method::POST, &path, Some(&key), Some(&body)).await.created();
    assert_eq!((&payment["status"], &payment["provider"]), (&json!("SUCCEEDED"), &json!("manual")));
    assert_eq!((&payment["method"], &payment["amount"]), (&json!("cash"), &euros("24.00")));
    assert_eq!(stage.buyer.get(&own(&booking)).await.ok()["status"], "CONFIRMED");
    let again = stage.organizer.send(Method::POST, &path, Some(&key), Some(&body)).await;
    assert!(again.is_replay());
    assert_eq!(again.created(), payment);
    let other = json!({ "method": "bank" });
    stage.organizer.send(Method::POST, &path, Some(&key), Some(&other)).await.problem(422, "IDEMPOTENCY_002");
    stage.organize(&booking, "/payments", &body).await.problem(409, "PAYMENT_001");
    // What was paid by hand goes back by hand.
    let refund = json!({ "amount": "4.00", "reason": "no cloakroom" });
    let refund = stage.organize(&booking, "/refunds", &refund).await.created();
    assert_eq!((&refund["status"], &refund["byHand"]), (&json!("SUCCEEDED"), &json!(true)));
    stage.buyer.delete(&own(&booking)).await.ok();
    let refunds = stage.settled(&booking).await;
    assert_eq!((refunds.len(), &refunds[1]["status"]), (2, &json!("SUCCEEDED")));
    let managed = stage.organizer.get(&Stage::managed(&booking, "")).await.ok();
    assert_eq!(managed["payments"][0]["id"], payment["id"]);
    assert!(managed["guest"]["email"].is_string());
    stage.server.audit().await;
}

#[tokio::test]
async fn what_needs_no_money_takes_none() {
    let stage = Stage::at("12.00").await;
    let cash = json!({ "method": "cash" });
    let cancelled = stage.booked(1).await;
    stage.buyer.delete(&own(&cancelled)).await.ok();
    stage.organize(&cancelled, "/payments", &cash).await.problem(409, "PAYMENT_002");
    let paid = stage.paid(1).await;
    stage.organize(&paid, "/payments", &cash).await.problem(409, "PAYMENT_001");
    let booking = stage.booked(1).await;
    let wrong = json!({ "method": "cheque" });
    stage.organize(&booking, "/payments", &wrong).await.problem(422, "VALIDATION_001");
    let long = json!({ "method": "cash", "note": "x".repeat(501) });
    assert_eq!(
        stage.organize(&booking, "/payments", &long).await.faults(),
        [("note".to_owned(), "TOO_LONG".to_owned())]
    );
    stage.organizer.post(&Stage::managed(&booking, "/payments"), &cash).await.problem(400, "IDEMPOTENCY_001");
    let free = Stage::on(stage.server, "0").await;
    let booking = free.booked(1).await;
    free.organize(&booking, "/payments", &cash).await.problem(409, "PAYMENT_001");
    free.server.audit().await;
}

/// Guards: that money on its way is not doubled, and that what only waits for its payer makes room.
#[tokio::test]
async fn a_payment_by_hand_waits_for_the_gateway_and_for_no_payer() {
    let stage = Stage::at("12.00").await;
    let cash = json!({ "method": "cash" });
    let slow = stage.booked(1).await;
    let attempt = pay(&stage.buyer, &slow, "sandbox_slow").await.created();
    let refused = stage.organize(&slow, "/payments", &cash).await.problem(409, "PAYMENT_005");
    assert_eq!(refused["paymentId"], attempt["id"]);
    let waiting = stage.booked(1).await;
    let attempt = pay(&stage.buyer, &waiting, "sandbox_action").await.created();
    stage.organize(&waiting, "/payments", &cash).await.created();
    let first = stage.buyer.get(&format!("/api/v1/payments/{}", attempt["id"].as_str().unwrap())).await.ok();
    assert_eq!(first["status"], "CANCELLED");
    until("the slow payment has come", async || stage.buyer.get(&own(&slow)).await.ok()["status"] == "CONFIRMED").await;
    stage.server.audit().await;
}

/// Guards: that the organizer's word makes the buyer's own attempt the one that paid.
#[tokio::test]
async fn a_bank_transfer_that_has_come_is_the_buyers_attempt() {
    let stage = Stage::at("12.00").await;
    stage.terms(json!({ "methods": ["card", "bank_transfer"] })).await;
    let booking = stage.booked(1).await;
    let attempt = pay(&stage.buyer, &booking, "bank_transfer").await.created();
    assert_eq!(attempt["status"], "REQUIRES_ACTION");
    let path = Stage::managed(&booking, "/payments");
    let (key, body) = (new_key(), json!({ "method": "bank" }));
    let payment = stage.organizer.send(Method::POST, &path, Some(&key), Some(&body)).await.created();
    assert_eq!((&payment["id"], &payment["status"]), (&attempt["id"], &json!("SUCCEEDED")));
    let again = stage.organizer.send(Method::POST, &path, Some(&key), Some(&body)).await;
    assert!(again.is_replay());
    assert_eq!(again.created(), payment);
    assert_eq!(stage.buyer.get(&own(&booking)).await.ok()["status"], "CONFIRMED");
    stage.server.audit().await;
}

/// Guards: that the books have what the organizer has said, and not what the buyer had in mind.
#[tokio::test]
async fn a_bank_transfer_that_is_given_away_is_complimentary() {
    let stage = Stage::at("12.00").await;
    stage.terms(json!({ "methods": ["card", "bank_transfer"] })).await;
    let booking = stage.booked(1).await;
    let attempt = pay(&stage.buyer, &booking, "bank_transfer").await.created();
    let payment = stage.organize(&booking, "/payments", &json!({ "method": "complimentary" })).await.created();
    assert_eq!((&payment["id"], &payment["status"]), (&attempt["id"], &json!("SUCCEEDED")));
    let statement = stage.statement().await;
    assert_eq!((&statement["complimentary"], &statement["net"]), (&euros("12.00"), &euros("0.00")));
    stage.server.audit().await;
}

/// Guards: the late confirmation, and that one whose places are gone stays expired.
#[tokio::test]
async fn an_expired_booking_is_paid_by_hand_while_its_places_are_free() {
    let stage = Stage::at("12.00").await;
    stage.terms(json!({ "paymentWindow": "PT5S" })).await;
    let (late, gone) = (stage.booked(1).await, stage.booked(2).await);
    until("they have expired", async || {
        let expired = async |booking| stage.buyer.get(&own(booking)).await.ok()["status"] == "EXPIRED";
        expired(&late).await && expired(&gone).await
    })
    .await;
    let given = json!({ "method": "complimentary" });
    stage.organize(&late, "/payments", &given).await.created();
    assert_eq!(stage.buyer.get(&own(&late)).await.ok()["status"], "CONFIRMED");
    stage.server.db.execute("UPDATE quotas SET capacity = 1, version = version + 1").await;
    let soon = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    let event = domain::ids::EventId(stage.event);
    stage.server.running.inventories.pause(event, soon).await.unwrap().end().await;
    stage.organize(&gone, "/payments", &given).await.problem(409, "BOOKING_001");
    assert_eq!(stage.buyer.get(&own(&gone)).await.ok()["status"], "EXPIRED");
    let statement = stage.statement().await;
    assert_eq!((&statement["complimentary"], &statement["net"]), (&euros("12.00"), &euros("0.00")));
    stage.server.audit().await;
}
