//! Ticket types that are hidden: nobody without a code for one learns that it is there.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{EventBuilder, TestEvent, TestServer, client::quantity, listener::Listener};

/// Hides a ticket type of an event that nobody has looked at yet.
async fn hide(server: &TestServer, kind: Uuid) {
    server.client.execute("UPDATE ticket_types SET hidden = true WHERE id = $1", &[&kind]).await.unwrap();
}

async fn unlock(server: &TestServer, event: &TestEvent, body: Value) {
    let path = format!("/api/v1/admin/events/{}/promo-codes", event.id);
    crate::organizer::admin(server).await.post(&path, &body).await.created();
}

/// The names of what is listed.
fn names(listed: &Value) -> Vec<&str> {
    listed["data"].as_array().unwrap().iter().map(|of| of["name"].as_str().unwrap()).collect()
}

/// Everything that anybody may ask about the event, and lists in which it is found.
async fn everything_public(server: &TestServer, event: &TestEvent) -> Vec<(String, String)> {
    let mut said = Vec::new();
    for path in [
        format!("/api/v1/events/{}", event.id),
        format!("/api/v1/events/{}", event.slug),
        event.path("ticket-types"),
        event.path("availability"),
        event.path("availability?seats=true"),
        event.path("seat-map?version=1"),
        format!("/api/v1/availability?eventIds={}", event.id),
        "/api/v1/events?limit=100".to_owned(),
        "/api/v1/events?minPrice=70&maxPrice=90".to_owned(),
        "/api/v1/events?minPrice=70".to_owned(),
        "/api/v1/events?sort=-price".to_owned(),
    ] {
        let answer = server.api.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        said.push((path, String::from_utf8_lossy(&answer.body).into_owned()));
    }
    let (_, snapshot) = Listener::open(server, event, "?seats=true").await.event().await;
    said.push(("stream".to_owned(), snapshot.to_string()));
    said
}

/// Guards: each statement and each picture that shows ticket types.
#[tokio::test]
async fn what_is_hidden_is_nowhere_to_be_seen() {
    let server = TestServer::start().await;
    let event = EventBuilder::seated(1, 4).price("20").and_seated("Box", 1, 2).price("80");
    let event = server.event(event).await;
    let hidden = event.types[1];
    let shown = everything_public(&server, &event).await;
    let about = |said: &[(String, String)], what: &str| said.iter().filter(|of| of.1.contains(what)).count();
    assert!(about(&shown, &hidden.to_string()) >= 6, "it is there to be hidden");
    let fresh = server.event(EventBuilder::seated(1, 4).price("20").and_seated("Box", 1, 2).price("80")).await;
    let hidden = fresh.types[1];
    hide(&server, hidden).await;
    // Out of the lists, where its own box is seen.
    server.client.execute("UPDATE events SET status = 'DRAFT' WHERE id = $1", &[&event.id]).await.unwrap();
    let said = everything_public(&server, &fresh).await;
    for (path, text) in &said {
        assert!(!text.contains(&hidden.to_string()) && !text.contains("80.00"), "{path}: {text}");
    }
    let ranged = |path: &str| said.iter().find(|of| of.0.contains(path)).unwrap().1.clone();
    for path in ["minPrice=70&maxPrice=90", "?minPrice=70"] {
        let found: Value = serde_json::from_str(&ranged(path)).unwrap();
        assert_eq!(found["data"], json!([]), "{path}");
    }
    let seats = server.api.get(&fresh.path("availability?seats=true")).await.ok();
    let seats = seats["seats"].as_array().unwrap();
    assert_eq!(seats.iter().filter(|seat| seat["ticketTypeIds"] == json!([])).count(), 2, "a seat is where it is");
    let quote = server.api.post(&fresh.path("quotes"), &quantity(hidden, 1)).await;
    assert_eq!(quote.faults(), [("items[0].ticketTypeId".to_owned(), "UNKNOWN".to_owned())]);
}

/// Guards: `unlocks`, at the list and at quotes.
#[tokio::test]
async fn a_code_shows_what_it_unlocks() {
    let server = TestServer::start().await;
    let event = EventBuilder::ga(5).price("20").and_ga("Friends", 5).price("10").and_ga("Crew", 5).price("5");
    let event = server.event(event).await;
    let [_, friends, crew] = event.types[..] else { panic!("{event:?}") };
    hide(&server, friends).await;
    hide(&server, crew).await;
    unlock(&server, &event, json!({ "code": "ALL", "kind": "ACCESS" })).await;
    unlock(&server, &event, json!({ "code": "FRIEND", "kind": "ACCESS", "ticketTypeIds": [friends] })).await;
    unlock(&server, &event, json!({ "code": "CREW", "kind": "PERCENT", "value": "0.5", "ticketTypeIds": [crew] }))
        .await;
    unlock(&server, &event, json!({ "code": "HALF", "kind": "PERCENT", "value": "0.5" })).await;
    for (query, listed) in [
        ("", &["Admission"][..]),
        ("?promoCode=", &["Admission"]),
        ("?promoCode=all", &["Admission", "Friends", "Crew"]),
        ("?promoCode=FRIEND", &["Admission", "Friends"]),
        ("?promoCode=CREW", &["Admission", "Crew"]),
        ("?promoCode=HALF", &["Admission"]),
    ] {
        let answer = server.api.get(&event.path(&format!("ticket-types{query}"))).await;
        assert_eq!(names(&answer.ok()), listed, "{query}");
        assert!(answer.header("cache-control").unwrap().contains("no-store"));
    }
    let with = |kind: Uuid, code: &str| {
        let mut body = quantity(kind, 1);
        body["promoCode"] = json!(code);
        body
    };
    let quote = async |kind: Uuid, code: &str| server.api.post(&event.path("quotes"), &with(kind, code)).await;
    assert_eq!(quote(friends, "FRIEND").await.ok()["total"]["amount"], "10.00");
    assert_eq!(quote(crew, "CREW").await.ok()["total"]["amount"], "2.50");
    assert_eq!(quote(crew, "HALF").await.faults()[0].1, "UNKNOWN", "it is for all tickets, and unlocks none");
    quote(crew, "FRIEND").await.problem(422, "PROMO_001");
    server.api.get(&format!("/api/v1/events/{}/ticket-types", Uuid::now_v7())).await.problem(404, "RESOURCE_001");
    server.client.execute("UPDATE events SET status = 'DRAFT' WHERE id = $1", &[&event.id]).await.unwrap();
    server.api.get(&event.path("ticket-types?promoCode=ALL")).await.problem(404, "RESOURCE_001");
}

/// Guards: the triggers behind lists and caches, and the pause of a running sale.
#[tokio::test]
async fn hiding_takes_effect_at_once() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(5).price("20").and_ga("Friends", 5).price("10")).await;
    let boss = crate::organizer::admin(&server).await;
    let path = format!("/api/v1/admin/events/{}/ticket-types/{}", event.id, event.types[1]);
    let seen = async || {
        let detail = server.api.get(&format!("/api/v1/events/{}", event.id)).await.ok();
        let places = server.api.get(&event.path("availability")).await.ok();
        let listed = server.api.get("/api/v1/events").await.ok();
        let count = |of: &Value| of["ticketTypes"].as_array().unwrap().len();
        (count(&detail), count(&places), listed["data"][0]["minPrice"]["amount"].as_str().unwrap().to_owned())
    };
    assert_eq!(seen().await, (2, 2, "10.00".to_owned()));
    let hidden = boss.change(&path, &json!({ "hidden": true, "taxRate": "0.070" })).await.ok();
    assert_eq!((&hidden["hidden"], &hidden["taxRate"]), (&json!(true), &json!("0.07")));
    assert_eq!(seen().await, (1, 1, "20.00".to_owned()));
    let back = boss.change(&path, &json!({ "hidden": null, "taxRate": null })).await.ok();
    assert_eq!((&back["hidden"], back.get("taxRate")), (&json!(false), None));
    assert_eq!(seen().await, (2, 2, "10.00".to_owned()));
    let fault = boss.change(&path, &json!({ "taxRate": "7" })).await.faults();
    assert_eq!(fault, [("taxRate".to_owned(), "OUT_OF_RANGE".to_owned())]);
}
