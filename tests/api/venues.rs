//! `/venues` and `/venues/{idOrSlug}`.

use std::collections::HashSet;

use serde_json::json;
use uuid::Uuid;

use super::events::{assert_parameters_are_checked, walk};
use crate::support::{TestServer, client::uuid, events::add_venue};

#[tokio::test]
async fn a_walk_by_cursor_sees_each_venue_once_while_others_are_added() {
    let server = TestServer::start().await;
    let mut before = HashSet::new();
    // Names may be alike, and hold anything.
    for name in ["Odeon", "Arena", "Große Halle / 1", "Odeon", "Odeon", "Zirkus", "日本武道館"] {
        before.insert(add_venue(&server.client, name).await);
    }
    let seen = walk(&server.api, "/api/v1/venues", 2, async || {
        for name in ["Bühne", "Odeon", "Yard"] {
            add_venue(&server.client, name).await;
        }
    })
    .await;
    let ids: HashSet<Uuid> = seen.iter().map(|venue| uuid(&venue["id"])).collect();
    assert_eq!(ids.len(), seen.len(), "none twice");
    assert!(ids.is_superset(&before), "none left out");
    let names: Vec<_> = seen.iter().map(|venue| venue["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names.first().map(String::as_str), Some("Arena"));
}

#[tokio::test]
async fn pages_by_offset_and_their_totals() {
    let server = TestServer::start().await;
    for name in ["A", "B", "C", "D", "E"] {
        add_venue(&server.client, name).await;
    }
    let page = server.api.get("/api/v1/venues?limit=2&offset=3").await.ok();
    let names: Vec<_> = page["data"].as_array().unwrap().iter().map(|venue| venue["name"].clone()).collect();
    assert_eq!(names, [json!("D"), json!("E")]);
    let of = |name: &str| page["pagination"][name].clone();
    assert_eq!(
        [of("limit"), of("offset"), of("total"), of("page"), of("pageCount")],
        [2, 3, 5, 2, 3].map(|of| json!(of))
    );
    assert_eq!([of("hasMore"), of("hasPrevious")], [json!(false), json!(true)]);
    assert_parameters_are_checked(&server.api, "/api/v1/venues", "zz").await;
}

#[tokio::test]
async fn a_venue_is_found_by_id_and_by_slug() {
    let server = TestServer::start().await;
    let id = add_venue(&server.client, "Odeon").await;
    let shown = server.api.get(&format!("/api/v1/venues/{id}")).await;
    let by_slug = server.api.get(&format!("/api/v1/venues/venue-{}", id.simple())).await;
    assert_eq!(shown.body, by_slug.body);
    let shown = shown.ok();
    for (member, expected) in [
        ("id", json!(id)),
        ("name", json!("Odeon")),
        ("city", json!("Berlin")),
        ("country", json!("DE")),
        ("timeZone", json!("Europe/Berlin")),
        ("capacity", json!(5000)),
    ] {
        assert_eq!(shown[member], expected, "{member}");
    }
    for nothing in [Uuid::now_v7().to_string(), "nowhere".to_owned()] {
        server.api.get(&format!("/api/v1/venues/{nothing}")).await.problem(404, "RESOURCE_001");
    }
}
