//! What is deleted, what is not, and that it concerns nobody else.

use domain::management::events::EventUpkeep;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{
    OWN, act, book, drafted, organizer, published,
    seat_maps::{MAPS, layout},
    seated::Seated,
};
use crate::support::{TestServer, client::new_key, until};

/// Guards: that deletions take no lock that the commits of all events share. A commit of another event is on its way, for as long as
/// the test likes.
#[tokio::test]
async fn a_deletion_waits_for_no_booking_of_another_event() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = drafted(&server, &api, 5).await;
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "A", 2)])).await;
    let seated = format!("{OWN}/{}", of.event);
    let mut elsewhere = server.db.connect().await;
    let commit = elsewhere.transaction().await.unwrap();
    // The first thing that `ledger_commit` does; no other event's quotas are in it.
    commit.execute("SELECT pg_advisory_xact_lock_shared(2, 0)", &[]).await.unwrap();
    assert_eq!(api.delete(&format!("{OWN}/{event}/ticket-types/{kind}")).await.status, 204);
    assert_eq!(api.delete(&format!("{OWN}/{event}")).await.status, 204);
    act(&api, of.event, "unpublish").await.ok();
    assert_eq!(api.delete(&seated).await.status, 204);
    assert_eq!(api.delete(&format!("{MAPS}/{}", of.map)).await.status, 204);
    until("its seats are removed", async || server.db.number("SELECT count(*) FROM seats", &[]).await == 0).await;
    commit.rollback().await.unwrap();
}

/// Guards: `nothing_is_taken`. A draft says what stands against its deletion, and goes once that is away, with the ticket types of which
/// something was kept back.
#[tokio::test]
async fn a_draft_with_blocks_says_so_and_goes_once_they_are_released() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let block = json!({ "items": [{ "ticketTypeId": kind, "quantity": 2 }] });
    let block = api.post(&format!("{path}/blocks"), &block).await.created();
    let refused = api.delete(&path).await.problem(409, "EVENT_001");
    assert_eq!(refused["detail"], "the event has blocks: release them first");
    let block = format!("{path}/blocks/{}", block["id"].as_str().unwrap());
    assert_eq!(api.delete(&block).await.status, 204);
    api.delete(&format!("{path}/ticket-types/{kind}")).await.problem(409, "RESOURCE_005");
    assert_eq!(api.delete(&path).await.status, 204);
    api.get(&path).await.problem(404, "RESOURCE_001");
    assert_eq!(server.db.number("SELECT count(*) FROM ticket_types", &[]).await, 0);
}

/// Guards: `seats_named_at`, and `ever_taken` of a type that was held. A hold that is over is shown and answered again for as long as it
/// is kept, whatever became of its event and of the hall; and nobody else's refusal suffers.
#[tokio::test]
async fn a_hold_is_shown_after_its_event_and_its_map_were_deleted() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "A", 1)])).await;
    let buyer = server.signed_in().await;
    let seat = of.seats(&api).await["Stalls/A/1"].0;
    let (key, body) = (new_key(), json!({ "items": [{ "ticketTypeId": of.kinds[0], "seatIds": [seat] }] }));
    let holds = format!("/api/v1/events/{}/holds", of.event);
    let held = buyer.send(Method::POST, &holds, Some(&key), Some(&body)).await.created();
    let hold = format!("/api/v1/holds/{}", held["id"].as_str().unwrap());
    assert_eq!(buyer.delete(&hold).await.status, 204);
    act(&api, of.event, "unpublish").await.ok();
    let (event, map) = (format!("{OWN}/{}", of.event), format!("{MAPS}/{}", of.map));
    api.delete(&format!("{event}/ticket-types/{}", of.kinds[0])).await.problem(409, "RESOURCE_005");
    api.change(&event, &json!({ "seatMapId": null })).await.problem(409, "EVENT_001");
    api.delete(&map).await.problem(409, "RESOURCE_005");
    assert_eq!(api.delete(&event).await.status, 204);
    assert_eq!(api.delete(&map).await.status, 204);
    api.get(&map).await.problem(404, "RESOURCE_001");
    let store = server.store(1);
    assert!(!store.purge_seat_maps().await.unwrap(), "a hold that is kept names the seat");
    let shown = buyer.get(&hold).await.ok();
    assert_eq!((&shown["status"], &shown["items"][0]["seat"]), (&json!("RELEASED"), &held["items"][0]["seat"]));
    // A repetition finds what it was answered, no matter who asks in the same group.
    let (sold_out, _, kind) = published(&server, &api, 0).await;
    book(&buyer, sold_out, kind, 1).await.problem(409, "BOOKING_001");
    // Once it is swept away, the seats are.
    server.db.execute("UPDATE seat_maps SET seats_named_at = now() - interval '32 days'").await;
    let gone = async |id: Uuid| server.db.number("SELECT count(*) FROM seat_maps WHERE id = $1", &[&id]).await == 0;
    until("the map is gone", async || gone(of.map).await).await;
}
