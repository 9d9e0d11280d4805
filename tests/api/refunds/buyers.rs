//! Buyers cancel on the terms of the event.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{OWN, Stage, euros, items, own};
use crate::support::{client::new_key, events::in_seconds};

/// Guards: that the fee is kept, what is left goes back once, and a repetition changes nothing.
#[tokio::test]
async fn a_cancelled_booking_gives_back_what_was_paid_less_the_fee() {
    let stage = Stage::at("50.00").await;
    stage.terms(json!({ "taxRate": "0.19", "cancellation": { "feePercent": "0.10" } })).await;
    let booking = stage.paid(2).await;
    assert_eq!(booking["refunded"], euros("0.00"));
    let cancelled = stage.buyer.delete(&own(&booking)).await.ok();
    assert_eq!((&cancelled["status"], &cancelled["refunded"]), (&json!("CANCELLED"), &euros("90.00")));
    assert_eq!((&cancelled["total"], &cancelled["tax"]), (&booking["total"], &booking["tax"]), "as it was charged");
    assert_eq!(stage.buyer.delete(&own(&booking)).await.ok(), cancelled);
    let refunds = stage.settled(&booking).await;
    assert_eq!(refunds.len(), 1);
    assert_eq!((&refunds[0]["amount"], &refunds[0]["status"]), (&euros("90.00"), &json!("SUCCEEDED")));
    assert_eq!(refunds[0]["bookingId"], booking["id"]);
    let statement = stage.statement().await;
    let [charged, refunds, kept, valid, net] =
        ["charged", "refunds", "kept", "valid", "net"].map(|name| statement[name]["amount"].as_str().unwrap());
    assert_eq!([charged, refunds, kept, valid, net], ["100.00", "90.00", "10.00", "0.00", "10.00"]);
    stage.server.audit().await;
}

/// Guards: the lines of single items, the last of which takes the booking along.
#[tokio::test]
async fn items_are_cancelled_one_by_one() {
    let stage = Stage::at("33.33").await;
    stage.terms(json!({ "cancellation": { "feePercent": "0.05" } })).await;
    let booking = stage.paid(3).await;
    let path = format!("{}/cancellations", own(&booking));
    let cancel = async |key: &str, at: &[usize]| {
        let body = json!({ "itemIds": items(&booking, at) });
        stage.buyer.send(Method::POST, &path, Some(key), Some(&body)).await
    };
    let (first, second) = (new_key(), new_key());
    let answer = cancel(&first, &[1]).await;
    let one = answer.ok();
    assert!(!answer.is_replay());
    assert_eq!((&one["status"], &one["refunded"]), (&json!("CONFIRMED"), &euros("31.66")));
    let states: Vec<_> = one["items"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
    assert_eq!(states, [json!("VALID"), json!("CANCELLED"), json!("VALID")]);
    // Cancelled before: no refusal, and nothing more goes back.
    assert_eq!(cancel(&new_key(), &[1]).await.ok(), one);
    let rest = cancel(&second, &[0, 1, 2]).await.ok();
    assert_eq!((&rest["status"], &rest["refunded"]), (&json!("CANCELLED"), &euros("94.98")));
    // The first answers again, whatever has happened since.
    for (key, at, answer) in [(&first, &[1][..], &one), (&second, &[0, 1, 2], &rest)] {
        let again = cancel(key, at).await;
        assert!(again.is_replay());
        assert_eq!(&again.ok(), answer);
    }
    cancel(&first, &[2]).await.problem(422, "IDEMPOTENCY_002");
    assert_eq!(stage.settled(&booking).await.len(), 2);
    stage.server.audit().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_cancellation_is_told() {
    let stage = Stage::at("10.00").await;
    let booking = stage.paid(2).await;
    let path = format!("{}/cancellations", own(&booking));
    let send = async |body| stage.buyer.send(Method::POST, &path, Some(&new_key()), Some(&body)).await;
    let fault = |field: &str, code: &str| vec![(field.to_owned(), code.to_owned())];
    assert_eq!(send(json!({ "itemIds": [] })).await.faults(), fault("itemIds", "REQUIRED"));
    let unknown = json!({ "itemIds": [booking["items"][0]["id"], Uuid::now_v7()] });
    assert_eq!(send(unknown).await.faults(), fault("itemIds[1]", "UNKNOWN"));
    let many: Vec<_> = (0..101).map(|_| Uuid::now_v7()).collect();
    assert_eq!(send(json!({ "itemIds": many })).await.faults(), fault("itemIds", "TOO_MANY"));
    let body = json!({ "itemIds": items(&booking, &[0]) });
    stage.buyer.post(&path, &body).await.problem(400, "IDEMPOTENCY_001");
    let stranger = stage.server.signed_in().await;
    stranger.send(Method::POST, &path, Some(&new_key()), Some(&body)).await.problem(404, "RESOURCE_001");
    stranger.delete(&own(&booking)).await.problem(404, "RESOURCE_001");
    stranger.get(&format!("{}/refunds", own(&booking))).await.problem(404, "RESOURCE_001");
    // What waits for its payment is cancelled as a whole only.
    let pending = stage.booked(2).await;
    let path = format!("{}/cancellations", own(&pending));
    let body = json!({ "itemIds": items(&pending, &[0]) });
    stage.buyer.send(Method::POST, &path, Some(&new_key()), Some(&body)).await.problem(409, "BOOKING_006");
    let body = json!({ "itemIds": items(&pending, &[0, 1]) });
    let cancelled = stage.buyer.send(Method::POST, &path, Some(&new_key()), Some(&body)).await.ok();
    assert_eq!((&cancelled["status"], &cancelled["refunded"]), (&json!("CANCELLED"), &euros("0.00")));
    stage.server.audit().await;
}

/// Guards: the deadline of the terms, and that it is open again when the event was moved after the booking was made.
#[tokio::test]
async fn buyers_cancel_until_the_terms_say_so_or_the_event_is_moved() {
    let stage = Stage::at("10.00").await;
    let allowed_until = in_seconds(-60);
    stage.terms(json!({ "cancellation": { "allowedUntil": allowed_until } })).await;
    let booking = stage.paid(2).await;
    let refused = stage.buyer.delete(&own(&booking)).await.problem(409, "BOOKING_006");
    assert_eq!(refused["allowedUntil"], json!(allowed_until));
    let path = format!("{}/cancellations", own(&booking));
    let body = json!({ "itemIds": items(&booking, &[0]) });
    let refused =
        stage.buyer.send(Method::POST, &path, Some(&new_key()), Some(&body)).await.problem(409, "BOOKING_006");
    assert_eq!(refused["allowedUntil"], json!(allowed_until));
    // The organizer is not bound to it.
    let reason = json!({ "itemIds": items(&booking, &[0]), "reason": "illness" });
    let managed = stage.organize(&booking, "/cancellations", &reason).await.ok();
    assert_eq!(managed["refunded"], euros("10.00"));
    let event = format!("{OWN}/{}", stage.event);
    let moved = json!({ "startsAt": in_seconds(31 * 86_400), "endsAt": in_seconds(31 * 86_400 + 7200) });
    stage.organizer.change(&event, &moved).await.ok();
    let cancelled = stage.buyer.delete(&own(&booking)).await.ok();
    assert_eq!((&cancelled["status"], &cancelled["refunded"]), (&json!("CANCELLED"), &euros("20.00")));
    // Who books for the new date is bound to the terms again.
    let later = stage.paid(1).await;
    stage.buyer.delete(&own(&later)).await.problem(409, "BOOKING_006");
    stage.server.audit().await;
}

/// Guards: the lock of the payment. Ten requests at once, each for another item, with a refund by amount among them.
#[tokio::test]
async fn cancellations_at_once_give_back_what_was_paid_and_no_more() {
    let stage = Stage::at("10.00").await;
    let booking = stage.paid(10).await;
    let path = format!("{}/cancellations", own(&booking));
    let cancels = (0..10).map(|at| {
        let (buyer, path) = (stage.buyer.clone(), path.clone());
        let body = json!({ "itemIds": items(&booking, &[at]) });
        async move { buyer.send(Method::POST, &path, Some(&new_key()), Some(&body)).await.status }
    });
    let given = json!({ "amount": euros("15.00"), "reason": "an apology" });
    let (cancelled, refunded) =
        tokio::join!(futures_util::future::join_all(cancels), stage.organize(&booking, "/refunds", &given));
    assert!(cancelled.iter().all(|status| *status == 200), "{cancelled:?}");
    assert!([201, 409].contains(&refunded.status), "{refunded:?}");
    let booking = stage.buyer.get(&own(&booking)).await.ok();
    assert_eq!((&booking["status"], &booking["refunded"]), (&json!("CANCELLED"), &euros("100.00")));
    stage.settled(&booking).await;
    stage.server.audit().await;
}

/// Guards: that a free booking is cancelled as before, with its key remembered where there is one.
#[tokio::test]
async fn a_free_booking_gives_nothing_back() {
    let stage = Stage::at("0").await;
    let booking = stage.booked(2).await;
    let path = format!("{}/cancellations", own(&booking));
    let (key, body) = (new_key(), json!({ "itemIds": items(&booking, &[0]) }));
    let part = stage.buyer.send(Method::POST, &path, Some(&key), Some(&body)).await.ok();
    assert_eq!((&part["status"], &part["refunded"]), (&json!("CONFIRMED"), &euros("0.00")));
    let cancelled = stage.buyer.delete(&own(&booking)).await.ok();
    assert_eq!(cancelled["status"], "CANCELLED");
    let again = stage.buyer.send(Method::POST, &path, Some(&key), Some(&body)).await;
    assert!(again.is_replay());
    assert_eq!(again.ok(), part);
    assert_eq!(stage.settled(&booking).await, Vec::<serde_json::Value>::new());
    stage.server.audit().await;
}

/// Guards: that a booking of which nothing is remembered, because nobody had paid it, is cancelled in the repeated answer as well.
#[tokio::test]
async fn what_is_cancelled_already_is_so_in_the_answer_to_a_repetition() {
    for price in ["0", "12.00"] {
        let stage = Stage::at(price).await;
        let booking = stage.booked(2).await;
        stage.buyer.delete(&own(&booking)).await.ok();
        let path = format!("{}/cancellations", own(&booking));
        let (key, body) = (new_key(), json!({ "itemIds": items(&booking, &[0]) }));
        let first = stage.buyer.send(Method::POST, &path, Some(&key), Some(&body)).await.ok();
        assert_eq!(first["status"], "CANCELLED", "{price}");
        let again = stage.buyer.send(Method::POST, &path, Some(&key), Some(&body)).await;
        assert!(again.is_replay());
        assert_eq!(again.ok(), first, "{price}");
        stage.server.audit().await;
    }
}
