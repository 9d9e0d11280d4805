//! `/events/{id}/bookings` and `/bookings/{id}`: what is booked, shown and given back.

mod attendees;
mod best_available;
mod guessing;
mod idempotency;
mod prices;
mod unpaid;

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    EventBuilder, Settings, TestServer,
    client::{instant, quantity, seats, uuid},
    until,
};

fn path(booking: &Value) -> String {
    format!("/api/v1/bookings/{}", uuid(&booking["id"]))
}

fn eur(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

#[tokio::test]
async fn free_places_are_confirmed_at_once() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let buyer = server.buyer().await;
    let api = server.api.of(&buyer);
    let answer = api.book(&event, &event.places(2)).await;
    let booking = answer.created();
    assert_eq!(answer.header("location"), Some(path(&booking).as_str()));
    assert_eq!((&booking["status"], &booking["accountId"]), (&json!("CONFIRMED"), &json!(buyer.id)));
    assert_eq!(booking["eventId"], json!(event.id));
    assert_eq!(booking["reference"].as_str().unwrap().len(), 10);
    for money in ["total", "discount", "fees", "tax", "refunded"] {
        assert_eq!(booking[money], eur("0.00"));
    }
    assert_eq!(booking["taxIncluded"], json!(true));
    assert_eq!(booking.get("expiresAt"), None);
    let items = booking["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_ne!(uuid(&items[0]["id"]), uuid(&items[1]["id"]));
    assert_eq!(api.get(&path(&booking)).await.ok(), booking);
    assert_eq!(api.places(&event).await, (0, 2, 8));
    server.audit().await;
}

#[tokio::test]
async fn priced_places_wait_for_their_payment_until_they_expire() {
    let server = Settings::default().payment(Duration::from_secs(1)).start().await;
    let event = server.event(EventBuilder::ga(10).price("25.00")).await;
    let api = server.signed_in().await;
    let booking = api.book_as(&event, "k", &event.places(2)).await.created();
    assert_eq!((&booking["status"], &booking["total"]), (&json!("PENDING_PAYMENT"), &eur("50.00")));
    assert_eq!(booking["items"][1]["price"], eur("25.00"));
    let lasts = instant(&booking["expiresAt"]).duration_since(instant(&booking["createdAt"]));
    assert_eq!(lasts.as_secs(), 1);
    until("the booking expires", async || api.get(&path(&booking)).await.ok()["status"] == "EXPIRED").await;
    until("its places are shown", async || api.places(&event).await == (0, 0, 10)).await;
    api.delete(&path(&booking)).await.problem(409, "BOOKING_006");
    let replay = api.book_as(&event, "k", &event.places(2)).await;
    assert_eq!(replay.created(), booking, "the key's first answer");
    assert_eq!(api.places(&event).await, (0, 0, 10));
    server.audit().await;
}

#[tokio::test]
async fn an_unpaid_booking_keeps_its_places_and_can_be_cancelled() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 4).price("0.50")).await;
    let api = server.signed_in().await;
    let booking = api.book(&event, &event.seats([0, 1])).await.created();
    assert_eq!(api.places(&event).await, (2, 0, 2));
    assert!(api.taken_seats(&event).await.iter().all(|(_, state)| state == "HELD"));
    server.audit().await;
    assert_eq!(api.delete(&path(&booking)).await.ok()["status"], "CANCELLED");
    assert_eq!(api.places(&event).await, (0, 0, 4));
    assert!(api.taken_seats(&event).await.is_empty());
    server.audit().await;
}

#[tokio::test]
async fn named_seats_are_sold_once_and_shown_as_sold() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(2, 5)).await;
    let (api, other) = (server.signed_in().await, server.signed_in().await);
    let booking = api.book(&event, &event.seats([7, 2])).await.created();
    assert_eq!(booking["items"][0]["seatId"], json!(event.seats[0][7]), "in the order they were asked for");
    assert_eq!(booking["items"][0]["seat"], json!({ "section": "Section 0", "row": "Row 2", "label": "3" }));
    assert_eq!(api.get(&path(&booking)).await.ok(), booking);
    let sold = [2, 7].map(|index| (event.seats[0][index], "SOLD".to_owned()));
    assert_eq!(api.taken_seats(&event).await, sold);
    let taken = other.book(&event, &event.seats([1, 2, 7])).await.problem(409, "BOOKING_002");
    let named: Vec<_> = taken["errors"].as_array().unwrap().iter().map(|error| error["message"].clone()).collect();
    assert_eq!(named, [json!(event.seats[0][2]), json!(event.seats[0][7])]);
    assert_eq!(taken["errors"][0]["code"], "SEAT_TAKEN");
    let fields: Vec<_> = taken["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, [json!("items[0].seatIds[1]"), json!("items[0].seatIds[2]")]);
    other.book(&event, &event.seats([1])).await.created();
    server.audit().await;
}

#[tokio::test]
async fn lines_that_share_a_quota_are_counted_together() {
    let server = TestServer::start().await;
    let event =
        server.event(EventBuilder::ga(5).price("20").and_shared("Child").price("10").and_ga("Gallery", 2)).await;
    let api = server.signed_in().await;
    let lines = |adults: u32, children: u32, gallery: u32| {
        let counts = [adults, children, gallery].into_iter().zip(&event.types).filter(|(count, _)| *count > 0);
        let lines: Vec<_> = counts.map(|(count, of)| json!({ "ticketTypeId": of, "quantity": count })).collect();
        json!({ "items": lines })
    };
    let sold_out = api.book(&event, &lines(3, 3, 1)).await.problem(409, "BOOKING_001");
    assert_eq!(sold_out["errors"][0]["field"], "items");
    api.book(&event, &lines(1, 1, 3)).await.problem(409, "BOOKING_001");
    let booking = api.book(&event, &lines(3, 2, 1)).await.created();
    assert_eq!((&booking["total"], booking["items"].as_array().unwrap().len()), (&eur("80.00"), 6));
    let shown = api.get(&event.path("availability")).await.ok();
    let left: Vec<_> = shown["ticketTypes"].as_array().unwrap().iter().map(|of| of["available"].clone()).collect();
    assert_eq!(left, [json!(0), json!(0), json!(1)]);
    api.book(&event, &quantity(event.types[1], 1)).await.problem(409, "BOOKING_001");
    server.audit().await;
}

#[tokio::test]
async fn a_hold_becomes_a_booking_once() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 4)).await;
    let api = server.signed_in().await;
    let hold = api.hold(&event, &event.seats([0, 3])).await.created();
    let body = json!({ "holdId": hold["id"] });
    let first = api.book_as(&event, "k", &body).await;
    let booking = first.created();
    assert_eq!(booking["status"], "CONFIRMED");
    let places =
        |of: &Value| of["items"].as_array().unwrap().iter().map(|item| uuid(&item["seatId"])).collect::<Vec<_>>();
    assert_eq!(places(&booking), places(&hold));
    assert_eq!(api.get(&format!("/api/v1/holds/{}", uuid(&hold["id"]))).await.ok()["status"], "CONVERTED");
    assert_eq!(api.places(&event).await, (0, 2, 2));
    assert_eq!(api.book_as(&event, "k", &body).await.body, first.body);
    api.book(&event, &body).await.problem(409, "BOOKING_005");
    api.delete(&format!("/api/v1/holds/{}", uuid(&hold["id"]))).await.problem(409, "BOOKING_005");
    server.audit().await;
    api.delete(&path(&booking)).await.ok();
    assert_eq!(api.places(&event).await, (0, 0, 4));
    server.audit().await;
}

#[tokio::test]
async fn a_cancelled_booking_frees_its_places_once() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 3)).await;
    let (api, other) = (server.signed_in().await, server.signed_in().await);
    let booking = api.book(&event, &event.seats([0, 1])).await.created();
    let cancelled = api.delete(&path(&booking)).await;
    assert_eq!(cancelled.ok()["status"], "CANCELLED");
    assert_eq!(api.places(&event).await, (0, 0, 3));
    assert_eq!(api.delete(&path(&booking)).await.body, cancelled.body, "again: the same");
    other.book(&event, &event.seats([0])).await.created();
    assert_eq!(api.delete(&path(&booking)).await.ok()["status"], "CANCELLED");
    assert_eq!(api.places(&event).await, (0, 1, 2), "the new owner keeps the seat");
    server.audit().await;
}

/// Guards: the decision on its way that the second joins, `closing` of confirmed bookings, and the order of `ledger_commit`. The only
/// place of a small quota is where it did harm: the inventory died of it, and others were refused for seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_cancellations_at_once_have_one_answer() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(1).and_ga("Box", 1_000)).await;
    let (api, other) = (server.signed_in().await, server.signed_in().await);
    let actor = || {
        let slot = server.running.inventories.directory().find(domain::ids::EventId(event.id)).unwrap();
        slot.actor().unwrap().get_id()
    };
    let (mut first, wanted) = (None, quantity(event.types[1], 1));
    for _ in 0..20 {
        let booking = api.book(&event, &event.places(1)).await.created();
        let incarnation = *first.get_or_insert_with(actor);
        let path = path(&booking);
        let cancelling = (0..6).map(|_| api.delete(&path));
        let holding = (0..3).map(|_| other.hold(&event, &wanted));
        let (cancelled, held) = tokio::join!(join_all(cancelling), join_all(holding));
        for answer in &cancelled {
            assert_eq!((answer.status, &answer.body), (200, &cancelled[0].body));
        }
        assert_eq!(cancelled[0].ok()["status"], "CANCELLED");
        assert!(held.iter().all(|hold| hold.status == 201), "nobody else is refused");
        assert_eq!(actor(), incarnation, "no inventory dies of it");
    }
    server.audit().await;
}

#[tokio::test]
async fn nothing_is_cancelled_once_the_event_has_begun() {
    let server = TestServer::start().await;
    let begun = crate::support::events::in_seconds(-60);
    let event = server.event(EventBuilder::ga(3).starts_at(begun)).await;
    let api = server.signed_in().await;
    let booking = api.book(&event, &event.places(1)).await.created();
    api.delete(&path(&booking)).await.problem(409, "BOOKING_006");
    assert_eq!(api.get(&path(&booking)).await.ok()["status"], "CONFIRMED");
}

#[tokio::test]
async fn another_accounts_booking_does_not_exist() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(3)).await;
    let (api, other) = (server.signed_in().await, server.signed_in().await);
    let booking = api.book(&event, &event.places(1)).await.created();
    other.get(&path(&booking)).await.problem(404, "RESOURCE_001");
    other.delete(&path(&booking)).await.problem(404, "RESOURCE_001");
    assert_eq!(other.get("/api/v1/bookings").await.ok()["data"], json!([]));
    let organizer = crate::support::accounts::add_accounts(&server.client, 1, domain::accounts::Role::Admin).await;
    server.api.of(&organizer[0]).get(&path(&booking)).await.problem(404, "RESOURCE_001");
    api.get(&format!("/api/v1/bookings/{}", Uuid::now_v7())).await.problem(404, "RESOURCE_001");
    assert_eq!(api.get(&path(&booking)).await.ok()["status"], "CONFIRMED");
}

#[tokio::test]
async fn own_bookings_are_listed_newest_first_page_by_page() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(100)).await;
    let api = server.signed_in().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(api.book(&event, &event.places(1)).await.created());
    }
    made.reverse();
    let first = api.get("/api/v1/bookings?limit=2").await.ok();
    assert_eq!(first["data"].as_array().unwrap(), &made[..2]);
    assert_eq!((&first["pagination"]["total"], &first["pagination"]["hasMore"]), (&json!(5), &json!(true)));
    // A booking that is made meanwhile is on the first page, and moves nothing on the others.
    api.book(&event, &event.places(1)).await.created();
    let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
    let second = api.get(&format!("/api/v1/bookings?limit=2&cursor={cursor}")).await.ok();
    assert_eq!(second["data"].as_array().unwrap(), &made[2..4]);
    let last = api.get("/api/v1/bookings?limit=2&offset=4").await.ok();
    assert_eq!(last["data"].as_array().unwrap(), &made[3..]);
    assert_eq!(last["pagination"]["hasMore"], false);
}

/// Guards: the names in the answer to a booking, and that these are the same wherever a booking is shown.
#[tokio::test]
async fn a_booking_says_what_was_booked() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 5).and_ga("Standing", 10).title("Rigoletto")).await;
    let api = server.signed_in().await;
    let body = json!({ "items": [
        { "ticketTypeId": event.types[0], "seatIds": [event.seats[0][0]] },
        { "ticketTypeId": event.types[1], "quantity": 1 },
    ] });
    let booking = api.book(&event, &body).await.created();
    let shown = server.api.get(&format!("/api/v1/events/{}", event.id)).await.ok();
    let expected = json!({ "slug": event.slug, "title": "Rigoletto", "startsAt": shown["startsAt"],
        "timeZone": shown["timeZone"], "venueName": shown["venue"]["name"] });
    assert_eq!(booking["event"], expected);
    let names: Vec<_> = booking["items"].as_array().unwrap().iter().map(|item| &item["ticketTypeName"]).collect();
    let types: Vec<_> = shown["ticketTypes"].as_array().unwrap().iter().map(|of| of["name"].clone()).collect();
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|name| types.contains(name)) && names[0] != names[1], "{names:?} of {types:?}");
    let status = |booking: &Value| booking["items"][1]["status"].clone();
    assert_eq!(status(&booking), "VALID");
    assert_eq!(api.get(&path(&booking)).await.ok(), booking);
    assert_eq!(api.get("/api/v1/bookings").await.ok()["data"][0], booking);
    let cancelled = api.delete(&path(&booking)).await.ok();
    assert_eq!((&cancelled["event"], status(&cancelled)), (&expected, json!("CANCELLED")));
}

#[tokio::test]
async fn own_bookings_are_filtered_by_state_and_event() {
    let server = TestServer::start().await;
    let (one, other) = (server.event(EventBuilder::ga(10)).await, server.event(EventBuilder::ga(10).price("5")).await);
    let api = server.signed_in().await;
    let kept = api.book(&one, &one.places(1)).await.created();
    let cancelled = api.book(&one, &one.places(1)).await.created();
    let cancelled = api.delete(&path(&cancelled)).await.ok();
    let unpaid = api.book(&other, &other.places(1)).await.created();
    let found = async |query: &str| {
        let page = api.get(&format!("/api/v1/bookings?{query}")).await.ok();
        assert_eq!(page["pagination"]["total"], page["data"].as_array().unwrap().len(), "{query}");
        page["data"].as_array().unwrap().iter().map(|of| of["id"].clone()).collect::<Vec<_>>()
    };
    let id = |booking: &Value| booking["id"].clone();
    assert_eq!(found("status=CONFIRMED").await, [id(&kept)]);
    assert_eq!(found("status=CANCELLED").await, [id(&cancelled)]);
    assert_eq!(found("status=CONFIRMED&status=PENDING_PAYMENT").await, [id(&unpaid), id(&kept)]);
    assert_eq!(found(&format!("eventId={}", one.id)).await, [id(&cancelled), id(&kept)]);
    assert_eq!(found(&format!("eventId={}&status=EXPIRED", one.id)).await, [] as [Value; 0]);
    assert_eq!(found(&format!("eventId={}", Uuid::now_v7())).await, [] as [Value; 0]);
    let faults = api.get("/api/v1/bookings?status=NEW&eventId=x&q=1").await.faults();
    assert_eq!(faults.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["status", "eventId", "q"]);
}

/// No N+1: pages of one event and of many take as many statements; and the answer to a booking takes none once the event is known.
#[tokio::test]
async fn names_take_a_fixed_number_of_statements() {
    let server = TestServer::start().await;
    let api = server.signed_in().await;
    let mut events = Vec::new();
    for _ in 0..12 {
        let event = server.event(EventBuilder::ga(50).and_ga("Dear", 5)).await;
        api.book(&event, &event.places(1)).await.created();
        events.push(event);
    }
    let statistics = server.db.connect_as_superuser().await;
    statistics.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await.unwrap();
    let asked = async |like: &str| {
        let query = "SELECT coalesce(sum(calls), 0)::int8 FROM pg_stat_statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query LIKE $1";
        statistics.query_one(query, &[&like]).await.unwrap().get::<_, i64>(0)
    };
    for limit in [1, 12] {
        statistics.batch_execute("SELECT pg_stat_statements_reset()").await.unwrap();
        let page = api.get(&format!("/api/v1/bookings?limit={limit}")).await.ok();
        assert_eq!(page["data"].as_array().unwrap().len(), limit);
        let counts = (asked("%FROM booking_items WHERE booking_id = ANY%").await, asked("%AS type_names%").await);
        assert_eq!(counts, (1, 1), "the items, and the names, of all of them");
        // A page that ends with the list tells its total by itself.
        let expected = if limit == 1 { 2 } else { 1 };
        assert_eq!(asked("%FROM bookings b WHERE b.account_id%").await, expected, "the page and its total");
    }
    let event = &events[0];
    api.book(event, &event.places(1)).await.created();
    statistics.batch_execute("SELECT pg_stat_statements_reset()").await.unwrap();
    for _ in 0..20 {
        api.book(event, &event.places(1)).await.created();
    }
    let asked = asked("%AS type_names%").await;
    assert!(asked <= 2, "one read for all bookings of some seconds: {asked}");
}

#[tokio::test]
async fn limits_a_booking_and_an_account_hold() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(100).per_booking(2, 3).max_per_account(5)).await;
    let api = server.signed_in().await;
    for places in [1, 4] {
        api.book(&event, &event.places(places)).await.problem(422, "BOOKING_004");
        api.hold(&event, &event.places(places)).await.problem(422, "BOOKING_004");
    }
    let booking = api.book(&event, &event.places(3)).await.created();
    api.book(&event, &event.places(3)).await.problem(422, "BOOKING_004");
    let hold = api.hold(&event, &event.places(2)).await.created();
    api.hold(&event, &event.places(2)).await.problem(422, "BOOKING_004");
    // From a hold: its places were counted when they were held.
    api.book(&event, &json!({ "holdId": hold["id"] })).await.created();
    api.book(&event, &event.places(2)).await.problem(422, "BOOKING_004");
    server.signed_in().await.book(&event, &event.places(3)).await.created();
    api.delete(&path(&booking)).await.ok();
    api.book(&event, &event.places(3)).await.created();
    server.audit().await;
}

/// What an account has is counted again from the ledger when an inventory is loaded.
#[tokio::test]
async fn limits_an_account_survive_a_restart() {
    let settings = Settings::default();
    let server = settings.clone().start().await;
    let event = server.event(EventBuilder::ga(100).price("5").max_per_account(6)).await;
    let buyer = server.buyer().await;
    let cancelled = server.api.of(&buyer).book(&event, &event.places(2)).await.created();
    server.api.of(&buyer).delete(&path(&cancelled)).await.ok();
    server.api.of(&buyer).book(&event, &event.places(2)).await.created();
    server.api.of(&buyer).hold(&event, &event.places(2)).await.created();
    let server = server.restart(&settings).await;
    let api = server.api.of(&buyer);
    api.book(&event, &event.places(3)).await.problem(422, "BOOKING_004");
    api.book(&event, &event.places(2)).await.created();
    assert_eq!(api.places(&event).await, (6, 0, 94));
    server.audit().await;
}

#[tokio::test]
async fn places_are_sold_within_their_windows_only() {
    let server = TestServer::start().await;
    let at = crate::support::events::in_seconds;
    for (builder, why) in [
        (EventBuilder::ga(5).sale(at(600), at(1200)), "early"),
        (EventBuilder::ga(5).sale(at(-600), at(-1)), "late"),
        (EventBuilder::ga(5).type_sale(at(600), at(1200)), "early for this type"),
        (EventBuilder::ga(5).type_sale(at(-600), at(-1)), "late for this type"),
        (EventBuilder::ga(5).status("CANCELLED"), "cancelled"),
        (EventBuilder::ga(5).status("ARCHIVED"), "archived"),
    ] {
        let event = server.event(builder).await;
        let api = server.signed_in().await;
        let refused = api.book(&event, &event.places(1)).await.problem(409, "BOOKING_003");
        api.hold(&event, &event.places(1)).await.problem(409, "BOOKING_003");
        assert!(!refused["detail"].as_str().unwrap().is_empty(), "{why}");
    }
    // A type's own window goes before the event's.
    let event = server.event(EventBuilder::ga(5).sale(at(600), at(1200)).type_sale(at(-600), at(600))).await;
    server.signed_in().await.book(&event, &event.places(1)).await.created();
}

#[tokio::test]
async fn a_booking_must_fit_the_event() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 3).and_seated("Balcony", 1, 3).and_ga("Standing", 5)).await;
    let elsewhere = server.event(EventBuilder::seated(1, 1)).await;
    let api = server.signed_in().await;
    let (stalls, balcony, standing) = (event.types[0], event.types[1], event.types[2]);
    let twice =
        json!({ "items": [{ "ticketTypeId": standing, "quantity": 1 }, { "ticketTypeId": standing, "quantity": 1 }] });
    let both = json!({ "items": [{ "ticketTypeId": stalls, "quantity": 1, "seatIds": [event.seats[0][0]] }] });
    for (body, field, code) in [
        (quantity(Uuid::now_v7(), 1), "items[0].ticketTypeId", "UNKNOWN"),
        (quantity(elsewhere.types[0], 1), "items[0].ticketTypeId", "UNKNOWN"),
        (seats(stalls, &[Uuid::now_v7()]), "items[0].seatIds[0]", "UNKNOWN"),
        (seats(stalls, &elsewhere.seats[0]), "items[0].seatIds[0]", "UNKNOWN"),
        (seats(stalls, &[event.seats[0][0], event.seats[1][0]]), "items[0].seatIds[1]", "UNKNOWN"),
        (seats(balcony, &[event.seats[0][0]]), "items[0].seatIds[0]", "UNKNOWN"),
        (seats(standing, &[event.seats[0][0]]), "items[0].seatIds", "NOT_SEATED"),
        (quantity(stalls, 1), "items[0].quantity", "SEATS_REQUIRED"),
        (quantity(standing, 0), "items[0].quantity", "OUT_OF_RANGE"),
        (quantity(standing, 101), "items[0].quantity", "OUT_OF_RANGE"),
        (seats(stalls, &[]), "items[0].seatIds", "OUT_OF_RANGE"),
        (seats(stalls, &[event.seats[0][0]; 2]), "items[0].seatIds[1]", "DUPLICATE"),
        (twice, "items[1].ticketTypeId", "DUPLICATE"),
        (both.clone(), "items[0]", "INVALID"),
        (json!({ "items": [] }), "items", "OUT_OF_RANGE"),
        (json!({}), "items", "REQUIRED"),
        (json!({ "items": both["items"], "holdId": Uuid::now_v7() }), "items", "REQUIRED"),
    ] {
        assert_eq!(api.book(&event, &body).await.faults(), [(field.to_owned(), code.to_owned())], "{body}");
    }
    for body in [json!({ "items": [{ "quantity": 1 }] }), json!({ "items": 1 }), json!({ "colour": "red" })] {
        api.book(&event, &body).await.problem(422, "VALIDATION_001");
    }
    let nowhere = format!("/api/v1/events/{}/bookings", Uuid::now_v7());
    let answer = api.send(reqwest::Method::POST, &nowhere, Some("k"), Some(&event.places(1))).await;
    answer.problem(404, "RESOURCE_001");
    for draft in ["DRAFT", "SCHEDULED"] {
        let event = server.event(EventBuilder::ga(5).status(draft)).await;
        api.book(&event, &event.places(1)).await.problem(404, "RESOURCE_001");
        api.hold(&event, &event.places(1)).await.problem(404, "RESOURCE_001");
    }
    assert_eq!(server.db.number("SELECT count(*) FROM bookings", &[]).await, 0);
}
