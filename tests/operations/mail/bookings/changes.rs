//! An event that gets another time or place.

use domain::accounts::Role;
use serde_json::json;

use super::{count, telling, template};
use crate::support::{
    TestServer,
    accounts::add_accounts,
    events::{EventBuilder, TestEvent, add_venue},
    until,
};

const PENDING: &str = "SELECT count(*) FROM jobs WHERE kind = 'event_changed'";

async fn change(server: &TestServer, event: &TestEvent, body: serde_json::Value) {
    let admin = server.signed_in_as(Role::Admin).await;
    admin.change(&format!("/api/v1/admin/events/{}", event.id), &body).await.ok();
}

async fn hurry(server: &TestServer) {
    server.db.execute("UPDATE jobs SET due_at = now() WHERE kind = 'event_changed'").await;
}

/// Guards: the portions, the progress that is noted with them, and that changes in a row are told as one.
#[tokio::test]
async fn all_who_have_booked_are_told_once_of_another_time_and_place() {
    let server = telling().set("BOXOFFICE__MAIL__SMTP_URL", "smtp://127.0.0.1:1").start().await;
    let event = server.event(EventBuilder::ga(1000)).await;
    let buyers = add_accounts(&server.client, 230, Role::User).await;
    super::book_all(&server.api, &buyers, &event).await;
    let cancelled = server.api.of(&buyers[0]);
    let own = cancelled.get("/api/v1/bookings").await.ok();
    cancelled.delete(&format!("/api/v1/bookings/{}", own["data"][0]["id"].as_str().unwrap())).await.ok();
    let before = server.api.get(&format!("/api/v1/events/{}", event.id)).await.ok();
    let venue = add_venue(&server.client, "The Park").await;
    change(&server, &event, json!({ "title": "Another name" })).await;
    assert_eq!(server.db.number(PENDING, &[]).await, 0, "a name is told nobody");
    change(&server, &event, json!({ "startsAt": "2099-07-03T18:00:00Z", "endsAt": "2099-07-03T20:00:00Z" })).await;
    change(&server, &event, json!({ "venueId": venue })).await;
    assert_eq!(server.db.number(PENDING, &[]).await, 1);
    hurry(&server).await;
    until("all are told", async || server.db.number(PENDING, &[]).await == 0).await;
    assert_eq!(count(&server.client, "EVENT_CHANGED").await, 229);
    let addressed = "SELECT count(DISTINCT recipient) FROM outbox WHERE kind = 'EVENT_CHANGED'";
    assert_eq!(server.db.number(addressed, &[]).await, 229);
    let mail = template_of_one(&server).await;
    assert_eq!(
        (&mail["booking"]["venue"], &mail["booking"]["event_title"]),
        (&json!("The Park"), &json!("Another name"))
    );
    assert_eq!(mail["was"]["starts_at"], before["startsAt"]);
    assert_ne!(mail["was"]["venue"], "The Park");
}

async fn template_of_one(server: &TestServer) -> serde_json::Value {
    server
        .db
        .execute("DELETE FROM outbox WHERE id <> (SELECT id FROM outbox WHERE kind = 'EVENT_CHANGED' LIMIT 1)")
        .await;
    template(&server.client, "EVENT_CHANGED").await
}

/// Guards: that a change which is taken back within the wait is told nobody, and neither is one of a draft.
#[tokio::test]
async fn a_change_that_is_taken_back_is_told_nobody() {
    let server = telling().start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let buyer = server.buyer().await;
    server.api.of(&buyer).book(&event, &event.places(1)).await.created();
    let before = server.api.get(&format!("/api/v1/events/{}", event.id)).await.ok();
    change(&server, &event, json!({ "endsAt": "2099-07-03T20:00:00Z" })).await;
    change(&server, &event, json!({ "endsAt": before["endsAt"] })).await;
    let draft = server.event(EventBuilder::ga(10).status("DRAFT")).await;
    change(&server, &draft, json!({ "endsAt": "2099-07-03T20:00:00Z" })).await;
    assert_eq!(server.db.number(PENDING, &[]).await, 1);
    hurry(&server).await;
    until("the job is done", async || server.db.number(PENDING, &[]).await == 0).await;
    assert_eq!(count(&server.client, "EVENT_CHANGED").await, 0);
}
