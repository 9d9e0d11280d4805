//! Walks through lists of the catalogue: both ways, by cursor and by offset, while the list grows.

use std::collections::HashSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, EventBuilder, TestServer, client::uuid, events::in_seconds};

/// What a walk goes through: every sort, with equal keys wherever there can be some, so that pages end among equals.
const LISTS: [&str; 10] = [
    "sort=startsAt",
    "sort=-startsAt",
    "sort=title",
    "sort=-title",
    "sort=price",
    "sort=-price",
    "sort=createdAt",
    "sort=-createdAt",
    "q=evening",
    "q=evenign",
];

async fn page(api: &Api, list: &str, cursor: Option<&str>) -> Value {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    api.get(&format!("/api/v1/events?{list}&limit=3{cursor}")).await.ok()
}

fn ids(page: &Value) -> Vec<Uuid> {
    page["data"].as_array().unwrap().iter().map(|event| uuid(&event["id"])).collect()
}

/// From the start to the end by `nextCursor`, or from there to the start by `prevCursor`; `between` is called after each page.
/// Pages in the order of the walk.
async fn walk(api: &Api, list: &str, from: &Value, member: &str, mut between: impl AsyncFnMut()) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut cursor = from["pagination"][member].as_str().map(str::to_owned);
    while let Some(at) = cursor {
        between().await;
        let next = page(api, list, Some(&at)).await;
        cursor = next["pagination"][member].as_str().map(str::to_owned);
        pages.push(next);
    }
    pages
}

/// Watches the comparison by key and id, in both directions.
#[tokio::test]
async fn a_walk_sees_each_event_once_while_events_are_added_and_the_way_back_as_well() {
    let server = TestServer::start().await;
    let add = async |hour: i64, price: u32| {
        let builder = EventBuilder::ga(1).price(&price.to_string()).starts_at(in_seconds(hour * 3600));
        server.event(builder).await.id
    };
    for list in LISTS {
        server.client.batch_execute("DELETE FROM events").await.unwrap();
        let mut before = HashSet::new();
        for n in 0..11 {
            before.insert(add([5, 1, 3, 3, 3, 3, 7][n % 7], [9, 5, 5, 5, 5][n % 5]).await);
        }
        server
            .client
            .batch_execute("UPDATE events SET created_at = now(), starts_at = date_trunc('hour', starts_at)")
            .await
            .unwrap();
        let first = page(&server.api, list, None).await;
        assert_eq!(first["pagination"].get("prevCursor"), None, "{list}");
        let mut added = 0;
        let grow = async || {
            added += 1;
            add([2, 4, 6, 3][added % 4], [4, 5, 8][added % 3]).await;
        };
        let onwards = walk(&server.api, list, &first, "nextCursor", grow).await;
        let mut forth: Vec<Uuid> = ids(&first);
        forth.extend(onwards.iter().flat_map(ids));
        let seen: HashSet<Uuid> = forth.iter().copied().collect();
        assert_eq!(seen.len(), forth.len(), "{list}: none twice");
        assert!(seen.is_superset(&before), "{list}: none left out");

        let last = onwards.last().unwrap();
        assert_eq!(last["pagination"]["hasMore"], false);
        let back = walk(&server.api, list, last, "prevCursor", async || {}).await;
        let mut all: Vec<Uuid> = back.iter().rev().flat_map(ids).collect();
        all.extend(ids(last));
        let every = server.api.get(&format!("/api/v1/events?{list}&limit=100")).await.ok();
        assert_eq!(all, ids(&every), "{list}: the way back is the list as it is now");
        let start = back.last().unwrap();
        assert_eq!(
            (&start["pagination"]["hasPrevious"], &start["pagination"]["hasMore"]),
            (&json!(false), &json!(true))
        );
    }
}

/// Watches the fingerprint and the checksum.
#[tokio::test]
async fn a_cursor_is_of_its_list_and_of_no_other() {
    let server = TestServer::start().await;
    for _ in 0..4 {
        server.event(EventBuilder::ga(1)).await;
    }
    let cursor = page(&server.api, "sort=title", None).await["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    assert_eq!(ids(&page(&server.api, "sort=title", Some(&cursor)).await).len(), 1);
    for other in ["sort=-title", "", "sort=title&tag=x", "sort=title&q=evening", "sort=title&status=CANCELLED"] {
        let faults = server.api.get(&format!("/api/v1/events?{other}&cursor={cursor}")).await.faults();
        assert_eq!(faults, [("cursor".to_owned(), "MISMATCH".to_owned())], "{other}");
    }
    let faults = server.api.get(&format!("/api/v1/venues?cursor={cursor}")).await.faults();
    assert_eq!(faults, [("cursor".to_owned(), "MISMATCH".to_owned())]);
    let mut damaged = cursor.clone().into_bytes();
    damaged[5] = if damaged[5] == b'A' { b'B' } else { b'A' };
    for wrong in [&*String::from_utf8(damaged).unwrap(), "nonsense", &cursor[..20], &format!("{cursor}AAAA")] {
        let faults = server.api.get(&format!("/api/v1/events?sort=title&cursor={wrong}")).await.faults();
        assert_eq!(faults, [("cursor".to_owned(), "INVALID".to_owned())], "{wrong}");
    }
    // Another limit is another page of the same list.
    server.api.get(&format!("/api/v1/events?sort=title&limit=50&cursor={cursor}")).await.ok();
}

#[tokio::test]
async fn pages_say_where_they_are_and_link_to_their_neighbours() {
    let server = TestServer::start().await;
    for hour in 1..=7 {
        server.event(EventBuilder::ga(1).tag("Jazz").starts_at(in_seconds(hour * 3600))).await;
    }
    let list = "/api/v1/events?tag=jazz&sort=startsAt";
    let middle = server.api.get(&format!("{list}&limit=2&offset=4")).await;
    let link = middle.header("link").unwrap().to_owned();
    let pagination = middle.ok()["pagination"].clone();
    for (member, expected) in [
        ("limit", json!(2)),
        ("offset", json!(4)),
        ("page", json!(3)),
        ("pageCount", json!(4)),
        ("total", json!(7)),
        ("totalIsEstimate", json!(false)),
        ("hasMore", json!(true)),
        ("hasPrevious", json!(true)),
    ] {
        assert_eq!(pagination[member], expected, "{member}");
    }
    let target = |relation: &str| {
        let one = link.split(", ").find(|one| one.ends_with(&format!("rel=\"{relation}\"")));
        let one = one.unwrap_or_else(|| panic!("{relation}: {link}"));
        one.split(['<', '>']).nth(1).unwrap().to_owned()
    };
    let all = ids(&server.api.get(&format!("{list}&limit=100")).await.ok());
    for (relation, expected) in [("next", &all[6..7]), ("prev", &all[2..4]), ("first", &all[..2])] {
        assert_eq!(ids(&server.api.get(&target(relation)).await.ok()), expected, "{relation}");
    }
    let lonely = server.api.get("/api/v1/events?tag=none").await;
    assert!(!lonely.header("link").unwrap().contains("rel=\"next\""));
    let beyond = server.api.get(&format!("{list}&offset=100")).await.ok();
    assert_eq!((&beyond["data"], &beyond["pagination"]["total"]), (&json!([]), &json!(7)));
    // There is no such page.
    let place = &beyond["pagination"];
    assert_eq!((place.get("page"), &place["pageCount"], &place["offset"]), (None, &json!(1), &json!(100)));
    // What is before it is the end of the list.
    assert_eq!((&beyond["pagination"]["hasPrevious"], &beyond["pagination"]["hasMore"]), (&json!(true), &json!(false)));
    let back = beyond["pagination"]["prevCursor"].as_str().unwrap();
    let last = server.api.get(&format!("{list}&limit=2&cursor={back}")).await.ok();
    assert_eq!((ids(&last), &last["pagination"]["hasMore"]), (all[5..].to_vec(), &json!(false)));
    // A walk whose pages have gone comes back as well: to where the list begins now.
    let cursor = last["pagination"]["prevCursor"].as_str().unwrap().to_owned();
    for id in &all[..5] {
        server.client.execute("DELETE FROM events WHERE id = $1", &[id]).await.unwrap();
    }
    let gone = server.api.get(&format!("{list}&limit=3&cursor={cursor}")).await.ok();
    assert_eq!((&gone["data"], &gone["pagination"]["hasMore"]), (&json!([]), &json!(true)));
    let next = gone["pagination"]["nextCursor"].as_str().unwrap();
    assert_eq!(ids(&server.api.get(&format!("{list}&limit=3&cursor={next}")).await.ok()), &all[5..]);
}

/// Guards: `looked_behind`. There is a page before, or behind, only if something is on it now.
#[tokio::test]
async fn what_a_walk_has_passed_and_is_gone_is_no_page() {
    let server = TestServer::start().await;
    for list in ["sort=title", "sort=-startsAt", "q=evening", "q=evenign"] {
        server.client.batch_execute("DELETE FROM events").await.unwrap();
        for hour in 1..=9 {
            server.event(EventBuilder::ga(1).starts_at(in_seconds(hour * 3600))).await;
        }
        let first = page(&server.api, list, None).await;
        let [onwards, middle] = [&first, &page(&server.api, list, first["pagination"]["nextCursor"].as_str()).await]
            .map(|page| page["pagination"]["nextCursor"].as_str().unwrap().to_owned());
        let last = page(&server.api, list, Some(&middle)).await;
        let back = last["pagination"]["prevCursor"].as_str().unwrap().to_owned();
        let gone = async |of: &Value| {
            server.client.execute("DELETE FROM events WHERE id = ANY($1)", &[&ids(of)]).await.unwrap();
        };
        let around = async |limit: u32, cursor: &str| {
            let path = format!("/api/v1/events?{list}&limit={limit}&cursor={cursor}");
            let place = server.api.get(&path).await.ok()["pagination"].clone();
            assert_eq!(place.get("prevCursor").is_some(), place["hasPrevious"] == true, "{list}");
            assert_eq!(place.get("nextCursor").is_some(), place["hasMore"] == true, "{list}");
            (place["hasPrevious"] == true, place["hasMore"] == true)
        };
        assert_eq!((around(4, &onwards).await, around(5, &back).await), ((true, true), (true, true)), "{list}");
        gone(&first).await;
        // Another limit is another answer, whatever is kept.
        assert_eq!((around(2, &onwards).await, around(6, &onwards).await), ((false, true), (false, false)), "{list}");
        gone(&last).await;
        assert_eq!((around(2, &back).await, around(3, &back).await), ((true, false), (false, false)), "{list}");
    }
}

/// A list that is too long to count for each page says so.
#[tokio::test]
async fn a_long_list_tells_about_how_long_it_is() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(1)).await;
    let copies = async |count: i32| {
        let statement = "INSERT INTO events (id, slug, organizer_id, venue_id, title, category, status, starts_at, ends_at, time_zone,
                 currency, sale_starts_at, sale_ends_at)
             SELECT gen_random_uuid(), gen_random_uuid()::text, organizer_id, venue_id, title, category, status, starts_at, ends_at,
                 time_zone, currency, sale_starts_at, sale_ends_at FROM events, generate_series(1, $2) WHERE id = $1";
        server.client.execute(statement, &[&event.id, &count]).await.unwrap();
        server.client.batch_execute("ANALYZE event_listings").await.unwrap();
    };
    let total = async || {
        let pagination = server.api.get("/api/v1/events?limit=1").await.ok()["pagination"].clone();
        (pagination["total"].as_u64().unwrap(), pagination["totalIsEstimate"].as_bool().unwrap())
    };
    copies(999).await;
    assert_eq!(total().await, (1000, false));
    copies(2000).await;
    let (total, is_estimate) = total().await;
    assert!(is_estimate && (2000..=4000).contains(&total), "{total}");
}
