//! `GET /availability`, and the filter `available`: both by the ledger's counters, at the moment of the question.

use std::collections::HashMap;

use domain::sales::sellable;
use rand::{Rng, rngs::StdRng};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Api, EventBuilder, TestEvent, TestServer,
    client::{instant, quantity, uuid},
    events::in_seconds,
    seeded,
};

/// The states of events, in the order in which they are asked for.
async fn states(server: &TestServer, events: &[&TestEvent]) -> Vec<String> {
    let ids: Vec<String> = events.iter().map(|event| event.id.to_string()).collect();
    let told = server.api.get(&format!("/api/v1/availability?eventIds={}", ids.join(","))).await.ok();
    let of = |id: &String| {
        let told = told["data"].as_array().unwrap().iter().find(|of| of["eventId"] == **id);
        told.map_or("-".to_owned(), |of| of["status"].as_str().unwrap().to_owned())
    };
    ids.iter().map(of).collect()
}

async fn available(server: &TestServer) -> Vec<Uuid> {
    let found = server.api.get("/api/v1/events?available=true&limit=100").await.ok();
    found["data"].as_array().unwrap().iter().map(|event| uuid(&event["id"])).collect()
}

/// The whole way: what somebody has just booked is what the next one sees.
#[tokio::test]
async fn a_sell_out_shows_at_once_and_so_does_what_comes_back() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(20)).await;
    let api = server.signed_in().await;
    for (quantity, state) in [(17, "AVAILABLE"), (1, "FEW_LEFT"), (1, "FEW_LEFT"), (1, "SOLD_OUT")] {
        api.book(&event, &event.places(quantity)).await.created();
        let expected = if quantity == 17 { "AVAILABLE" } else { state };
        assert_eq!(states(&server, &[&event]).await, [expected]);
        assert_eq!(available(&server).await.len(), usize::from(state != "SOLD_OUT"));
    }
    let booking = api.get("/api/v1/bookings?limit=1").await.ok()["data"][0]["id"].clone();
    api.delete(&format!("/api/v1/bookings/{}", uuid(&booking))).await.ok();
    assert_eq!((states(&server, &[&event]).await, available(&server).await.len()), (vec!["FEW_LEFT".to_owned()], 1));
    // Held places are not to be had either.
    api.hold(&event, &event.places(1)).await.created();
    assert_eq!((states(&server, &[&event]).await, available(&server).await.len()), (vec!["SOLD_OUT".to_owned()], 0));
}

#[tokio::test]
async fn what_is_not_on_sale_says_so() {
    let server = TestServer::start().await;
    let (past, soon, later) = (in_seconds(-3600), in_seconds(3600), in_seconds(7200));
    let early = server.event(EventBuilder::ga(5).sale(soon, later)).await;
    let over = server.event(EventBuilder::ga(5).sale(in_seconds(-7200), past)).await;
    let own_window = server.event(EventBuilder::ga(5).sale(soon, later).type_sale(past, soon)).await;
    let cancelled = server.event(EventBuilder::ga(5).status("CANCELLED")).await;
    let draft = server.event(EventBuilder::ga(5).status("DRAFT")).await;
    let told = states(&server, &[&early, &over, &own_window, &cancelled, &draft]).await;
    assert_eq!(told, ["NOT_ON_SALE", "NOT_ON_SALE", "AVAILABLE", "NOT_ON_SALE", "-"]);
    assert_eq!(available(&server).await, [own_window.id]);
}

#[tokio::test]
async fn the_question_is_checked_and_the_answer_is_never_kept() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(5)).await;
    let answer =
        server.api.get(&format!("/api/v1/availability?eventIds={0},{0}&eventIds={1}", event.id, Uuid::now_v7())).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let told = answer.ok();
    instant(&told["asOf"]);
    assert_eq!(told["data"], json!([{ "eventId": event.id, "status": "AVAILABLE" }]));
    let many = vec![event.id.to_string(); 101].join(",");
    for (query, code) in [
        (String::new(), "REQUIRED"),
        ("eventIds=x".to_owned(), "INVALID"),
        (format!("eventIds={},", event.id), "INVALID"),
        (format!("eventIds={many}"), "TOO_MANY"),
    ] {
        let faults = server.api.get(&format!("/api/v1/availability?{query}")).await.faults();
        assert_eq!(faults, [("eventIds".to_owned(), code.to_owned())], "{query}");
    }
}

/// The filter is written in SQL and the badge in Rust: they say the same, whatever the counters and windows are.
#[tokio::test]
async fn filter_and_badge_agree() {
    let server = TestServer::start().await;
    let mut random = seeded();
    let mut events = Vec::new();
    for _ in 0..60 {
        let window = |random: &mut rand::rngs::StdRng| {
            let from = random.random_range(-3..3);
            (in_seconds(from * 3600), in_seconds((from + random.random_range(1..4)) * 3600 - 1800))
        };
        let (from, to) = window(&mut random);
        let mut builder = EventBuilder::ga(random.random_range(0..12)).sale(from, to);
        if random.random_bool(0.5) {
            let (from, to) = window(&mut random);
            builder = builder.type_sale(from, to);
        }
        builder = match random.random_range(0..3) {
            0 => builder.and_ga("Other", random.random_range(0..12)),
            1 => builder.and_shared("Shared"),
            _ => builder,
        };
        events.push(server.event(builder).await);
    }
    let sell = "UPDATE quotas SET sold = floor(random() * (capacity + 1)), held = 0;
        UPDATE quotas SET held = capacity - sold WHERE random() < 0.4";
    for _ in 0..5 {
        server.client.batch_execute(sell).await.unwrap();
        let found = available(&server).await;
        let told = states(&server, &events.iter().collect::<Vec<_>>()).await;
        for (event, state) in events.iter().zip(&told) {
            let sells = ["AVAILABLE", "FEW_LEFT"].contains(&&**state);
            assert_eq!(found.contains(&event.id), sells, "{state}: {}", event.id);
        }
        let kinds: std::collections::HashSet<_> = told.iter().collect();
        assert!(kinds.len() >= 3, "{kinds:?}");
    }
}

/// What each ticket type of an event shows as available.
async fn shown(server: &TestServer, event: &TestEvent) -> HashMap<Uuid, u64> {
    let shown = server.api.get(&event.path("availability")).await.ok();
    let of = |of: &Value| (uuid(&of["id"]), of["available"].as_u64().unwrap());
    shown["ticketTypes"].as_array().unwrap().iter().map(of).collect()
}

/// Guards: `sellable` in the snapshot, the badge and the filter.
#[tokio::test]
async fn places_that_nobody_can_buy_are_not_available() {
    let server = TestServer::start().await;
    let pairs = server.event(EventBuilder::ga(3).per_booking(2, 2)).await;
    let api = server.signed_in().await;
    assert_eq!(shown(&server, &pairs).await[&pairs.types[0]], 2, "the third is left over");
    api.book(&pairs, &pairs.places(2)).await.created();
    assert_eq!(shown(&server, &pairs).await[&pairs.types[0]], 0);
    assert_eq!((states(&server, &[&pairs]).await, available(&server).await), (vec!["SOLD_OUT".to_owned()], vec![]));
    api.book(&pairs, &pairs.places(2)).await.problem(409, "BOOKING_001");
    api.book(&pairs, &pairs.places(1)).await.problem(422, "BOOKING_004");

    let never = server.event(EventBuilder::ga(10).per_booking(5, 9).max_per_account(4)).await;
    assert_eq!(shown(&server, &never).await[&never.types[0]], 0);
    assert_eq!(states(&server, &[&never]).await, ["SOLD_OUT"]);
}

/// Guards: the free seats in each of them, counted exactly where the quota says nothing. Two seats on a quota of ten, and two ticket
/// types that sell the same seats.
#[tokio::test]
async fn seats_that_are_taken_are_not_available_whatever_the_quota_has() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 2).and_seated("Balcony", 1, 2)).await;
    server.db.execute("UPDATE quotas SET capacity = 10").await;
    let both =
        "INSERT INTO ticket_type_sections SELECT $1, section_id FROM ticket_type_sections WHERE ticket_type_id = $2";
    server.client.execute(both, &[&event.types[1], &event.types[0]]).await.unwrap();
    let api = server.signed_in().await;
    let all = async || {
        let shown = shown(&server, &event).await;
        event.types.iter().map(|of| shown[of]).collect::<Vec<_>>()
    };
    assert_eq!((all().await, states(&server, &[&event]).await), (vec![2, 4], vec!["AVAILABLE".to_owned()]));
    // By the ticket type of the balcony, in the stalls.
    let body = crate::support::client::seats(event.types[1], &event.seats[0]);
    api.book(&event, &body).await.created();
    assert_eq!((all().await, available(&server).await), (vec![0, 2], vec![event.id]));
    let rest = crate::support::client::seats(event.types[1], &event.seats[1]);
    let held = api.hold(&event, &rest).await.created();
    assert_eq!((all().await, states(&server, &[&event]).await), (vec![0, 0], vec!["SOLD_OUT".to_owned()]));
    assert!(available(&server).await.is_empty());
    api.delete(&format!("/api/v1/holds/{}", uuid(&held["id"]))).await;
    assert_eq!((all().await, available(&server).await), (vec![0, 2], vec![event.id]));
    server.audit().await;
}

/// The closed form is written in Rust for snapshots and in SQL for lists.
#[tokio::test]
async fn rust_and_sql_count_what_can_be_bought_alike() {
    let server = TestServer::start().await;
    let all = "SELECT p, l, m, sellable(p, l, m) FROM generate_series(0, 30) p, generate_series(0, 8) l, generate_series(0, 9) m";
    for row in server.client.query(all, &[]).await.unwrap() {
        let [places, min, max] = [0, 1, 2].map(|column| u32::try_from(row.get::<_, i32>(column)).unwrap());
        assert_eq!(row.get::<_, i64>(3), i64::from(sellable(places, min, max)), "{places} by {min} to {max}");
    }
}

/// An event with two sections and general admission, on quotas that fit or not, shared or not, with limits of any kind.
async fn odd_event(server: &TestServer, random: &mut StdRng) -> TestEvent {
    let mut builder = EventBuilder::seated(1, random.random_range(1..5));
    builder = builder.per_booking(random.random_range(1..3), random.random_range(2..5));
    builder = builder.and_seated("Balcony", 1, random.random_range(1..4)).per_booking(random.random_range(1..3), 3);
    builder = builder.and_ga("Standing", random.random_range(0..5)).per_booking(random.random_range(1..4), 3);
    if random.random_bool(0.3) {
        builder = builder.max_per_account(random.random_range(1..4));
    }
    let event = server.event(builder).await;
    let [stalls, balcony, standing] = [0, 1, 2].map(|index| event.types[index]);
    let run = async |statement: &str, parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)]| {
        server.client.execute(statement, parameters).await.unwrap();
    };
    if random.random_bool(0.5) {
        let capacity = random.random_range(0..8);
        run(
            "UPDATE quotas SET capacity = $2 WHERE id = (SELECT quota_id FROM ticket_types WHERE id = $1)",
            &[&stalls, &capacity],
        )
        .await;
    }
    let share = "UPDATE ticket_types SET quota_id = (SELECT quota_id FROM ticket_types WHERE id = $1) WHERE id = $2";
    if random.random_bool(0.4) {
        run(share, &[&stalls, &balcony]).await;
    }
    if random.random_bool(0.3) {
        run(share, &[&stalls, &standing]).await;
    }
    if random.random_bool(0.4) {
        let both = "INSERT INTO ticket_type_sections SELECT $1, section_id FROM ticket_type_sections WHERE ticket_type_id = $2";
        run(both, &[&balcony, &stalls]).await;
    }
    event
}

/// So many places of a ticket type, whether it has seats or not, for somebody who has none yet.
fn places_of(event: &TestEvent, kind: usize, places: u64) -> Value {
    let mut body = quantity(event.types[kind], u32::try_from(places).unwrap());
    if kind < 2 {
        body["items"][0]["bestAvailable"] = json!(true);
    }
    body
}

/// Whether a booking of some size is granted, which is given back at once.
async fn can_be_bought(api: &Api, event: &TestEvent, kind: usize) -> bool {
    for places in 1..=4 {
        let answer = api.hold(event, &places_of(event, kind, places)).await;
        if answer.status == 201 {
            api.delete(&format!("/api/v1/holds/{}", uuid(&answer.json()["id"]))).await;
            return true;
        }
        assert!([409, 422].contains(&answer.status), "{}", answer.status);
    }
    false
}

/// One number: what a snapshot shows, what the database counts for lists, badge and filter, and what a booking may take.
#[tokio::test]
async fn whatever_says_that_something_can_be_bought_is_right() {
    let server = TestServer::start().await;
    let mut random = seeded();
    let mut events = Vec::new();
    for _ in 0..12 {
        events.push(odd_event(&server, &mut random).await);
    }
    let counted =
        "SELECT t.id, sellable(CASE WHEN t.seated THEN free_seats(t.event_id, t.id, q.capacity - q.held - q.sold)
            ELSE q.capacity - q.held - q.sold END, t.min_per_booking, least(t.max_per_booking, e.max_per_account))
        FROM ticket_types t JOIN quotas q ON q.id = t.quota_id JOIN events e ON e.id = t.event_id";
    for round in 0..4 {
        if round > 0 {
            for event in &events {
                let (kind, places) = (random.random_range(0..3), random.random_range(1..4));
                let answer = server.signed_in().await.book(event, &places_of(event, kind, places)).await;
                assert!([201, 409, 422].contains(&answer.status), "{}", answer.status);
            }
        }
        let counted: HashMap<Uuid, i64> =
            server.client.query(counted, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
        let (found, told) = (available(&server).await, states(&server, &events.iter().collect::<Vec<_>>()).await);
        let probe = server.signed_in().await;
        for (event, state) in events.iter().zip(&told) {
            let shown = shown(&server, event).await;
            for (kind, id) in event.types.iter().enumerate() {
                assert_eq!(shown[id], u64::try_from(counted[id]).unwrap(), "ticket type {kind} of {}", event.id);
                let can = can_be_bought(&probe, event, kind).await;
                assert_eq!(shown[id] > 0, can, "ticket type {kind} of {}, round {round}", event.id);
            }
            let is_sold = shown.values().any(|available| *available > 0);
            assert_eq!(["AVAILABLE", "FEW_LEFT"].contains(&&**state), is_sold, "{state}: {}", event.id);
            assert_eq!(found.contains(&event.id), is_sold, "{state}: {}", event.id);
        }
    }
    server.audit().await;
}
