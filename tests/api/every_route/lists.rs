//! The lists that are not in the public catalogue keep to the same protocol: they are walked both ways, their cursors are of no other
//! list, and their pages say where they are and link to their neighbours.

use domain::{accounts::Role, ids::RefundId, jobs::JobPayload};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::support::{
    Api, EventBuilder, TestServer,
    client::{new_key, quantity},
    events::{add_venue, in_seconds},
};

/// Entries that each list has at least.
const ENTRIES: usize = 5;

/// A list, and a parameter that makes another list of it.
struct List {
    api: Api,
    path: String,
    other: &'static str,
}

impl List {
    fn address(&self, query: &str) -> String {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        format!("{}{separator}{query}", self.path)
    }

    async fn page(&self, query: &str) -> Value {
        self.api.get(&self.address(query)).await.ok()
    }
}

/// Every list, with more than a page of entries in each.
async fn lists(server: &TestServer) -> Vec<List> {
    let (organizer, boss) = (server.signed_in_as(Role::Organizer).await, server.signed_in_as(Role::Admin).await);
    let venue = add_venue(&server.client, "The Hall").await;
    for day in 0..ENTRIES as i64 {
        // Two begin at the same time: the id decides between them.
        let starts = (30 + day / 2) * 86_400;
        let body = json!({
            "title": format!("Evening {day}"), "category": "concert", "venueId": venue, "timeZone": "Europe/Berlin", "currency": "EUR",
            "startsAt": in_seconds(starts), "endsAt": in_seconds(starts + 7200),
        });
        organizer.post("/api/v1/organizer/events", &body).await.created();
        let row = json!([{ "label": "A", "seats": [{ "label": "1" }] }]);
        let layout = json!({ "sections": [{ "name": "Stalls", "rows": row }] });
        let map = json!({ "venueId": venue, "name": format!("Map {day}"), "layout": layout });
        organizer.post("/api/v1/organizer/seat-maps", &map).await.created();
        let tag = json!({ "slug": format!("tag-{day}"), "name": format!("Tag {day}") });
        boss.post("/api/v1/admin/tags", &tag).await.created();
        let named = json!({ "siteName": format!("House {day}") });
        boss.send_with(Method::PATCH, "/api/v1/admin/settings", &[("if-match", "*")], Some(&named)).await.ok();
    }
    server.buyers(ENTRIES).await;
    let sold = server.event(EventBuilder::ga(100)).await;
    let buyer = server.signed_in().await;
    for _ in 0..ENTRIES {
        buyer.book_as(&sold, &new_key(), &quantity(sold.types[0], 1)).await.created();
    }
    let guests = format!("/api/v1/admin/events/{}/bookings", sold.id);
    let codes = format!("/api/v1/admin/events/{}/promo-codes", sold.id);
    for code in 0..ENTRIES {
        boss.post(&codes, &json!({ "code": format!("CODE-{code}"), "kind": "ACCESS" })).await.created();
    }
    let given_up = "INSERT INTO jobs (id, kind, key, payload, status, attempts, ended_at) VALUES ($1, 'refund', $2, $3, 'DEAD', 9, now())";
    for _ in 0..ENTRIES {
        let payload = JobPayload::Refund { refund_id: RefundId::generate() };
        let row: [&(dyn ToSql + Sync); 3] = [&Uuid::now_v7(), &payload.key(), &serde_json::to_value(&payload).unwrap()];
        server.client.execute(given_up, &row).await.unwrap();
    }
    let of = |api: &Api, path: &str, other| List { api: api.clone(), path: path.to_owned(), other };
    vec![
        of(&buyer, "/api/v1/bookings", ""),
        of(&organizer, "/api/v1/organizer/events", "sort=-startsAt"),
        of(
            &organizer,
            "/api/v1/organizer/events?sort=-startsAt&q=evening",
            "seriesId=0198c0de-7d4c-7a10-8000-5a3c1f0e9b21",
        ),
        of(&boss, "/api/v1/admin/events?sort=-createdAt", "status=DRAFT"),
        of(&organizer, "/api/v1/organizer/seat-maps", "q=map"),
        of(&boss, "/api/v1/admin/users", "role=ADMIN"),
        of(&boss, "/api/v1/admin/audit-log", "action=CREATED"),
        of(&boss, "/api/v1/admin/dead-letters", "kind=REFUND"),
        of(&boss, &guests, "status=CONFIRMED"),
        of(&boss, &codes, ""),
        of(&boss, "/api/v1/admin/settings/changes", ""),
        of(&boss, "/api/v1/admin/tags", ""),
        of(&organizer, "/api/v1/organizer/categories", ""),
    ]
}

fn cursor(page: &Value, member: &str) -> Option<String> {
    page["pagination"][member].as_str().map(str::to_owned)
}

/// From a page to the end in one direction; the pages after it.
async fn walk(list: &List, from: &Value, member: &str) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut next = cursor(from, member);
    while let Some(at) = next {
        let page = list.page(&format!("limit=2&cursor={at}")).await;
        assert_eq!(page["pagination"].get("offset"), None);
        next = cursor(&page, member);
        pages.push(page);
    }
    pages
}

fn entries<'a>(pages: impl IntoIterator<Item = &'a Value>) -> Vec<Value> {
    pages.into_iter().flat_map(|page| page["data"].as_array().unwrap().clone()).collect()
}

/// Guards: the page and the look behind it in `store/lists.rs`, in each list.
#[tokio::test]
async fn each_list_is_walked_forth_and_back() {
    let server = TestServer::start().await;
    for list in lists(&server).await {
        let name = &list.path;
        let all = list.page("limit=100").await["data"].as_array().unwrap().clone();
        assert!(all.len() >= ENTRIES, "{name}: {}", all.len());
        let first = list.page("limit=2").await;
        let place = &first["pagination"];
        assert_eq!((&place["page"], &place["pageCount"]), (&json!(1), &json!(all.len().div_ceil(2))), "{name}");
        assert_eq!((&place["hasPrevious"], cursor(&first, "prevCursor")), (&json!(false), None), "{name}");
        let onwards = walk(&list, &first, "nextCursor").await;
        assert_eq!(entries(std::iter::once(&first).chain(&onwards)), all, "{name}");
        let last = onwards.last().unwrap();
        assert_eq!((&last["pagination"]["hasMore"], &last["pagination"]["hasPrevious"]), (&json!(false), &json!(true)));
        let back = walk(&list, last, "prevCursor").await;
        assert_eq!(entries(back.iter().rev().chain([last])), all, "{name}: the way back");
        let start = &back.last().unwrap()["pagination"];
        assert_eq!((&start["hasPrevious"], &start["hasMore"]), (&json!(false), &json!(true)), "{name}");
    }
}

/// Guards: the fingerprint. A cursor of one list says nothing about the places of another.
#[tokio::test]
async fn a_cursor_is_of_one_list() {
    let server = TestServer::start().await;
    let lists = lists(&server).await;
    let mut cursors = Vec::new();
    for list in &lists {
        let first = list.page("limit=2").await;
        let next = cursor(&first, "nextCursor").unwrap();
        let previous = cursor(&list.page("limit=2&offset=2").await, "prevCursor").unwrap();
        for at in [&next, &previous] {
            // Another limit is another page of the same list.
            list.page(&format!("limit=3&cursor={at}")).await;
            if !list.other.is_empty() {
                // It may be one of the list's own already, with another value.
                let other = format!("{}?{}&cursor={at}", list.path.split('?').next().unwrap(), list.other);
                let faults = list.api.get(&other).await.faults();
                assert_eq!(faults, [("cursor".to_owned(), "MISMATCH".to_owned())], "{other}");
            }
            let both = list.api.get(&list.address(&format!("cursor={at}&offset=1"))).await.faults();
            assert_eq!(both, [("offset".to_owned(), "CONFLICT".to_owned())]);
        }
        cursors.push(next);
    }
    for (index, list) in lists.iter().enumerate() {
        let foreign = &cursors[(index + 1) % cursors.len()];
        let faults = list.api.get(&list.address(&format!("cursor={foreign}"))).await.faults();
        assert_eq!(faults, [("cursor".to_owned(), "MISMATCH".to_owned())], "{}", list.path);
    }
}

/// Guards: the account in the fingerprint. Where everybody finds their own, a cursor of another account tells of nothing that is there.
#[tokio::test]
async fn a_cursor_of_another_account_is_of_another_list() {
    let server = TestServer::start().await;
    for list in lists(&server).await.iter().filter(|list| !list.path.starts_with("/api/v1/admin/")) {
        let at = cursor(&list.page("limit=2").await, "nextCursor").unwrap();
        let other = List { api: server.signed_in_as(Role::Organizer).await, path: list.path.clone(), other: "" };
        let answer = other.api.get(&other.address(&format!("cursor={at}"))).await;
        // Everybody finds the same categories.
        if list.path.ends_with("/categories") {
            answer.ok();
        } else {
            assert_eq!(answer.faults(), [("cursor".to_owned(), "MISMATCH".to_owned())], "{}", list.path);
        }
    }
}

/// Guards: `Link`, and what is said of a page beyond the end.
#[tokio::test]
async fn pages_link_to_their_neighbours_and_a_page_beyond_the_end_leads_back() {
    let server = TestServer::start().await;
    for list in lists(&server).await {
        let name = &list.path;
        let middle = list.api.get(&list.address("limit=1&offset=2")).await;
        let link = middle.header("link").unwrap_or_else(|| panic!("{name}: no links")).to_owned();
        let target = |relation: &str| {
            let one = link.split(", ").find(|one| one.ends_with(&format!("rel=\"{relation}\"")));
            one.unwrap_or_else(|| panic!("{name}, {relation}: {link}")).split(['<', '>']).nth(1).unwrap().to_owned()
        };
        let all = list.page("limit=100").await["data"].as_array().unwrap().clone();
        for (relation, expected) in [("next", &all[3]), ("prev", &all[1]), ("first", &all[0])] {
            let linked = list.api.get(&target(relation)).await.ok();
            assert_eq!(linked["data"], json!([expected]), "{name}: {relation}");
        }
        let beyond = list.page("limit=2&offset=5000").await;
        let place = &beyond["pagination"];
        assert_eq!(
            (&beyond["data"], &place["hasMore"], &place["hasPrevious"]),
            (&json!([]), &json!(false), &json!(true))
        );
        let back = cursor(&beyond, "prevCursor").unwrap();
        let last = list.page(&format!("limit=2&cursor={back}")).await;
        assert_eq!(entries([&last]), all[all.len() - 2..], "{name}: the last page");
        assert_eq!(last["pagination"]["hasMore"], false);
    }
    let nobody = server.signed_in().await;
    let empty = nobody.get("/api/v1/bookings?offset=10").await.ok();
    assert_eq!((&empty["pagination"]["hasPrevious"], &empty["pagination"]["hasMore"]), (&json!(false), &json!(false)));
}

/// Guards: the page in `store/lists.rs`, and `Pagination` beyond the end: in each list.
#[tokio::test]
async fn beyond_the_end_there_is_no_page_and_the_way_back() {
    let server = TestServer::start().await;
    for list in lists(&server).await {
        let name = &list.path;
        let all = list.page("limit=100").await["data"].as_array().unwrap().clone();
        let beyond = list.page("limit=2&offset=1000").await;
        let place = &beyond["pagination"];
        assert_eq!((&beyond["data"], place.get("page"), &place["offset"]), (&json!([]), None, &json!(1000)), "{name}");
        assert_eq!((&place["hasMore"], &place["hasPrevious"]), (&json!(false), &json!(true)), "{name}");
        assert!(place["pageCount"].as_u64().unwrap() >= all.len().div_ceil(2) as u64, "{name}: {place}");
        let back = list.page(&format!("limit=2&cursor={}", cursor(&beyond, "prevCursor").unwrap())).await;
        assert_eq!(back["data"].as_array().unwrap()[..], all[all.len() - 2..], "{name}");
    }
}

/// Guards: the look behind in `store/lists.rs`.
#[tokio::test]
async fn what_a_walk_has_passed_and_is_gone_is_no_page() {
    let server = TestServer::start().await;
    let boss = server.signed_in_as(Role::Admin).await;
    for number in 1..=9 {
        boss.post("/api/v1/admin/tags", &json!({ "slug": format!("tag-{number}"), "name": "Tag" })).await.created();
    }
    let list = List { api: boss.clone(), path: "/api/v1/admin/tags".to_owned(), other: "" };
    let first = list.page("limit=3").await;
    let onwards = cursor(&first, "nextCursor").unwrap();
    let middle = list.page(&format!("limit=3&cursor={onwards}")).await;
    let last = list.page(&format!("limit=3&cursor={}", cursor(&middle, "nextCursor").unwrap())).await;
    let back = cursor(&last, "prevCursor").unwrap();
    let around = async |limit: u32, at: &str| {
        let page = list.page(&format!("limit={limit}&cursor={at}")).await;
        let place = &page["pagination"];
        assert_eq!(cursor(&page, "prevCursor").is_some(), place["hasPrevious"] == true);
        assert_eq!(cursor(&page, "nextCursor").is_some(), place["hasMore"] == true);
        (place["hasPrevious"] == true, place["hasMore"] == true)
    };
    let gone = async |page: &Value| {
        for tag in page["data"].as_array().unwrap() {
            let path = format!("/api/v1/admin/tags/{}", tag["slug"].as_str().unwrap());
            assert_eq!(boss.delete(&path).await.status, 204);
        }
    };
    assert_eq!((around(3, &onwards).await, around(3, &back).await), ((true, true), (true, true)));
    gone(&first).await;
    assert_eq!((around(3, &onwards).await, around(6, &onwards).await), ((false, true), (false, false)));
    gone(&last).await;
    assert_eq!((around(2, &back).await, around(3, &back).await), ((true, false), (false, false)));
}
