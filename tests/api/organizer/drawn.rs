//! What a buyer needs to choose a seat: where the seats are, which ticket type sells them at which price, and which are free.

use std::collections::HashMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWN, act, organizer, seat_maps::layout, seated::Seated};
use crate::support::{Api, EventBuilder, TestServer, client::uuid};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

fn path(event: Uuid) -> String {
    format!("/api/v1/events/{event}/seat-map")
}

/// `GET` without following where it leads.
async fn unfollowed(api: &Api, path: &str) -> reqwest::Response {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    http.get(format!("{}{path}", api.base)).send().await.unwrap()
}

#[tokio::test]
async fn a_house_can_be_drawn_by_anybody_and_kept_for_ever() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "AB", 3), ("Balcony", "A", 2)])).await;
    let to = unfollowed(&server.api, &path(of.event)).await;
    let location = format!("{}?version=1", path(of.event));
    let header = |name: &str| to.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (to.status().as_u16(), header("location"), header("cache-control")),
        (307, location.clone(), "no-cache".to_owned())
    );

    let shown = server.api.get(&location).await;
    let map = shown.ok();
    assert_eq!((&map["seatMapId"], &map["version"]), (&json!(of.map), &json!(1)));
    assert_eq!(shown.header("cache-control"), Some(IMMUTABLE));
    let sections = map["sections"].as_array().unwrap();
    let names: Vec<_> = sections.iter().map(|section| section["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Stalls", "Balcony"]);
    let row = &sections[0]["rows"][1];
    assert_eq!((&row["label"], &row["position"], &row["seats"][2]["position"]), (&json!("B"), &json!(1), &json!(2)));
    assert_eq!((&row["seats"][2]["label"], &row["seats"][2]["accessible"]), (&json!("3"), &json!(false)));
    let tag = [("if-none-match", shown.header("etag").unwrap())];
    let again = server.api.send_with(reqwest::Method::GET, &location, &tag, None).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(server.api.get(&location).await.body, shown.body);
}

/// Guards: that a client can tell what each seat costs, of the map, the event and the availability together.
#[tokio::test]
async fn a_seat_is_found_with_its_price_and_its_state() {
    let server = TestServer::start().await;
    let event = EventBuilder::seated(1, 2).price("40").and_seated("Balcony", 1, 2).price("25").and_ga("Standing", 5);
    let event = server.event(event).await;
    let both =
        "INSERT INTO ticket_type_sections SELECT $1, section_id FROM ticket_type_sections WHERE ticket_type_id = $2";
    server.client.execute(both, &[&event.types[1], &event.types[0]]).await.unwrap();
    let detail = server.api.get(&format!("/api/v1/events/{}", event.id)).await.ok();
    let types = detail["ticketTypes"].as_array().unwrap();
    assert_eq!(types[2].get("sections"), None, "general admission");
    let mut prices: HashMap<String, Vec<&Value>> = HashMap::new();
    for of in &types[..2] {
        for section in of["sections"].as_array().unwrap() {
            prices.entry(section.as_str().unwrap().to_owned()).or_default().push(&of["price"]["amount"]);
        }
    }
    let map = server.api.get(&path(event.id)).await.ok();
    let priced: Vec<_> =
        map["sections"].as_array().unwrap().iter().map(|of| &prices[of["id"].as_str().unwrap()]).collect();
    assert_eq!(priced, [&vec![&json!("40.00"), &json!("25.00")], &vec![&json!("25.00")]]);

    let sold = server.api.get(&event.path("availability?seats=true")).await.ok();
    let seats = sold["seats"].as_array().unwrap();
    let drawn = map["sections"].as_array().unwrap().iter().flat_map(|of| of["rows"].as_array().unwrap());
    let drawn: Vec<_> = drawn.flat_map(|row| row["seats"].as_array().unwrap()).map(|seat| &seat["id"]).collect();
    assert_eq!(seats.iter().map(|seat| &seat["id"]).collect::<Vec<_>>(), drawn, "the same seats in the same order");
    let sellers = |seat: usize| seats[seat]["ticketTypeIds"].clone();
    assert_eq!((sellers(0), sellers(2)), (json!([event.types[0], event.types[1]]), json!([event.types[1]])));
    // What the answers say is enough to book.
    let kind = uuid(&sellers(2)[0]);
    let body = crate::support::client::seats(kind, &[uuid(&seats[2]["id"])]);
    server.signed_in().await.book(&event, &body).await.created();
}

/// Guards: the bound on versions, and the states.
#[tokio::test]
async fn what_is_not_public_is_not_shown() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "A", 2)])).await;
    let path = path(of.event);
    let version = |number: u32| format!("{path}?version={number}");
    let first = server.api.get(&version(1)).await.ok();
    of.redraw(&api, &layout(&[("Stalls", "A", 3)])).await;
    server.api.get(&version(2)).await.problem(404, "RESOURCE_001");
    assert_eq!(server.api.get(&path).await.ok()["version"], 1);
    of.move_to(&api, 2).await.ok();
    let second = server.api.get(&path).await.ok();
    assert_eq!(
        (&second["version"], second["sections"][0]["rows"][0]["seats"].as_array().unwrap().len()),
        (&json!(2), 3)
    );
    assert_eq!(server.api.get(&version(1)).await.ok(), first, "whoever has its address still finds it");
    assert_eq!(second["sections"][0]["id"], first["sections"][0]["id"]);
    for (query, code) in [("version=0", "OUT_OF_RANGE"), ("version=101", "OUT_OF_RANGE"), ("version=x", "INVALID")] {
        let faults = server.api.get(&format!("{path}?{query}")).await.faults();
        assert_eq!(faults, [("version".to_owned(), code.to_owned())], "{query}");
    }
    act(&api, of.event, "unpublish").await.ok();
    for path in [path.clone(), version(1), version(2)] {
        server.api.get(&path).await.problem(404, "RESOURCE_001");
    }
    assert_eq!(api.get(&format!("{OWN}/{}/seat-map", of.event)).await.ok()["version"], 2, "the organizer sees it");
    let standing = server.event(EventBuilder::ga(5)).await;
    for event in [standing.id, Uuid::now_v7()] {
        server.api.get(&self::path(event)).await.problem(404, "RESOURCE_001");
    }
}

/// Guards: that changes are told by a new snapshot where a delta could not: which ticket types sell a seat.
#[tokio::test]
async fn a_seat_that_another_ticket_type_sells_says_so() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "A", 2), ("Balcony", "A", 2)])).await;
    let sellers = async || {
        let shown = server.api.get(&format!("/api/v1/events/{}/availability?seats=true", of.event)).await.ok();
        shown["seats"].as_array().unwrap().iter().map(|seat| seat["ticketTypeIds"].clone()).collect::<Vec<_>>()
    };
    let [stalls, balcony] = [json!([of.kinds[0]]), json!([of.kinds[1]])];
    assert_eq!(sellers().await, [&stalls, &stalls, &balcony, &balcony].map(Clone::clone));
    let map = server.api.get(&path(of.event)).await.ok();
    let sections: Vec<_> = map["sections"].as_array().unwrap().iter().map(|section| section["id"].clone()).collect();
    let kind = format!("{OWN}/{}/ticket-types/{}", of.event, of.kinds[1]);
    api.change(&kind, &json!({ "sections": sections })).await.ok();
    let both = json!([of.kinds[0], of.kinds[1]]);
    assert_eq!(sellers().await, [&both, &both, &balcony, &balcony].map(Clone::clone));
}
