//! Places that the organizer keeps back.

use reqwest::Method;
use serde_json::json;

use super::{OWN, book, organizer, places, published};
use crate::support::{EventBuilder, Settings, TestServer, accounts, client::new_key, until};

/// Guards: `Rules::OfOrganizer`, and that a block passes for no hold.
#[tokio::test]
async fn blocked_places_are_nobodys_until_they_are_given_free() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 5).await;
    // Neither windows nor limits concern the organizer.
    api.change(&format!("{OWN}/{event}/ticket-types/{kind}"), &json!({ "maxPerBooking": 2 })).await.ok();
    api.change(&format!("{OWN}/{event}"), &json!({ "maxPerAccount": 2 })).await.ok();
    let blocks = format!("{OWN}/{event}/blocks");
    let body = json!({ "items": [{ "ticketTypeId": kind, "quantity": 4 }] });
    let key = new_key();
    let block = api.send(Method::POST, &blocks, Some(&key), Some(&body)).await;
    assert!(api.send(Method::POST, &blocks, Some(&key), Some(&body)).await.is_replay());
    let path = block.header("location").unwrap().to_owned();
    assert_eq!(api.get(&path).await.ok(), block.created());
    let mut listed = block.json();
    listed.as_object_mut().unwrap().remove("items");
    assert_eq!(listed["places"], 4);
    assert_eq!(api.get(&blocks).await.ok()["data"], json!([listed]));
    assert_eq!(places(&server.api, event).await, (4, 0, 1));
    api.post(&blocks, &body).await.problem(409, "BOOKING_001");
    let buyer = server.signed_in().await;
    book(&buyer, event, kind, 2).await.problem(409, "BOOKING_001");
    // The organizer buys like everybody else, and a block is no way around that.
    book(&api, event, kind, 1).await.created();
    let id = block.json()["id"].clone();
    let bookings = format!("/api/v1/events/{event}/bookings");
    let taken = api.send(Method::POST, &bookings, Some("k"), Some(&json!({ "holdId": id }))).await;
    taken.problem(409, "BOOKING_005");
    assert_eq!(api.delete(&path).await.status, 204);
    api.delete(&path).await.problem(404, "RESOURCE_001");
    book(&buyer, event, kind, 2).await.created();
    server.audit().await;
}

/// Guards: `keep`, `Hold::is_block` in the look for what expires, and the load of blocks.
#[tokio::test]
async fn blocked_seats_stay_blocked_across_restarts_and_keep_no_inventory_loaded() {
    let idle = std::time::Duration::from_millis(100);
    let settings = Settings::default().idle_after(idle);
    let server = settings.clone().start().await;
    let event = server.event(EventBuilder::seated(2, 3).max_per_account(6)).await;
    let owner = server.client.query_one("SELECT organizer_id FROM events WHERE id = $1", &[&event.id]).await.unwrap();
    let token = accounts::token(owner.get(0), domain::accounts::Role::Organizer, std::time::Duration::ZERO);
    let api = server.api.with_token(&token);
    let blocks = format!("{OWN}/{}/blocks", event.id);
    api.post(&blocks, &event.seats([1, 2])).await.created();
    let buyer = server.signed_in().await;
    buyer.book(&event, &event.seats([2])).await.problem(409, "BOOKING_002");
    let id = domain::ids::EventId(event.id);
    until("it is unloaded", async || server.running.inventories.directory().find(id).is_none()).await;
    let server = server.restart(&settings).await;
    let (api, buyer) = (server.api.with_token(&token), server.signed_in().await);
    let taken: Vec<_> = server.api.taken_seats(&event).await.into_iter().map(|(seat, _)| seat).collect();
    assert_eq!(taken, event.seats[0][1..3]);
    buyer.book(&event, &event.seats([1])).await.problem(409, "BOOKING_002");
    let listed = api.get(&blocks).await.ok();
    assert_eq!(listed["data"][0]["places"], 2);
    api.delete(&format!("{blocks}/{}", listed["data"][0]["id"].as_str().unwrap())).await;
    buyer.book(&event, &event.seats([1])).await.created();
    server.audit().await;
}

/// Guards: `Selection::parse_block`, `within_block_limits`, and that a block of a tenth of the largest house is one command.
#[tokio::test]
async fn a_block_has_ten_thousand_places_and_an_event_a_hundred_thousand() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 200_000).await;
    let blocks = format!("{OWN}/{event}/blocks");
    let of = |quantity: u32| json!({ "items": [{ "ticketTypeId": kind, "quantity": quantity }] });
    assert_eq!(api.post(&blocks, &of(10_001)).await.faults(), [("items[0].quantity".into(), "OUT_OF_RANGE".into())]);
    let key = new_key();
    let made = api.send(Method::POST, &blocks, Some(&key), Some(&of(10_000))).await;
    assert_eq!(made.created()["items"].as_array().unwrap().len(), 10_000);
    assert!(api.send(Method::POST, &blocks, Some(&key), Some(&of(10_000))).await.is_replay());
    let more = of(10_000);
    let others = (0..9).map(|_| api.post(&blocks, &more));
    futures_util::future::join_all(others).await.iter().for_each(|made| assert_eq!(made.status, 201));
    assert_eq!(places(&server.api, event).await, (100_000, 0, 100_000));
    api.post(&blocks, &of(1)).await.problem(422, "BOOKING_004");
    assert_eq!(api.delete(made.header("location").unwrap()).await.status, 204);
    api.post(&blocks, &of(1)).await.created();
    assert_eq!(places(&server.api, event).await, (90_001, 0, 109_999));
    // A buyer has the bounds of a booking.
    let hold = format!("/api/v1/events/{event}/holds");
    let held = server.signed_in().await.send(Method::POST, &hold, Some("h"), Some(&of(101))).await;
    assert_eq!(held.faults()[0].0, "items[0].quantity");
    server.audit().await;
}

/// Guards: `Choice::WholeSection`: what is free is kept back, no matter who has the rest.
#[tokio::test]
async fn a_whole_section_is_blocked_at_once() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(100, 100).and_ga("Standing", 5)).await;
    let owner = server.client.query_one("SELECT organizer_id FROM events WHERE id = $1", &[&event.id]).await.unwrap();
    let token = accounts::token(owner.get(0), domain::accounts::Role::Organizer, std::time::Duration::ZERO);
    let api = server.api.with_token(&token);
    let blocks = format!("{OWN}/{}/blocks", event.id);
    let buyer = server.signed_in().await;
    buyer.book(&event, &event.seats([0, 5_000])).await.created();
    let whole = |kind: usize, section: &str| json!({ "items": [{ "ticketTypeId": event.types[kind], "wholeSection": true, "section": section }] });
    assert_eq!(api.post(&blocks, &whole(0, "Nowhere")).await.faults(), [("items[0].section".into(), "UNKNOWN".into())]);
    assert_eq!(api.post(&blocks, &whole(1, "Section 0")).await.faults()[0].1, "UNKNOWN");
    let sold = event.path("bookings");
    let bought = buyer.send(Method::POST, &sold, Some("k"), Some(&whole(0, "Section 0"))).await;
    assert_eq!(bought.faults(), [("items[0].wholeSection".to_owned(), "UNKNOWN_FIELD".to_owned())]);
    let made = api.post(&blocks, &whole(0, "Section 0")).await;
    assert_eq!(made.created()["places"], 9_998);
    assert_eq!(server.api.places(&event).await, (9_998, 2, 0));
    buyer.book(&event, &event.seats([9_999])).await.problem(409, "BOOKING_002");
    api.post(&blocks, &whole(0, "Section 0")).await.problem(409, "BOOKING_001");
    assert_eq!(api.delete(made.header("location").unwrap()).await.status, 204);
    assert_eq!(server.api.places(&event).await, (0, 2, 9_998));
    let best = json!({ "items": [{ "ticketTypeId": event.types[0], "quantity": 9_000, "bestAvailable": true }] });
    api.post(&blocks, &best).await.created();
    assert_eq!(server.api.places(&event).await, (9_000, 2, 998));
    server.audit().await;
}

/// Guards: `editable` in `Inventory::decide`. What is over is not changed any more, but what is kept back of it may be given free.
#[tokio::test]
async fn what_is_cancelled_or_archived_takes_no_blocks() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, super::admin(&server).await);
    let (event, _, kind) = published(&server, &api, 10).await;
    let blocks = format!("{OWN}/{event}/blocks");
    let body = json!({ "items": [{ "ticketTypeId": kind, "quantity": 2 }] });
    let kept = api.post(&blocks, &body).await.created();
    super::act(&api, event, "cancel").await.ok();
    api.post(&blocks, &body).await.problem(409, "EVENT_001");
    let path = format!("/api/v1/admin/events/{event}");
    until("nothing is left to cancel", async || boss.get(&path).await.ok()["cancellation"]["finishedAt"].is_string())
        .await;
    super::act(&api, event, "archive").await.ok();
    api.post(&blocks, &body).await.problem(409, "EVENT_001");
    assert_eq!(server.db.number("SELECT sum(held)::bigint FROM quotas", &[]).await, 2);
    assert_eq!(api.delete(&format!("{blocks}/{}", kept["id"].as_str().unwrap())).await.status, 204);
    assert_eq!(server.db.number("SELECT sum(held)::bigint FROM quotas", &[]).await, 0);
    server.audit().await;
}
