//! Organizers give money back, and make refunds again that have failed.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{OWN, Stage, euros, items, own};
use crate::support::{client::new_key, events::in_seconds};

/// Guards: `PAYMENT_006`, and that what an amount has taken is cut from what cancelled places give back.
#[tokio::test]
async fn an_amount_goes_back_and_cancels_nothing() {
    let stage = Stage::at("30.00").await;
    let booking = stage.paid(2).await;
    let (key, body) = (new_key(), json!({ "amount": euros("45.00"), "reason": "The view was blocked" }));
    let path = Stage::managed(&booking, "/refunds");
    let refund = stage.organizer.send(Method::POST, &path, Some(&key), Some(&body)).await.created();
    assert_eq!((&refund["amount"], &refund["cause"]), (&euros("45.00"), &json!("AMOUNT")));
    assert_eq!(refund["reason"], "The view was blocked");
    let again = stage.organizer.send(Method::POST, &path, Some(&key), Some(&body)).await;
    assert!(again.is_replay());
    assert_eq!(again.created()["id"], refund["id"]);
    let other = json!({ "amount": euros("1.00"), "reason": "The view was blocked" });
    stage.organizer.send(Method::POST, &path, Some(&key), Some(&other)).await.problem(422, "IDEMPOTENCY_002");
    let items_instead = json!({ "itemIds": items(&booking, &[0]), "reason": "x" });
    stage.organizer.send(Method::POST, &path, Some(&key), Some(&items_instead)).await.problem(422, "IDEMPOTENCY_002");
    let above = json!({ "amount": "15.01", "reason": "x" });
    stage.organize(&booking, "/refunds", &above).await.problem(409, "PAYMENT_006");
    let shown = stage.buyer.get(&own(&booking)).await.ok();
    assert_eq!((&shown["status"], &shown["refunded"]), (&json!("CONFIRMED"), &euros("45.00")));
    // Of both places 15.00 is left.
    let cancelled = stage.buyer.delete(&own(&booking)).await.ok();
    assert_eq!(cancelled["refunded"], euros("60.00"));
    let statement = stage.statement().await;
    assert_eq!((&statement["refundsByAmount"], &statement["cut"]), (&euros("45.00"), &euros("45.00")));
    stage.organize(&booking, "/refunds", &json!({ "amount": "0.01", "reason": "x" })).await.problem(409, "PAYMENT_006");
    stage.settled(&booking).await;
    stage.server.audit().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_refund_is_told() {
    let stage = Stage::at("30.00").await;
    let booking = stage.paid(1).await;
    let dollars = json!({ "amount": "1.00", "currency": "USD" });
    for (body, field, code) in [
        (json!({ "reason": "x" }), "amount", "REQUIRED"),
        (json!({ "amount": "1", "itemIds": items(&booking, &[0]), "reason": "x" }), "amount", "REQUIRED"),
        (json!({ "amount": euros("1.00"), "reason": " " }), "reason", "REQUIRED"),
        (json!({ "amount": euros("1.00"), "reason": "x".repeat(501) }), "reason", "TOO_LONG"),
        (json!({ "amount": "0", "reason": "x" }), "amount", "OUT_OF_RANGE"),
        (json!({ "amount": "1.001", "reason": "x" }), "amount", "TOO_PRECISE"),
        (json!({ "amount": "-1", "reason": "x" }), "amount", "OUT_OF_RANGE"),
        (json!({ "amount": "much", "reason": "x" }), "amount", "INVALID"),
        (json!({ "amount": dollars, "reason": "x" }), "amount.currency", "MISMATCH"),
        (json!({ "itemIds": [], "reason": "x" }), "itemIds", "REQUIRED"),
        (json!({ "itemIds": [Uuid::now_v7()], "reason": "x" }), "itemIds[0]", "UNKNOWN"),
    ] {
        let faults = stage.organize(&booking, "/refunds", &body).await.faults();
        assert_eq!(faults, vec![(field.to_owned(), code.to_owned())], "{body}");
    }
    let body = json!({ "amount": "1.00", "reason": "x" });
    stage.organizer.post(&Stage::managed(&booking, "/refunds"), &body).await.problem(400, "IDEMPOTENCY_001");
    let other = Stage::on(stage.server, "1.00").await;
    for (rest, body) in [
        ("/refunds", &body),
        ("/cancellations", &json!({ "reason": "x" })),
        ("/payments", &json!({ "method": "cash" })),
    ] {
        other.organize(&booking, rest, body).await.problem(404, "RESOURCE_001");
    }
    other.organizer.get(&Stage::managed(&booking, "")).await.problem(404, "RESOURCE_001");
    // Nothing was paid for it.
    let pending = other.booked(1).await;
    other.organize(&pending, "/refunds", &body).await.problem(409, "PAYMENT_006");
    other.server.audit().await;
}

/// Guards: that items give their lines back without a fee, also after the event has begun.
#[tokio::test]
async fn items_go_back_beyond_the_terms() {
    let stage = Stage::at("20.00").await;
    stage.terms(json!({ "cancellation": { "feePercent": "0.50", "allowedUntil": in_seconds(-60) } })).await;
    let booking = stage.paid(3).await;
    stage.server.db.execute("UPDATE events SET starts_at = now() - interval '1 minute'").await;
    let soon = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    let event = domain::ids::EventId(stage.event);
    stage.server.running.inventories.pause(event, soon).await.unwrap().end().await;
    let (key, body) = (new_key(), json!({ "itemIds": items(&booking, &[0]), "reason": "The seat is broken" }));
    let path = Stage::managed(&booking, "/refunds");
    let refund = stage.organizer.send(Method::POST, &path, Some(&key), Some(&body)).await.created();
    assert_eq!((&refund["amount"], &refund["cause"]), (&euros("20.00"), &json!("TICKETS")));
    let again = stage.organizer.send(Method::POST, &path, Some(&key), Some(&body)).await;
    assert!(again.is_replay());
    assert_eq!(again.created()["id"], refund["id"]);
    stage.organize(&booking, "/refunds", &body).await.problem(409, "PAYMENT_006");
    let rest = stage.organize(&booking, "/cancellations", &json!({ "reason": "The band is ill" })).await.ok();
    assert_eq!((&rest["status"], &rest["refunded"]), (&json!("CANCELLED"), &euros("60.00")));
    let cancellations = rest["cancellations"].as_array().unwrap();
    assert_eq!(cancellations.len(), 2);
    assert_eq!(cancellations[0]["itemIds"], json!(items(&booking, &[0])));
    assert_eq!(cancellations[1]["reason"], "The band is ill");
    stage.settled(&booking).await;
    stage.server.audit().await;
}

/// Guards: a refund that fails is seen, owed, and paid by another one, once.
#[tokio::test]
async fn a_refund_that_failed_is_made_again() {
    let stage = Stage::at("20.00").await;
    let booking = stage.paid_by("sandbox_refund_fails", 2).await;
    let cancelled = stage.buyer.delete(&own(&booking)).await.ok();
    assert_eq!(cancelled["refunded"], euros("40.00"));
    let refunds = stage.settled(&booking).await;
    assert_eq!((refunds.len(), &refunds[0]["status"]), (1, &json!("FAILED")));
    assert_eq!(stage.buyer.get(&own(&booking)).await.ok()["refunded"], euros("0.00"));
    assert_eq!(stage.statement().await["owed"], euros("40.00"));
    let failed = format!("{OWN}/{}/refunds?status=FAILED", stage.event);
    let listed = stage.organizer.get(&failed).await.ok();
    assert_eq!((&listed["pagination"]["total"], &listed["data"][0]["id"]), (&json!(1), &refunds[0]["id"]));
    assert!(listed["data"][0]["failure"].is_string(), "{listed}");
    let retry = format!("/refunds/{}/retry", refunds[0]["id"].as_str().unwrap());
    // What is owed is nobody else's.
    stage.organize(&booking, "/refunds", &json!({ "amount": "1", "reason": "x" })).await.problem(409, "PAYMENT_006");
    let (key, body) = (new_key(), json!({}));
    let path = Stage::managed(&booking, &retry);
    let second = stage.organizer.send(Method::POST, &path, Some(&key), Some(&body)).await.created();
    assert_eq!((&second["amount"], &second["status"]), (&euros("40.00"), &json!("PENDING")));
    assert_eq!(stage.organizer.send(Method::POST, &path, Some(&key), Some(&body)).await.created()["id"], second["id"]);
    stage.organize(&booking, &retry, &json!({})).await.problem(409, "PAYMENT_010");
    assert_eq!(stage.settled(&booking).await[1]["status"], "FAILED");
    let retry = format!("/refunds/{}/retry", second["id"].as_str().unwrap());
    let third = stage.organize(&booking, &retry, &json!({ "byHand": true })).await.created();
    assert_eq!((&third["status"], &third["byHand"]), (&json!("SUCCEEDED"), &json!(true)));
    let managed = stage.organizer.get(&Stage::managed(&booking, "")).await.ok();
    assert_eq!(managed["refunds"][0]["replacedBy"], second["id"]);
    assert_eq!((&managed["refunds"][1]["replacedBy"], &managed["refunded"]), (&third["id"], &euros("40.00")));
    assert_eq!(stage.statement().await["owed"], euros("0.00"));
    let unknown = format!("/refunds/{}/retry", Uuid::now_v7());
    stage.organize(&booking, &unknown, &json!({})).await.problem(404, "RESOURCE_001");
    stage.server.audit().await;
}
