//! Seat maps: drawn, listed, given new versions, exported, deleted.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWN, admin, draft, organizer};
use crate::{
    every_route::table::table,
    support::{
        Api, TestServer,
        client::{new_key, uuid},
        events::add_venue,
        until,
    },
};

pub(crate) const MAPS: &str = "/api/v1/organizer/seat-maps";

/// Sections of one row a letter of `rows`, each with so many seats: `[("Stalls", "AB", 3)]`.
pub(crate) fn layout(sections: &[(&str, &str, usize)]) -> Value {
    let section = |(name, rows, seats): &(&str, &str, usize)| {
        let seats: Vec<Value> = (1..=*seats).map(|seat| json!({ "label": seat.to_string() })).collect();
        let rows: Vec<Value> = rows.chars().map(|row| json!({ "label": row, "seats": seats })).collect();
        json!({ "name": name, "rows": rows })
    };
    json!({ "sections": sections.iter().map(section).collect::<Vec<_>>() })
}

/// A new map of the caller's.
pub(crate) async fn drawn(api: &Api, maps: &str, venue: Uuid, layout: &Value) -> Uuid {
    let body = json!({ "venueId": venue, "name": "End stage", "layout": layout });
    uuid(&api.post(maps, &body).await.created()["id"])
}

#[tokio::test]
async fn a_map_is_drawn_listed_changed_and_deleted() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let venue = add_venue(&server.client, "The Hall").await;
    let body = json!({
        "venueId": venue, "name": " End stage ", "description": "As in spring",
        "layout": layout(&[("Stalls", "AB", 3), ("Balcony", "A", 2)]),
    });
    let key = new_key();
    let made = api.send(Method::POST, MAPS, Some(&key), Some(&body)).await;
    assert!(api.send(Method::POST, MAPS, Some(&key), Some(&body)).await.is_replay());
    let path = made.header("location").unwrap().to_owned();
    let shown = made.created();
    assert_eq!(api.get(&path).await.ok(), shown);
    assert_eq!((&shown["name"], &shown["latestVersion"]), (&json!("End stage"), &json!(1)));
    assert_eq!((&shown["versions"][0]["number"], &shown["versions"][0]["events"]), (&json!(1), &json!(0)));
    let numbers: Vec<_> =
        shown["sections"].as_array().unwrap().iter().map(|of| json!([of["name"], of["rows"], of["seats"]])).collect();
    assert_eq!(numbers, [json!(["Stalls", 2, 6]), json!(["Balcony", 1, 2])]);

    let other = drawn(&api, MAPS, add_venue(&server.client, "Elsewhere").await, &layout(&[("Floor", "A", 1)])).await;
    let listed = async |query: &str| {
        let list = api.get(&format!("{MAPS}{query}")).await.ok();
        list["data"].as_array().unwrap().iter().map(|map| uuid(&map["id"])).collect::<Vec<_>>()
    };
    let id = uuid(&shown["id"]);
    assert_eq!(listed("").await, [other, id], "the newest first");
    assert_eq!(listed(&format!("?venueId={venue}")).await, [id]);
    assert!(listed("?q=nothing").await.is_empty());
    let first = api.get(&format!("{MAPS}?limit=1")).await.ok();
    assert_eq!((&first["pagination"]["total"], &first["data"][0]["id"]), (&json!(2), &json!(other)));
    let next = first["pagination"]["nextCursor"].as_str().unwrap();
    assert_eq!(listed(&format!("?limit=1&cursor={next}")).await, [id]);

    api.patch(&path, &json!({ "name": "Unseen" })).await.problem(428, "RESOURCE_004");
    let changed = api.change(&path, &json!({ "name": "Round stage" })).await.ok();
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Round stage"), &json!("As in spring")));
    let stale = api.send_with(Method::PATCH, &path, &[("if-match", "\"1\"")], Some(&json!({ "name": "Old" }))).await;
    stale.problem(412, "RESOURCE_003");

    assert_eq!(api.delete(&path).await.status, 204);
    api.get(&path).await.problem(404, "RESOURCE_001");
    api.delete(&path).await.problem(404, "RESOURCE_001");
    assert_eq!(listed("").await, [other]);
    let left = "SELECT count(*) FROM seat_maps m LEFT JOIN seat_map_versions v ON v.seat_map_id = m.id
        LEFT JOIN sections c ON c.seat_map_version_id = v.id WHERE m.id = $1";
    until("its rows are gone", async || server.client.query_one(left, &[&id]).await.unwrap().get::<_, i64>(0) == 0)
        .await;
}

/// Guards: the forms of `LayoutJson`, and what a version keeps of those before.
#[tokio::test]
async fn an_export_is_imported_as_it_is() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let venue = add_venue(&server.client, "The Hall").await;
    let drawn_by_hand = json!({ "sections": [
        { "name": "Stalls", "rows": [
            { "label": "A", "position": -2, "seats": [{ "label": "1", "position": 0 }, { "label": "2" }, { "label": "3", "position": 5 }] },
            { "label": "B", "seats": [{ "label": "1", "accessible": true }, { "label": "2", "accessible": false }] },
        ] },
        { "name": "Balcony", "rows": [{ "label": "A", "seats": [{ "label": "1", "position": 1 }] }] },
    ] });
    let map = drawn(&api, MAPS, venue, &drawn_by_hand).await;
    let export = async |map: Uuid, version: u32| {
        let answer = api.get(&format!("{MAPS}/{map}/versions/{version}/layout")).await;
        answer.ok();
        answer.body
    };
    let exported = export(map, 1).await;
    let as_json: Value = serde_json::from_slice(&exported).unwrap();
    assert_eq!(
        as_json["sections"][0]["rows"][0]["seats"],
        json!([{ "label": "1" }, { "label": "2" }, { "label": "3", "position": 5 }])
    );
    assert_eq!(as_json["sections"][0]["rows"][0]["position"], -2);
    let copy = drawn(&api, MAPS, venue, &as_json).await;
    assert_eq!(export(copy, 1).await, exported, "as a new map");
    let versions = format!("{MAPS}/{map}/versions");
    let key = new_key();
    let second = api.send(Method::POST, &versions, Some(&key), Some(&as_json)).await;
    assert!(api.send(Method::POST, &versions, Some(&key), Some(&as_json)).await.is_replay());
    assert_eq!(second.header("location").unwrap(), format!("{versions}/2"));
    assert_eq!(api.get(&format!("{versions}/2")).await.ok(), second.created());
    assert_eq!(export(map, 2).await, exported, "as a new version");
    let before = api.get(&format!("{versions}/1")).await.ok();
    assert_eq!(before["sections"], second.json()["sections"], "the same sections have the same ids");
    let seats = "SELECT count(*), count(DISTINCT coalesce(s.first_id, s.id)) FROM seats s JOIN seat_rows r ON r.id = s.row_id
        JOIN sections c ON c.id = r.section_id JOIN seat_map_versions v ON v.id = c.seat_map_version_id WHERE v.seat_map_id = $1";
    let row = server.client.query_one(seats, &[&map]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (12, 6), "and so have the same seats");
}

/// Guards: that every fault of a body is named by its way in that body, and the bounds of what is taken.
#[tokio::test]
async fn what_is_wrong_is_named_by_its_way() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let venue = add_venue(&server.client, "The Hall").await;
    let good = json!({ "venueId": venue, "name": "End stage", "layout": layout(&[("Stalls", "AB", 2)]) });
    let row = "layout.sections[0].rows[1]";
    for (pointer, value, field, code) in [
        ("/name", json!("x"), "name".to_owned(), "TOO_SHORT"),
        ("/name", Value::Null, "name".to_owned(), "INVALID_TYPE"),
        ("/venueId", json!(Uuid::now_v7()), "venueId".to_owned(), "UNKNOWN"),
        ("/organizerId", json!(Uuid::now_v7()), "organizerId".to_owned(), "UNKNOWN_FIELD"),
        ("/layout", json!({}), "layout.sections".to_owned(), "REQUIRED"),
        ("/layout/sections", json!([]), "layout.sections".to_owned(), "OUT_OF_RANGE"),
        ("/layout/sections/0/name", json!(""), "layout.sections[0].name".to_owned(), "REQUIRED"),
        ("/layout/sections/0/rows/1/label", json!("A"), format!("{row}.label"), "DUPLICATE"),
        ("/layout/sections/0/rows/1/position", json!(0), format!("{row}.position"), "NOT_ASCENDING"),
        ("/layout/sections/0/rows/1/seats", json!([]), format!("{row}.seats"), "OUT_OF_RANGE"),
        ("/layout/sections/0/rows/1/seats/1/label", json!("1"), format!("{row}.seats[1].label"), "DUPLICATE"),
        ("/layout/sections/0/rows/1/seats/1/label", json!(7), format!("{row}.seats[1].label"), "INVALID_TYPE"),
        (
            "/layout/sections/0/rows/1/seats/1/position",
            json!(1_000_001),
            format!("{row}.seats[1].position"),
            "OUT_OF_RANGE",
        ),
        ("/layout/sections/0/rows/1/seats/1/colour", json!("red"), format!("{row}.seats[1].colour"), "UNKNOWN_FIELD"),
    ] {
        let mut body = good.clone();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[member.parse::<usize>().unwrap()] = value,
            object => object[member] = value,
        }
        assert_eq!(api.post(MAPS, &body).await.faults(), [(field, code.to_owned())], "{pointer}");
    }
    assert_eq!(api.get(MAPS).await.ok()["pagination"]["total"], 0);
    let map = drawn(&api, MAPS, venue, &good["layout"]).await;
    let versions = format!("{MAPS}/{map}/versions");
    let twice = layout(&[("Stalls", "AA", 1)]);
    assert_eq!(api.post(&versions, &twice).await.faults()[0].0, "sections[0].rows[1].label");
    let large = json!({ "venueId": venue, "name": "x".repeat(9 << 20), "layout": good["layout"] });
    api.post(MAPS, &large).await.problem(413, "REQUEST_003");
    for nothing in ["0", "2", "01", "+1", "x", "99999999999"] {
        api.get(&format!("{versions}/{nothing}")).await.problem(404, "RESOURCE_001");
    }
    let many = "INSERT INTO seat_map_versions (id, seat_map_id, number)
        SELECT gen_random_uuid(), $1, n FROM generate_series(2, 100) AS n";
    server.client.execute(many, &[&map]).await.unwrap();
    assert_eq!(api.post(&versions, &good["layout"]).await.faults()[0].1, "TOO_MANY_VERSIONS");
}

/// Guards: `SEEN`, `lock`, `version_to_sell`. Another organizer's map does not exist; the house's is there to use.
#[tokio::test]
async fn maps_are_their_organizers_or_the_houses() {
    let server = TestServer::start().await;
    let (api, stranger, house) = (organizer(&server).await, organizer(&server).await, admin(&server).await);
    let mut event = draft(&server).await;
    let venue = uuid(&event["venueId"]);
    let shape = layout(&[("Stalls", "A", 2)]);
    let own = drawn(&api, MAPS, venue, &shape).await;
    let mut asked = 0;
    for row in table().iter().filter(|row| row.template.starts_with(&format!("{MAPS}/"))) {
        let path = row.template.replace("{id}", &own.to_string()).replace("{number}", "1");
        let body = match row.method {
            Method::POST => Some(shape.clone()),
            Method::PATCH => Some(json!({ "name": "Stolen" })),
            _ => None,
        };
        let answer = stranger.send_with(row.method.clone(), &path, &[("if-match", "*")], body.as_ref()).await;
        answer.problem(404, "RESOURCE_001");
        asked += 1;
    }
    assert_eq!(asked, 6);
    assert_eq!(stranger.get(MAPS).await.ok()["pagination"]["total"], 0);
    event["seatMapId"] = json!(own);
    assert_eq!(stranger.post(OWN, &event).await.faults(), [("seatMapId".to_owned(), "UNKNOWN".to_owned())]);
    let sold = api.post(OWN, &event).await.created();
    assert_eq!((&sold["seatMapId"], &sold["seatMapVersion"]), (&json!(own), &json!(1)));

    let of_house = drawn(&house, "/api/v1/admin/seat-maps", venue, &shape).await;
    let path = format!("{MAPS}/{of_house}");
    assert_eq!(stranger.get(&path).await.ok()["organizerId"], Value::Null);
    stranger.get(&format!("{path}/versions/1/layout")).await.ok();
    stranger.change(&path, &json!({ "name": "Stolen" })).await.problem(403, "AUTH_004");
    stranger.post(&format!("{path}/versions"), &shape).await.problem(403, "AUTH_004");
    stranger.delete(&path).await.problem(403, "AUTH_004");
    event["seatMapId"] = json!(of_house);
    let used = uuid(&stranger.post(OWN, &event).await.created()["id"]);
    let users = async |api: &Api, prefix: &str| {
        api.get(&format!("/api/v1/{prefix}/seat-maps/{of_house}/versions/1")).await.ok()
    };
    assert_eq!(uuid(&users(&stranger, "organizer").await["usedBy"][0]["id"]), used);
    assert_eq!(users(&api, "organizer").await["usedBy"], json!([]), "another organizer's event does not exist");
    assert_eq!(users(&house, "admin").await["events"], 1);
    // Nor does a map of another venue.
    event["venueId"] = json!(add_venue(&server.client, "Elsewhere").await);
    assert_eq!(stranger.post(OWN, &event).await.faults()[0].0, "seatMapId");
}

/// Guards: `IS_USED` under the map's lock, whichever version it is.
#[tokio::test]
async fn a_map_that_an_event_uses_is_not_deleted() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let mut event = draft(&server).await;
    let map = drawn(&api, MAPS, uuid(&event["venueId"]), &layout(&[("Stalls", "A", 2)])).await;
    api.post(&format!("{MAPS}/{map}/versions"), &layout(&[("Stalls", "A", 3)])).await.created();
    event["seatMapId"] = json!(map);
    let event = api.post(OWN, &event).await.created();
    assert_eq!(event["seatMapVersion"], 2, "the last one");
    let (path, sold) = (format!("{MAPS}/{map}"), format!("{OWN}/{}", event["id"].as_str().unwrap()));
    api.delete(&path).await.problem(409, "RESOURCE_005");
    let shown = api.get(&path).await.ok();
    assert_eq!((&shown["versions"][0]["events"], &shown["versions"][1]["events"]), (&json!(0), &json!(1)));
    assert_eq!(shown["sections"][0]["seats"], 3);
    assert_eq!(api.delete(&sold).await.status, 204);
    assert_eq!(api.delete(&path).await.status, 204);
}

/// Guards: `note` in each change.
#[tokio::test]
async fn what_admins_do_to_maps_is_written_down() {
    let server = TestServer::start().await;
    let api = admin(&server).await;
    let venue = add_venue(&server.client, "The Hall").await;
    let maps = "/api/v1/admin/seat-maps";
    let map = drawn(&api, maps, venue, &layout(&[("Stalls", "A", 2)])).await;
    let path = format!("{maps}/{map}");
    api.post(&format!("{path}/versions"), &layout(&[("Stalls", "A", 3)])).await.created();
    api.change(&path, &json!({ "description": "Sold out in spring" })).await.ok();
    assert_eq!(api.delete(&path).await.status, 204);
    let log = api.get(&format!("/api/v1/admin/audit-log?targetId={map}")).await.ok();
    let actions: Vec<_> = log["data"].as_array().unwrap().iter().map(|of| of["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["DELETED", "CHANGED", "CHANGED", "CREATED"]);
    let verified = api.get("/api/v1/admin/audit-log/verification").await.ok();
    assert_eq!(verified["intact"], true, "{verified}");
}

/// Guards: the lock of `insert_version`. Versions that come at once are numbered one after the other, and what several of them are
/// the first to have is one seat.
#[tokio::test]
async fn versions_that_come_at_once_have_the_same_new_seats() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let venue = add_venue(&server.client, "The Hall").await;
    let map = drawn(&api, MAPS, venue, &layout(&[("Stalls", "A", 2)])).await;
    let (versions, next) = (format!("{MAPS}/{map}/versions"), layout(&[("Stalls", "A", 3), ("Balcony", "A", 1)]));
    let made = futures_util::future::join_all((0..4).map(|_| api.post(&versions, &next))).await;
    let mut numbers: Vec<_> = made.iter().map(|made| made.created()["number"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3, 4, 5]);
    let ids =
        "SELECT count(DISTINCT coalesce(s.first_id, s.id)), count(DISTINCT coalesce(c.first_id, c.id)) FROM seats s
        JOIN seat_rows r ON r.id = s.row_id JOIN sections c ON c.id = r.section_id
        JOIN seat_map_versions v ON v.id = c.seat_map_version_id WHERE v.seat_map_id = $1";
    let row = server.client.query_one(ids, &[&map]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (4, 2));
}
