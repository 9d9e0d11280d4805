//! Events move on to another version of their seat map.

use domain::management::{
    ChangeError, Manager, Reach,
    seat_maps::{Move, SeatMapManagement},
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWN, act, organizer, places, seat_maps::layout, seated::Seated};
use crate::support::{
    TestEvent, TestServer,
    client::{seats, uuid},
    listener::Listener,
};

#[tokio::test]
async fn an_event_sells_the_version_that_it_is_told_to() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "A", 2)])).await;
    let before = of.seats(&api).await;
    of.redraw(&api, &layout(&[("Stalls", "A", 3)])).await;
    let path = format!("{OWN}/{}", of.event);
    let shown = api.get(&format!("{path}/seat-map")).await;
    assert_eq!((&shown.ok()["version"], &shown.json()["seatMapId"]), (&json!(1), &json!(of.map)));
    assert_eq!(shown.etag(), api.get(&path).await.etag());
    // What names the same map keeps the version.
    let kept = api.change(&path, &json!({ "seatMapId": of.map, "summary": "Still the first" })).await.ok();
    assert_eq!(kept["seatMapVersion"], 1);

    let put = async |headers: &[(&str, &str)], version: Value| {
        api.send_with(Method::PUT, &format!("{path}/seat-map"), headers, Some(&json!({ "version": version }))).await
    };
    put(&[], json!(2)).await.problem(428, "RESOURCE_004");
    put(&[("if-match", "\"1\"")], json!(2)).await.problem(412, "RESOURCE_003");
    for (wrong, code) in [(json!(0), "OUT_OF_RANGE"), (json!(3), "UNKNOWN"), (json!(101), "OUT_OF_RANGE")] {
        assert_eq!(put(&[("if-match", "*")], wrong).await.faults(), [("version".to_owned(), code.to_owned())]);
    }
    let tag = api.get(&path).await.etag();
    let moved = put(&[("if-match", &tag)], json!(2)).await;
    assert_eq!((&moved.ok()["version"], &moved.json()["sections"][0]["seats"]), (&json!(2), &json!(3)));
    assert_ne!(moved.etag(), tag);
    assert_eq!(put(&[("if-match", "*")], json!(2)).await.etag(), moved.etag(), "it is so already");
    let after = of.seats(&api).await;
    assert_eq!(after.len(), 3);
    assert!(before.iter().all(|(words, seat)| after[words] == *seat), "what was there is the same");
    of.ask(&api, "bookings", 0, after["Stalls/A/3"].0).await.created();
    // A step from a version that it does not sell is none, whatever the revision.
    let id = |version: Uuid| domain::ids::SeatMapVersionId(version);
    let step = Move { from: id(of.map), to: id(of.map), changed: Vec::new(), sections: Vec::new() };
    let by = Manager { account: domain::ids::AccountId::generate(), reach: Reach::All, actor: Default::default() };
    let stepped = server.store(1).move_event(&by, domain::ids::EventId(of.event), None, &step).await;
    assert!(matches!(stepped, Err(ChangeError::Stale)), "{stepped:?}");
    let without = super::drafted(&server, &api, 5).await.0;
    let put =
        async |path: &str| api.send_with(Method::PUT, path, &[("if-match", "*")], Some(&json!({ "version": 1 }))).await;
    put(&format!("{OWN}/{without}/seat-map")).await.problem(404, "RESOURCE_001");
    api.get(&format!("{OWN}/{without}/seat-map")).await.problem(404, "RESOURCE_001");
    act(&api, of.event, "cancel").await.ok();
    put(&format!("{path}/seat-map")).await.problem(409, "EVENT_001");
    server.audit().await;
}

/// Guards: `nobody_is_moved`. What is sold, held or blocked stays where it is and as it is; what is free may go.
#[tokio::test]
async fn nobody_who_has_a_seat_is_moved() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "AB", 4), ("Balcony", "A", 2)])).await;
    let buyer = server.signed_in().await;
    let at = of.seats(&api).await;
    of.ask(&buyer, "bookings", 0, at["Stalls/A/1"].0).await.created();
    let held = of.ask(&buyer, "holds", 0, at["Stalls/A/2"].0).await.created();
    let block = seats(of.kinds[0], &[at["Stalls/B/3"].0]);
    let block = api.post(&format!("{OWN}/{}/blocks", of.event), &block).await.created();

    let shape = layout(&[("Stalls", "AB", 4), ("Balcony", "A", 2)]);
    let with = |pointer: &str, value: Value| {
        let mut shape = shape.clone();
        *shape.pointer_mut(pointer).unwrap() = value;
        shape
    };
    let row = "/sections/0/rows/0";
    let renamed = |label: &str| json!({ "label": label });
    let mut versions = Vec::new();
    for (shape, who) in [
        (with(&format!("{row}/seats/0"), renamed("1a")), "Stalls, row A, seat 1"),
        (with(&format!("{row}/seats/0"), json!({ "label": "1", "accessible": true })), "Stalls, row A, seat 1"),
        (with(&format!("{row}/seats/1"), renamed("2a")), "Stalls, row A, seat 2"),
        (with("/sections/0/rows/1/seats/2", renamed("3a")), "Stalls, row B, seat 3"),
        (with("/sections/0/rows/1/label", json!("C")), "Stalls, row B, seat 3"),
    ] {
        let version = of.redraw(&api, &shape).await;
        let refused = of.move_to(&api, version).await.problem(409, "EVENT_003");
        let errors = refused["errors"].as_array().unwrap();
        assert!(errors.len() == 1 && errors[0]["message"].as_str().unwrap().starts_with(who), "{refused}");
        versions.push(version);
    }
    let all: Vec<(Value, usize)> = vec![
        (with("/sections/0/name", json!("Parterre")), 3),
        // A row in front pushes all others back, and a seat at the left all others to the right.
        (
            with(
                "/sections/0/rows",
                json!([{ "label": "0", "seats": [{ "label": "1" }] }, shape["sections"][0]["rows"][0], shape["sections"][0]["rows"][1]]),
            ),
            3,
        ),
        (with(&format!("{row}/seats"), json!([{ "label": "0" }, { "label": "1" }, { "label": "2" }])), 2),
    ];
    for (shape, moved) in all {
        let version = of.redraw(&api, &shape).await;
        let refused = of.move_to(&api, version).await.problem(409, "EVENT_003");
        assert_eq!(refused["errors"].as_array().unwrap().len(), moved, "{refused}");
        assert!(refused["detail"].as_str().unwrap().starts_with(&format!("{moved} seats are held, blocked or sold")));
    }
    assert_eq!(of.seats(&api).await.len(), 10, "nothing has changed");
    assert_eq!(places(&api, of.event).await, (2, 1, 5), "the free seats of the stalls, whatever the quota has");

    // A row in front that pushes nobody back; what is free goes, also with its section's last rows.
    let mut free = shape.clone();
    free["sections"][0]["rows"] = json!([
        { "label": "0", "position": -1, "seats": [{ "label": "1" }] },
        { "label": "A", "seats": [{ "label": "1" }, { "label": "2" }] },
        { "label": "B", "seats": [{ "label": "3", "position": 2 }] },
    ]);
    let version = of.redraw(&api, &free).await;
    of.move_to(&api, version).await.ok();
    let now = of.seats(&api).await;
    let state = |words: &str| now[words].1.as_str();
    assert_eq!(
        [state("Stalls/A/1"), state("Stalls/A/2"), state("Stalls/B/3"), state("Stalls/0/1")],
        ["SOLD", "HELD", "HELD", "FREE"]
    );
    assert_eq!(places(&api, of.event).await, (2, 1, 1));
    of.ask(&buyer, "bookings", 0, at["Stalls/A/3"].0).await.faults();
    of.ask(&buyer, "bookings", 0, now["Stalls/0/1"].0).await.created();
    // What is given back is nobody's, and stands in no version's way.
    buyer.delete(&format!("/api/v1/holds/{}", held["id"].as_str().unwrap())).await;
    of.move_to(&api, versions[2]).await.problem(409, "EVENT_003");
    api.delete(&format!("{OWN}/{}/blocks/{}", of.event, block["id"].as_str().unwrap())).await;
    let without_front = of.redraw(&api, &with(&format!("{row}/seats/1"), renamed("2a"))).await;
    of.move_to(&api, without_front).await.problem(409, "EVENT_003");
    let bookings = buyer.get("/api/v1/bookings").await.ok();
    assert_eq!(bookings["data"][0]["items"][0]["seat"]["row"], "0");
    buyer.delete(&format!("/api/v1/bookings/{}", bookings["data"][0]["id"].as_str().unwrap())).await.ok();
    of.move_to(&api, without_front).await.ok();
    // A seat that is back has the id that it had.
    of.move_to(&api, 1).await.ok();
    assert_eq!(of.seats(&api).await["Stalls/A/2"].0, at["Stalls/A/2"].0);
    server.audit().await;
}

/// Guards: the comparison of maps in `changes_since`. Who follows the event is shown the seats again, also when they are the same ones.
#[tokio::test]
async fn a_stream_shows_the_seats_of_the_version_that_is_sold() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let mut shape = layout(&[("Stalls", "A", 3)]);
    let of = Seated::of(&server, &api, &shape).await;
    shape["sections"][0]["rows"][0]["seats"][2]["accessible"] = json!(true);
    let version = of.redraw(&api, &shape).await;
    let event = TestEvent { id: of.event, slug: String::new(), venue: of.map, types: Vec::new(), seats: Vec::new() };
    let mut listener = Listener::open(&server, &event, "?seats=true").await;
    listener.event().await;
    of.move_to(&api, version).await.ok();
    let (name, shown) = listener.event().await;
    assert_eq!((name.as_str(), &shown["seats"][2]["accessible"]), ("snapshot", &json!(true)));
    of.ask(&api, "bookings", 0, uuid(&shown["seats"][2]["id"])).await.created();
    let now = api.get(&event.path("availability?seats=true")).await.ok();
    listener.until_version(now["version"].as_i64().unwrap()).await;
    listener.assert_knows(&now);
    assert_eq!(listener.snapshots, 2);
}

/// Guards: `DROP_SECTIONS` and `WITHOUT_SECTION`.
#[tokio::test]
async fn ticket_types_lose_sections_that_are_gone_but_not_their_last() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "A", 2), ("Balcony", "A", 2)])).await;
    let without = of.redraw(&api, &layout(&[("Stalls", "A", 2)])).await;
    let refused = of.move_to(&api, without).await.problem(409, "EVENT_001");
    assert!(refused["detail"].as_str().unwrap().contains("\"Balcony\""), "{refused}");
    let path = format!("{OWN}/{}/ticket-types", of.event);
    let sold = api.get(&format!("{OWN}/{}/seat-map", of.event)).await.ok();
    let both: Vec<_> = sold["sections"].as_array().unwrap().iter().map(|section| section["id"].clone()).collect();
    api.change(&format!("{path}/{}", of.kinds[1]), &json!({ "sections": both })).await.ok();
    let tag = api.get(&format!("{path}/{}", of.kinds[1])).await.etag();
    let moved = of.move_to(&api, without).await.ok();
    let lost = json!([{ "ticketTypeId": of.kinds[1], "name": "Balcony", "sections": [sold["sections"][1]] }]);
    assert_eq!(moved["sectionsLost"], lost, "the answer says what is on sale no more");
    let (kind, same) = (format!("{path}/{}", of.kinds[1]), json!({}));
    let stale = api.send_with(Method::PATCH, &kind, &[("if-match", &tag)], Some(&same)).await;
    stale.problem(412, "RESOURCE_003");
    // The way back brings the section back, and not what sells it.
    assert_eq!(of.move_to(&api, 1).await.ok().get("sectionsLost"), None);
    assert_eq!(of.move_to(&api, without).await.ok().get("sectionsLost"), None);
    let kind = api.get(&format!("{path}/{}", of.kinds[1])).await.ok();
    assert_eq!(kind["sections"], json!([both[0]]), "and the other has the id that it had");
    let unknown = api.change(&format!("{path}/{}", of.kinds[1]), &json!({ "sections": [both[1]] })).await;
    assert_eq!(unknown.faults()[0].0, "sections");
    let seat = of.seats(&api).await["Stalls/A/2"].0;
    of.ask(&api, "bookings", 1, seat).await.created();
}
