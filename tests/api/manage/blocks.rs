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
    assert_eq!(api.get(&blocks).await.ok()["data"], json!([block.json()]));
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
    assert_eq!(listed["data"][0]["items"].as_array().unwrap().len(), 2);
    api.delete(&format!("{blocks}/{}", listed["data"][0]["id"].as_str().unwrap())).await;
    buyer.book(&event, &event.seats([1])).await.created();
    server.audit().await;
}
