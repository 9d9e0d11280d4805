//! Steps in the life of an event.

use serde_json::json;

use super::{OWN, act, admin, book, drafted, organizer, places, published};
use crate::support::{Settings, TestServer, events::in_seconds, until};

#[tokio::test]
async fn a_draft_becomes_public_and_may_go_back_while_nobody_has_booked() {
    let server = TestServer::start().await;
    let (api, buyer) = (organizer(&server).await, server.signed_in().await);
    let (event, _, kind) = drafted(&server, &api, 5).await;
    let public = format!("/api/v1/events/{event}");
    server.api.get(&public).await.problem(404, "RESOURCE_001");
    book(&buyer, event, kind, 1).await.problem(404, "RESOURCE_001");
    let shown = act(&api, event, "publish").await;
    assert_eq!((shown.ok()["status"].as_str(), shown.etag().as_str()), (Some("PUBLISHED"), "\"2\""));
    server.api.get(&public).await.ok();
    act(&api, event, "publish").await.problem(409, "EVENT_001");
    // The inventory is running, and hears of it at once.
    assert_eq!(places(&server.api, event).await, (0, 0, 5));
    act(&api, event, "unpublish").await.ok();
    book(&buyer, event, kind, 1).await.problem(404, "RESOURCE_001");
    server.api.get(&format!("{public}/availability")).await.problem(404, "RESOURCE_001");
    act(&api, event, "publish").await.ok();
    book(&buyer, event, kind, 1).await.created();
    act(&api, event, "unpublish").await.problem(409, "EVENT_001");
    act(&api, event, "archive").await.problem(409, "EVENT_001");
    server.audit().await;
}

#[tokio::test]
async fn an_event_without_ticket_types_is_not_published() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let event = api.post(OWN, &super::draft(&server).await).await.created();
    let event = crate::support::client::uuid(&event["id"]);
    let problem = act(&api, event, "publish").await.problem(409, "EVENT_001");
    assert!(problem["detail"].as_str().unwrap().contains("ticket types"));
}

#[tokio::test]
async fn a_step_may_name_the_revision_it_is_based_on() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let step = async |tag: &str| {
        api.send_with(reqwest::Method::POST, &format!("{OWN}/{event}/publish"), &[("if-match", tag)], None).await
    };
    step("\"7\"").await.problem(412, "RESOURCE_003");
    step("\"1\"").await.ok();
}

/// Guards: `SKIP LOCKED` and the status in `PUBLISH_DUE`. Two servers look; the revision says that one of them did it, once.
#[tokio::test]
async fn a_scheduled_event_is_published_once_and_on_time() {
    let settings = Settings::default();
    let server = settings.clone().start().await;
    let second = boxoffice::serve::start(settings.node("another-node").config(&server.db)).await.unwrap();
    let api = organizer(&server).await;
    let (event, _, kind) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    for wrong in [in_seconds(-5), in_seconds(20 * 366 * 86_400)] {
        let faults = api.post(&format!("{path}/publish"), &json!({ "at": wrong })).await.faults();
        assert_eq!(faults, [("at".to_owned(), "OUT_OF_RANGE".to_owned())]);
    }
    let at = in_seconds(2);
    let shown = api.post(&format!("{path}/publish"), &json!({ "at": at })).await.ok();
    assert_eq!((&shown["status"], &shown["publishAt"]), (&json!("SCHEDULED"), &json!(at)));
    // Its inventory is loaded, and not public.
    server.api.get(&format!("/api/v1/events/{event}/availability")).await.problem(404, "RESOURCE_001");
    until("it is published", async || api.get(&path).await.ok()["status"] == "PUBLISHED").await;
    assert!(jiff::Timestamp::now() >= at, "not before its time");
    let revision = server.db.number("SELECT revision::bigint FROM events WHERE id = $1", &[&event]).await;
    assert_eq!(revision, 3, "made, scheduled, published");
    let buyer = server.signed_in().await;
    until("its inventory sells", async || book(&buyer, event, kind, 1).await.status == 201).await;
    second.stop().await;
}

/// What is due while no server runs is done by the next one.
#[tokio::test]
async fn a_schedule_survives_a_restart() {
    let settings = Settings::default();
    let server = settings.clone().start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    api.post(&format!("{path}/publish"), &json!({ "at": in_seconds(3600) })).await.ok();
    let token = api.token().unwrap().to_owned();
    server.running.upkeep.kill_keepers();
    server.db.execute("UPDATE events SET publish_at = now() - interval '1 second'").await;
    let server = server.restart(&settings).await;
    let api = server.api.with_token(&token);
    until("it is published", async || api.get(&path).await.ok()["status"] == "PUBLISHED").await;
    // And a keeper that died has a successor.
    server.running.upkeep.kill_keepers();
    let (other, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{other}");
    api.post(&format!("{path}/publish"), &json!({ "at": in_seconds(2) })).await.ok();
    until("it is published", async || api.get(&path).await.ok()["status"] == "PUBLISHED").await;
}

#[tokio::test]
async fn a_cancelled_event_is_archived_by_an_admin() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    let (event, ..) = published(&server, &api, 5).await;
    act(&api, event, "cancel").await.ok();
    let path = format!("/api/v1/admin/events/{event}");
    until("nothing is left to cancel", async || boss.get(&path).await.ok()["cancellation"]["finishedAt"].is_string())
        .await;
    let archived = boss.send(reqwest::Method::POST, &format!("{path}/archive"), None, None).await.ok();
    assert_eq!(archived["status"], "ARCHIVED");
    act(&api, event, "publish").await.problem(409, "EVENT_001");
}
