//! A cancelled event: its bookings are cancelled, their places come back, and everybody is told once.

use serde_json::json;
use uuid::Uuid;

use super::{OWN, act, book, organizer, places, published};
use crate::support::{
    Api, Settings, TestServer,
    listener::{Listener, patient_client},
    until,
};

async fn finished(api: &Api, event: Uuid) {
    let path = format!("{OWN}/{event}");
    until("all bookings are cancelled", async || api.get(&path).await.ok()["cancellation"]["finishedAt"].is_string())
        .await;
}

/// The mails that tell of the event's end, and to how many; once no job is left that queues one.
async fn mails(server: &TestServer) -> (i64, i64) {
    let told = "FROM outbox WHERE kind = 'EVENT_CANCELLED'";
    let number = async |what: &str| server.db.number(&format!("SELECT {what}"), &[]).await;
    until("all are told", async || number("count(*) FROM jobs WHERE kind = 'notify'").await == 0).await;
    (number(&format!("count(*) {told}")).await, number(&format!("count(DISTINCT recipient) {told}")).await)
}

/// Settings of a server that tells buyers what becomes of their bookings.
fn telling() -> Settings {
    Settings::default().set("BOXOFFICE__MAIL__BOOKINGS", true)
}

/// Waits until a buyer who has cancelled is told that, before the event is cancelled.
async fn told_of_own_cancellation(server: &TestServer) {
    let told = "SELECT count(*) FROM outbox WHERE kind = 'BOOKING_CANCELLED'";
    until("the buyer is told", async || server.db.number(told, &[]).await == 1).await;
}

/// Guards: the portions of `cancel_bookings`, and that the commit of each cancellation queues the job that tells of it.
#[tokio::test]
async fn all_bookings_of_a_cancelled_event_are_cancelled_and_told() {
    let server = telling().start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 500).await;
    let buyers = server.buyers(230).await;
    let booked = buyers.iter().map(|buyer| {
        let api = server.api.of(buyer);
        async move { book(&api, event, kind, 2).await.created() }
    });
    let booked = futures_util::future::join_all(booked).await;
    // One was given back before: it is not of this.
    let first = server.api.of(&buyers[0]);
    first.delete(&format!("/api/v1/bookings/{}", booked[0]["id"].as_str().unwrap())).await.ok();
    told_of_own_cancellation(&server).await;
    server
        .db
        .execute("UPDATE bookings SET updated_at = updated_at - interval '1 minute' WHERE status = 'CANCELLED'")
        .await;
    let shown = act(&api, event, "cancel").await.ok();
    assert_eq!((&shown["status"], &shown["cancellation"]["total"]), (&json!("CANCELLED"), &json!(229)));
    finished(&api, event).await;
    let shown = api.get(&format!("{OWN}/{event}")).await.ok();
    assert_eq!(shown["cancellation"]["done"], 229);
    assert_eq!(places(&server.api, event).await, (0, 0, 0), "nothing is taken, and nothing can be bought");
    assert_eq!(mails(&server).await, (229, 229));
    let own = server.api.of(&buyers[7]).get("/api/v1/bookings").await.ok();
    assert_eq!(own["data"][0]["status"], "CANCELLED");
    server.audit().await;
}

/// What has begun already is cancelled too. Guards: the rule of `Inventory::cancel` for cancelled events.
#[tokio::test]
async fn an_event_is_cancelled_after_its_beginning() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 5).await;
    book(&server.signed_in().await, event, kind, 2).await.created();
    server.db.execute("UPDATE events SET starts_at = now() - interval '1 minute'").await;
    act(&api, event, "cancel").await.ok();
    finished(&api, event).await;
    assert_eq!(places(&server.api, event).await, (0, 0, 0));
}

/// Guards: `IS_OPEN`, and the reload after a refusal. The event was cancelled by another server, and this one's inventory has the plan of
/// before, by which nobody gives back what has begun.
#[tokio::test]
async fn a_refusal_on_an_old_plan_does_not_count_as_cancelled() {
    let server = telling().start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 5).await;
    book(&server.signed_in().await, event, kind, 2).await.created();
    server.db.execute("UPDATE events SET starts_at = now() - interval '1 minute'").await;
    let soon = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    // Has it read again.
    server.running.inventories.pause(domain::ids::EventId(event), soon).await.unwrap().end().await;
    server.db.execute("UPDATE events SET status = 'CANCELLED'").await;
    server.db.execute("INSERT INTO event_cancellations (event_id, total) SELECT id, 1 FROM events").await;
    finished(&api, event).await;
    let open = "SELECT count(*) FROM bookings WHERE status <> 'CANCELLED'";
    assert_eq!(server.db.number(open, &[]).await, 0);
    assert_eq!(mails(&server).await, (1, 1));
}

/// Guards: the lease, and `after_booking_id`. Whatever dies in the middle, each booking is cancelled and told once.
#[tokio::test]
async fn a_cancellation_goes_on_after_a_crash() {
    let settings = telling();
    let server = settings.clone().start().await;
    let api = organizer(&server).await;
    let token = api.token().unwrap().to_owned();
    let (event, _, kind) = published(&server, &api, 500).await;
    let buyers = server.buyers(150).await;
    let booked = buyers.iter().map(|buyer| {
        let api = server.api.of(buyer);
        async move { book(&api, event, kind, 1).await.created() }
    });
    futures_util::future::join_all(booked).await;
    act(&api, event, "cancel").await.ok();
    server.running.upkeep.kill_keepers();
    server.running.inventories.kill(domain::ids::EventId(event));
    let server = server.restart(&settings).await;
    // As if the first portion's bookings had been cancelled, and the server had died before it noted that.
    server.db.execute("UPDATE event_cancellations SET lease_until = now()").await;
    let api = server.api.with_token(&token);
    finished(&api, event).await;
    assert_eq!(mails(&server).await, (150, 150));
    assert_eq!(api.get(&format!("{OWN}/{event}")).await.ok()["cancellation"]["done"], 150);
    server.audit().await;
}

/// Guards: `cancelled_before_ids`. What was given back in the same second, just before, is not counted.
#[tokio::test]
async fn what_was_cancelled_a_moment_before_is_not_of_it() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 10).await;
    let buyers = server.buyers(3).await;
    let mut booked = Vec::new();
    for buyer in &buyers {
        booked.push(book(&server.api.of(buyer), event, kind, 1).await.created());
    }
    let first = format!("/api/v1/bookings/{}", booked[0]["id"].as_str().unwrap());
    server.api.of(&buyers[0]).delete(&first).await.ok();
    assert_eq!(act(&api, event, "cancel").await.ok()["cancellation"]["total"], 2);
    finished(&api, event).await;
    assert_eq!(api.get(&format!("{OWN}/{event}")).await.ok()["cancellation"]["done"], 2);
}

/// Guards: that no chore ends another one's round. A deleted map that can't be purged keeps nothing else from being done.
#[tokio::test]
async fn a_map_that_can_not_be_purged_stands_in_the_way_of_nothing() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let of = super::seated::Seated::of(&server, &api, &super::seat_maps::layout(&[("Stalls", "A", 2)])).await;
    let (event, _, kind) = published(&server, &api, 10).await;
    book(&server.signed_in().await, event, kind, 1).await.created();
    // An event still uses it.
    server.db.execute("UPDATE seat_maps SET deleted_at = now(), seats_named_at = NULL").await;
    let store = server.store(1);
    domain::management::events::EventUpkeep::purge_seat_maps(&store).await.unwrap_err();
    act(&api, event, "cancel").await.ok();
    finished(&api, event).await;
    act(&api, of.event, "cancel").await.ok();
    finished(&api, of.event).await;
}

/// Guards: the status in snapshots and deltas, and what can be bought of an event that is cancelled.
#[tokio::test]
async fn who_follows_a_cancelled_event_sees_that_nothing_can_be_bought() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 100).await;
    book(&server.signed_in().await, event, kind, 2).await.created();
    let path = format!("/api/v1/events/{event}/availability");
    let response = Listener::ask(&patient_client(), &server, &path, None).await;
    let mut listener = Listener::of(response);
    let (name, snapshot) = listener.event().await;
    assert_eq!((name.as_str(), &snapshot["status"]), ("snapshot", &json!("PUBLISHED")));
    assert_eq!(snapshot["ticketTypes"][0]["available"], 98);
    act(&api, event, "cancel").await.ok();
    let (name, told) = loop {
        let (name, told) = listener.event().await;
        if told["status"] == "CANCELLED" {
            break (name, told);
        }
    };
    assert_eq!((name.as_str(), &told["ticketTypes"][0]["available"]), ("delta", &json!(0)), "{told}");
    let shown = server.api.get(&path).await.ok();
    assert_eq!((&shown["status"], &shown["ticketTypes"][0]["available"]), (&json!("CANCELLED"), &json!(0)));
}

/// Guards: the language of what is told later, also of the words for a seat.
#[tokio::test]
async fn guests_are_told_in_their_own_language() {
    // Not sent, and so kept with what they tell.
    let server = telling().set("BOXOFFICE__MAIL__ENABLED", "false").start().await;
    let event = server.event(crate::support::EventBuilder::seated(1, 3)).await;
    for (seat, locale) in ["en", "de", "fr"].into_iter().enumerate() {
        let buyer = server.buyer().await;
        server.client.execute("UPDATE accounts SET locale = $2 WHERE id = $1", &[&buyer.id, &locale]).await.unwrap();
        server.api.of(&buyer).book(&event, &event.seats([seat])).await.created();
    }
    let api = super::admin(&server).await;
    let cancel = format!("/api/v1/admin/events/{}/cancel", event.id);
    api.send(reqwest::Method::POST, &cancel, None, None).await.ok();
    until("all bookings are cancelled", async || {
        server.db.number("SELECT count(*) FROM bookings WHERE status = 'CANCELLED'", &[]).await == 3
    })
    .await;
    assert_eq!(mails(&server).await, (3, 3));
    for (locale, row, seat) in [("en", "row", "seat"), ("de", "Reihe", "Platz"), ("fr", "rang", "place")] {
        let told = "SELECT count(*) FROM outbox WHERE kind = 'EVENT_CANCELLED' AND payload ->> 'locale' = $1
            AND payload -> 'template' -> 'booking' -> 'places' -> 0 ->> 'seat' LIKE '%, ' || $2 || ' %, ' || $3 || ' %'";
        assert_eq!(server.db.number(told, &[&locale, &row, &seat]).await, 1, "{locale}");
    }
}
