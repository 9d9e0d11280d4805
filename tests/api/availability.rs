//! `GET /availability`, and the filter `available`: both by the ledger's counters, at the moment of the question.

use rand::Rng;
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    EventBuilder, TestEvent, TestServer,
    client::{instant, uuid},
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
