//! Slugs that were once an event's or a venue's lead to its present one.

use serde_json::json;
use tokio_postgres::error::SqlState;

use crate::support::{EventBuilder, TestServer, client::uuid};

async fn rename(server: &TestServer, table: &str, id: uuid::Uuid, slug: &str) -> Result<u64, tokio_postgres::Error> {
    server.client.execute(&format!("UPDATE {table} SET slug = $2 WHERE id = $1"), &[&id, &slug]).await
}

#[tokio::test]
async fn a_former_slug_leads_to_the_present_one() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(1)).await;
    let venue_slug = format!("venue-{}", event.venue.simple());
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (table, id, first) in [("events", event.id, &event.slug), ("venues", event.venue, &venue_slug)] {
        rename(&server, table, id, &format!("{table}-second")).await.unwrap();
        rename(&server, table, id, &format!("{table}-third ä")).await.unwrap();
        for former in [first, &format!("{table}-second")] {
            let url = format!("http://{}/api/v1/{table}/{former}", server.running.address);
            let answer = http.get(url).send().await.unwrap();
            let location = format!("/api/v1/{table}/{table}-third%20%C3%A4");
            assert_eq!(answer.status(), 308, "{former}");
            assert_eq!(answer.headers()["location"], *location);
            let body: serde_json::Value = answer.json().await.unwrap();
            assert_eq!(body, json!({ "slug": format!("{table}-third ä"), "location": location }));
            // Clients that follow find the thing itself.
            let found = server.api.get(&format!("/api/v1/{table}/{former}")).await.ok();
            assert_eq!(uuid(&found["id"]), id);
        }
        // Back to the first one: it is itself again, and leads nowhere.
        rename(&server, table, id, first).await.unwrap();
        assert_eq!(uuid(&server.api.get(&format!("/api/v1/{table}/{first}")).await.ok()["id"]), id);
        server.client.execute(&format!("DELETE FROM events WHERE id = '{}'", event.id), &[]).await.unwrap();
        server.client.execute(&format!("DELETE FROM {table} WHERE id = $1"), &[&id]).await.unwrap();
        server.api.get(&format!("/api/v1/{table}/{table}-second")).await.problem(404, "RESOURCE_001");
    }
}

/// A printed link must not lead to somebody else's evening.
#[tokio::test]
async fn a_former_slug_is_nobody_elses() {
    let server = TestServer::start().await;
    let (one, other) = (server.event(EventBuilder::ga(1)).await, server.event(EventBuilder::ga(1)).await);
    rename(&server, "events", one.id, "renamed").await.unwrap();
    let refused = rename(&server, "events", other.id, &one.slug).await.unwrap_err();
    let refused = refused.as_db_error().unwrap();
    assert_eq!((refused.code(), refused.constraint()), (&SqlState::UNIQUE_VIOLATION, Some("events_slug_key")));
    rename(&server, "events", one.id, &one.slug).await.unwrap();
    rename(&server, "events", one.id, "renamed again").await.unwrap();
    let left = "SELECT count(*) FROM former_event_slugs WHERE slug = 'renamed'";
    assert_eq!(server.client.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test]
async fn what_is_not_public_is_not_led_to() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(1).status("DRAFT")).await;
    rename(&server, "events", event.id, "secret").await.unwrap();
    for path in [&*event.slug, "secret", "%00", "a%0Ab"] {
        server.api.get(&format!("/api/v1/events/{path}")).await.problem(404, "RESOURCE_001");
    }
    server.api.get("/api/v1/venues/%00").await.problem(404, "RESOURCE_001");
}

/// Guards: that only names of public events are kept for them. A draft would keep each name that it ever had from everybody else.
#[tokio::test]
async fn a_draft_keeps_no_name_that_it_gives_up() {
    let server = TestServer::start().await;
    let draft = server.event(EventBuilder::ga(1).status("DRAFT")).await;
    let other = server.event(EventBuilder::ga(1)).await;
    for name in ["summer-festival", "winter-festival", "mine"] {
        rename(&server, "events", draft.id, name).await.unwrap();
    }
    for name in ["summer-festival", "winter-festival"] {
        rename(&server, "events", other.id, name).await.unwrap();
    }
    // Nor does it matter that it is public later.
    server.client.execute("UPDATE events SET status = 'PUBLISHED' WHERE id = $1", &[&draft.id]).await.unwrap();
    rename(&server, "events", draft.id, "still-mine").await.unwrap();
    assert!(rename(&server, "events", other.id, "mine").await.is_err(), "that one was public");
}
