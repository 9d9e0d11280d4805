//! `/events`, `/events/{idOrSlug}` and `/events/{id}/availability`.

mod availability;
mod hidden;
mod live;
mod over;
mod paging;
mod reads;
pub(crate) mod search;
mod slugs;

use std::collections::HashSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Api, EventBuilder, TestServer,
    client::{instant, uuid},
    events::in_seconds,
};

/// All entries of a list, page by page; `between` is called after each.
pub(super) async fn walk(api: &Api, list: &str, limit: u32, mut between: impl AsyncFnMut()) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut path = format!("{list}?limit={limit}");
    loop {
        let page = api.get(&path).await.ok();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= limit as usize);
        entries.extend(data.iter().cloned());
        let pagination = &page["pagination"];
        assert_eq!(pagination["limit"], limit);
        assert_eq!(pagination["hasMore"].as_bool().unwrap(), pagination.get("nextCursor").is_some());
        let Some(cursor) = pagination["nextCursor"].as_str() else { return entries };
        path = format!("{list}?limit={limit}&cursor={cursor}");
        between().await;
    }
}

/// What every list answers to parameters that are wrong.
pub(super) async fn assert_parameters_are_checked(api: &Api, list: &str, cursor_of_another: &str) {
    for (query, field, code) in [
        ("limit=0", "limit", "OUT_OF_RANGE"),
        ("limit=101", "limit", "OUT_OF_RANGE"),
        ("limit=-1", "limit", "INVALID"),
        ("limit=many", "limit", "INVALID"),
        ("limit=5&limit=6", "limit", "REPEATED"),
        ("offset=10001", "offset", "OUT_OF_RANGE"),
        ("cursor=nonsense", "cursor", "INVALID"),
        ("cursor=%00", "cursor", "INVALID"),
        ("colour=red", "colour", "UNKNOWN_PARAMETER"),
        (&format!("cursor={cursor_of_another}"), "cursor", "INVALID"),
    ] {
        let faults = api.get(&format!("{list}?{query}")).await.faults();
        assert_eq!(faults, [(field.to_owned(), code.to_owned())], "{query}");
    }
    assert_eq!(api.get(&format!("{list}?limit=0&offset=x&colour=red")).await.faults().len(), 3);
}

/// Walking by cursor sees every event once, whatever is published meanwhile.
#[tokio::test]
async fn a_walk_by_cursor_sees_each_event_once_while_others_are_published() {
    let server = TestServer::start().await;
    let mut before = HashSet::new();
    // Several begin at the same instant: the id decides between them.
    for hour in [5, 1, 3, 3, 3, 9, 7] {
        before.insert(server.event(EventBuilder::ga(1).starts_at(in_seconds(hour * 3600))).await.id);
    }
    server.event(EventBuilder::ga(1).status("DRAFT").starts_at(in_seconds(60))).await;
    let seen = walk(&server.api, "/api/v1/events", 2, async || {
        for hour in [2, 4, 6, 8] {
            server.event(EventBuilder::ga(1).starts_at(in_seconds(hour * 3600))).await;
        }
    })
    .await;
    let starts: Vec<_> = seen.iter().map(|event| (instant(&event["startsAt"]), uuid(&event["id"]))).collect();
    assert!(starts.is_sorted(), "soonest first: {starts:?}");
    let ids: HashSet<Uuid> = starts.iter().map(|(_, id)| *id).collect();
    assert_eq!(ids.len(), seen.len(), "none twice");
    assert!(ids.is_superset(&before), "none left out");
}

#[tokio::test]
async fn pages_by_offset_and_their_totals() {
    let server = TestServer::start().await;
    let empty = server.api.get("/api/v1/events").await.ok();
    let pagination = json!({ "limit": 20, "offset": 0, "page": 1, "pageCount": 0, "total": 0, "totalIsEstimate": false,
        "hasMore": false, "hasPrevious": false });
    assert_eq!(empty, json!({ "data": [], "pagination": pagination }));
    let mut ids = Vec::new();
    for hour in 1..=5 {
        ids.push(server.event(EventBuilder::ga(1).starts_at(in_seconds(hour * 3600))).await.id);
    }
    let second = server.api.get("/api/v1/events?limit=2&offset=2").await.ok();
    assert_eq!((&second["data"][0]["id"], &second["data"][1]["id"]), (&json!(ids[2]), &json!(ids[3])));
    let of = |name: &str| second["pagination"][name].clone();
    assert_eq!((of("offset"), of("total"), of("hasMore")), (json!(2), json!(5), json!(true)));
    let beyond = server.api.get("/api/v1/events?offset=5").await.ok();
    assert_eq!((&beyond["data"], &beyond["pagination"]["hasMore"]), (&json!([]), &json!(false)));
    let cursor = of("nextCursor");
    let both = format!("/api/v1/events?cursor={}&offset=1", cursor.as_str().unwrap());
    assert_eq!(server.api.get(&both).await.faults(), [("offset".to_owned(), "CONFLICT".to_owned())]);
    assert_parameters_are_checked(&server.api, "/api/v1/events", "00").await;
}

#[tokio::test]
async fn an_event_is_found_by_id_and_by_slug_with_all_a_buyer_wants_to_know() {
    let server = TestServer::start().await;
    let builder = EventBuilder::ga(10).price("25").and_seated("Stalls", 1, 2).per_booking(1, 4).title("Così fan tutte");
    let event = server.event(builder.max_per_account(6).tag("Opera").tag("Italian")).await;
    let shown = server.api.get(&format!("/api/v1/events/{}", event.id)).await;
    assert_eq!(server.api.get(&format!("/api/v1/events/{}", event.slug)).await.body, shown.body);
    let shown = shown.ok();
    for (member, expected) in [
        ("id", json!(event.id)),
        ("slug", json!(event.slug)),
        ("title", json!("Così fan tutte")),
        ("status", json!("PUBLISHED")),
        ("timeZone", json!("Europe/Berlin")),
        ("currency", json!("EUR")),
        ("seated", json!(true)),
        ("maxPerAccount", json!(6)),
        ("tags", json!([{ "slug": "italian", "name": "Italian" }, { "slug": "opera", "name": "Opera" }])),
    ] {
        assert_eq!(shown[member], expected, "{member}");
    }
    assert_eq!(shown["venue"]["id"], json!(event.venue));
    let types = shown["ticketTypes"].as_array().unwrap();
    assert_eq!(types.iter().map(|of| uuid(&of["id"])).collect::<Vec<_>>(), event.types);
    assert_eq!(types[0]["price"], json!({ "amount": "25.00", "currency": "EUR" }));
    assert_eq!((&types[1]["seated"], &types[1]["maxPerBooking"]), (&json!(true), &json!(4)));
    assert_eq!(types[0]["saleStartsAt"], shown["saleStartsAt"]);
    for nothing in [Uuid::now_v7().to_string(), "no-such-event".to_owned(), "%ff".to_owned()] {
        server.api.get(&format!("/api/v1/events/{nothing}")).await.problem(404, "RESOURCE_001");
    }
    server.api.get(&format!("/api/v1/events/{}?full=true", event.id)).await.faults();
}

#[tokio::test]
async fn what_was_never_published_is_nowhere_to_be_seen() {
    let server = TestServer::start().await;
    for status in ["DRAFT", "SCHEDULED"] {
        let event = server.event(EventBuilder::ga(10).status(status)).await;
        for path in [
            format!("/api/v1/events/{}", event.id),
            format!("/api/v1/events/{}", event.slug),
            event.path("availability"),
            event.path("availability?seats=true"),
        ] {
            server.api.get(&path).await.problem(404, "RESOURCE_001");
        }
    }
    for status in ["CANCELLED", "ARCHIVED"] {
        let event = server.event(EventBuilder::ga(10).status(status)).await;
        assert_eq!(server.api.get(&format!("/api/v1/events/{}", event.id)).await.ok()["status"], status);
        server.api.get(&event.path("availability")).await.ok();
    }
    assert_eq!(server.api.get("/api/v1/events").await.ok()["pagination"]["total"], 0, "lists show what is on sale");
}

#[tokio::test]
async fn availability_counts_places_and_shows_every_seat() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(2, 3).and_ga("Standing", 5).and_shared("Child")).await;
    let path = event.path("availability");
    let fresh = server.api.get(&path).await.ok();
    assert_eq!((&fresh["eventId"], &fresh["version"]), (&json!(event.id), &json!(0)));
    assert_eq!(fresh.get("seats"), None);
    let api = server.signed_in().await;
    api.book(&event, &event.seats([4])).await.created();
    api.hold(&event, &crate::support::client::quantity(event.types[2], 2)).await.created();

    let shown = server.api.get(&format!("{path}?seats=true")).await.ok();
    let counters = |id: Uuid, capacity: u32, held: u32, sold: u32| json!({ "id": id, "capacity": capacity, "held": held, "sold": sold, "available": capacity - held - sold });
    let [stalls, standing, child] = event.types[..] else { panic!() };
    let expected = json!([counters(stalls, 6, 0, 1), counters(standing, 5, 2, 0), counters(child, 5, 2, 0)]);
    assert_eq!(shown["ticketTypes"], expected);
    assert!(shown["version"].as_i64() > fresh["version"].as_i64(), "grows with every change");
    assert!(instant(&shown["asOf"]) >= instant(&fresh["asOf"]));
    let seats = shown["seats"].as_array().unwrap();
    assert_eq!(seats.iter().map(|seat| uuid(&seat["id"])).collect::<Vec<_>>(), event.seats[0]);
    let seat = json!({ "id": event.seats[0][4], "section": "Section 0", "row": "Row 2", "label": "2",
        "accessible": false, "ticketTypeIds": [stalls], "status": "SOLD" });
    assert_eq!(seats[4], seat);
    assert_eq!(seats.iter().filter(|seat| seat["status"] == "FREE").count(), 5);

    assert_eq!(server.api.get(&format!("{path}?seats=yes")).await.faults()[0].0, "seats");
    server.api.get(&format!("/api/v1/events/{}/availability", Uuid::now_v7())).await.problem(404, "RESOURCE_001");
    server.api.get(&format!("/api/v1/events/{}/availability", event.slug)).await.problem(404, "RESOURCE_001");
}

/// An inventory that nobody uses is unloaded, and comes back as it was.
#[tokio::test]
async fn an_idle_inventory_is_unloaded_and_loaded_again() {
    let settings = crate::support::Settings::default().idle_after(std::time::Duration::from_millis(100));
    let server = settings.start().await;
    let event = server.event(EventBuilder::seated(1, 3)).await;
    let api = server.signed_in().await;
    for round in 0..3 {
        api.book(&event, &event.seats([round])).await.created();
        let id = domain::ids::EventId(event.id);
        let soon = tokio::time::Instant::now() + crate::support::PATIENCE;
        let picture = async || server.running.inventories.availability(id, soon).await.unwrap().as_of;
        // A picture that is made again has a later time: the old inventory has published its last one.
        let last = picture().await;
        crate::support::until("it is unloaded", async || picture().await != last).await;
        assert_eq!(api.places(&event).await, (0, round as u64 + 1, 2 - round as u64));
    }
    api.book(&event, &event.seats([1])).await.problem(409, "BOOKING_002");
    server.audit().await;
}
