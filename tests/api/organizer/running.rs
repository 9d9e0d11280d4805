//! Changes of what an event sells, while it sells.

use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use serde_json::json;

use super::{OWN, act, book, organizer, places, published};
use crate::support::{Settings, TestServer, events::in_seconds, until};

/// Guards: the pause. Bookings go on while the capacity is raised again and again; none is lost, none too many is sold, and the
/// inventory never has to start again because of it.
#[tokio::test]
async fn capacity_is_raised_in_the_middle_of_a_storm() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, kind) = published(&server, &api, 20).await;
    let buyers = server.buyers(8).await;
    let sold = AtomicU64::new(0);
    let storm = buyers.iter().map(|buyer| {
        let (api, sold) = (server.api.of(buyer), &sold);
        async move {
            for _ in 0..40 {
                let answer = book(&api, event, kind, 1).await;
                match answer.status {
                    201 => sold.fetch_add(1, Ordering::Relaxed),
                    _ => answer.problem(409, "BOOKING_001").as_object().map_or(0, |_| 0),
                };
            }
        }
    });
    let raise = async {
        for capacity in [60, 100, 140, 180] {
            let path = format!("{OWN}/{event}/quotas/{quota}");
            let raised = api.change(&path, &json!({ "capacity": capacity })).await.ok();
            assert_eq!(raised["capacity"], capacity);
        }
    };
    tokio::join!(futures_util::future::join_all(storm), raise);
    let sold = sold.load(Ordering::Relaxed);
    assert!(sold > 20 && sold <= 180, "{sold}");
    assert_eq!(places(&server.api, event).await, (0, sold, 180 - sold));
    server.audit().await;
}

/// Guards: `ManagedQuota::resized` under the row's lock, and the pause before it.
#[tokio::test]
async fn capacity_never_falls_below_what_is_taken() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, kind) = published(&server, &api, 10).await;
    let buyer = server.signed_in().await;
    book(&buyer, event, kind, 3).await.created();
    let hold = json!({ "items": [{ "ticketTypeId": kind, "quantity": 2 }] });
    buyer.send(Method::POST, &format!("/api/v1/events/{event}/holds"), Some("h"), Some(&hold)).await.created();
    let path = format!("{OWN}/{event}/quotas/{quota}");
    let refused = api.change(&path, &json!({ "capacity": 4 })).await.problem(409, "EVENT_002");
    let numbers: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|of| (of["code"].clone(), of["message"].clone())).collect();
    assert_eq!(numbers, [(json!("HELD"), json!("2")), (json!("SOLD"), json!("3"))]);
    assert_eq!(places(&server.api, event).await, (2, 3, 5), "nothing has changed");
    let lowered = api.change(&path, &json!({ "capacity": 5 })).await.ok();
    assert_eq!((&lowered["available"], &lowered["held"], &lowered["sold"]), (&json!(0), &json!(2), &json!(3)));
    assert_eq!(places(&server.api, event).await, (2, 3, 0));
    book(&buyer, event, kind, 1).await.problem(409, "BOOKING_001");
    server.audit().await;
}

/// Guards: the reload after each change.
#[tokio::test]
async fn windows_prices_limits_and_new_ticket_types_hold_at_once() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, kind) = published(&server, &api, 50).await;
    let buyer = server.signed_in().await;
    book(&buyer, event, kind, 1).await.created();
    let types = format!("{OWN}/{event}/ticket-types");
    let path = format!("{types}/{kind}");

    api.change(&path, &json!({ "saleStartsAt": in_seconds(3600) })).await.ok();
    book(&buyer, event, kind, 1).await.problem(409, "BOOKING_003");
    api.change(&path, &json!({ "saleStartsAt": null, "maxPerBooking": 2 })).await.ok();
    book(&buyer, event, kind, 3).await.problem(422, "BOOKING_004");
    api.change(&path, &json!({ "price": { "amount": "12.50", "currency": "EUR" } })).await.ok();
    let priced = book(&buyer, event, kind, 2).await.created();
    assert_eq!(priced["total"], json!({ "amount": "25.00", "currency": "EUR" }));
    let own = buyer.get("/api/v1/bookings").await.ok();
    assert_eq!(own["data"][1]["total"]["amount"], "0.00", "what was booked before stays as it was");
    let child = json!({ "name": "Child", "quotaId": quota, "price": { "amount": "0", "currency": "EUR" } });
    let child = api.post(&types, &child).await.created();
    book(&buyer, event, crate::support::client::uuid(&child["id"]), 1).await.created();
    api.change(&format!("{OWN}/{event}"), &json!({ "maxPerAccount": 4 })).await.ok();
    book(&buyer, event, kind, 1).await.problem(422, "BOOKING_004");
    act(&api, event, "cancel").await.ok();
    book(&server.signed_in().await, event, kind, 1).await.problem(409, "BOOKING_003");
    server.audit().await;
}

/// Guards: `plan_changed`. A change that no pause has announced, as another node makes it, is a version that the ledger does
/// not take from the old memory.
#[tokio::test]
async fn a_change_by_another_node_is_noticed_with_the_next_booking() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, kind) = published(&server, &api, 5).await;
    let buyer = server.signed_in().await;
    book(&buyer, event, kind, 1).await.created();
    let elsewhere = boxoffice::serve::start(Settings::default().node("elsewhere").config(&server.db)).await.unwrap();
    let there = crate::support::Api::new(elsewhere.address).with_token(api.token().unwrap());
    there.change(&format!("{OWN}/{event}/quotas/{quota}"), &json!({ "capacity": 2 })).await.ok();
    book(&buyer, event, kind, 1).await.created();
    book(&buyer, event, kind, 1).await.problem(409, "BOOKING_001");
    assert_eq!(places(&server.api, event).await, (0, 2, 0));
    // Where nothing is booked any more, the next look of the sampler finds it.
    there.change(&format!("{OWN}/{event}/quotas/{quota}"), &json!({ "capacity": 7 })).await.ok();
    until("the new places are seen", async || places(&server.api, event).await == (0, 2, 5)).await;
    server.audit().await;
    elsewhere.stop().await;
}
