//! Venues, categories and tags.

use reqwest::Method;
use serde_json::{Value, json};

use super::{OWN, admin, draft, organizer};
use crate::{
    events::assert_parameters_are_checked,
    support::{TestServer, client::new_key},
};

const VENUES: &str = "/api/v1/admin/venues";

fn venue() -> Value {
    json!({ "name": "Große Halle", "address": "1 High Street", "city": "Berlin", "country": "DE", "timeZone": "Europe/Berlin",
        "capacity": 500 })
}

#[tokio::test]
async fn a_venue_is_made_changed_and_deleted_unless_somebody_needs_it() {
    let server = TestServer::start().await;
    let api = admin(&server).await;
    let key = new_key();
    let made = api.send(Method::POST, VENUES, Some(&key), Some(&venue())).await;
    assert_eq!(api.send(Method::POST, VENUES, Some(&key), Some(&venue())).await.created(), made.created());
    let (path, json) = (made.header("location").unwrap().to_owned(), made.json());
    assert!(json["slug"].as_str().unwrap().starts_with("grosse-halle-"));
    assert_eq!(server.api.get(&format!("/api/v1/venues/{}", json["id"].as_str().unwrap())).await.ok(), json);
    let changed = api.change(&path, &json!({ "capacity": 600 })).await;
    assert_eq!((&changed.ok()["capacity"], changed.etag().as_str()), (&json!(600), "\"2\""));
    api.patch(&path, &json!({ "capacity": 1 })).await.problem(428, "RESOURCE_004");
    let put = async |tag: &str| api.send_with(Method::PUT, &path, &[("if-match", tag)], Some(&venue())).await;
    put("\"1\"").await.problem(412, "RESOURCE_003");
    assert_eq!(put("\"2\"").await.ok()["capacity"], 500);
    assert_eq!(api.post(VENUES, &json!({})).await.faults().len(), 6);
    let mut taken = venue();
    taken["slug"] = json["slug"].clone();
    api.post(VENUES, &taken).await.problem(409, "RESOURCE_006");

    let mut event = draft(&server).await;
    event["venueId"] = json["id"].clone();
    let organizer = organizer(&server).await;
    let event = organizer.post(OWN, &event).await.created();
    api.delete(&path).await.problem(409, "RESOURCE_005");
    organizer.delete(&format!("{OWN}/{}", event["id"].as_str().unwrap())).await;
    assert_eq!(api.delete(&path).await.status, 204);
    api.get(&path).await.problem(404, "RESOURCE_001");
}

#[tokio::test]
async fn words_are_made_renamed_and_deleted() {
    let server = TestServer::start().await;
    let (api, organizer) = (admin(&server).await, organizer(&server).await);
    for (list, below) in [("/api/v1/admin/categories", "categories"), ("/api/v1/admin/tags", "tags")] {
        let body = json!({ "slug": "jazz", "name": "Jazz" });
        let made = api.post(list, &body).await;
        assert_eq!((&made.created()["name"], &made.json()["events"]), (&json!("Jazz"), &json!(0)));
        let path = made.header("location").unwrap().to_owned();
        api.post(list, &body).await.problem(409, "RESOURCE_006");
        assert_eq!(api.post(list, &json!({ "slug": "No", "name": "N" })).await.faults().len(), 2);
        assert_eq!(api.change(&path, &json!({ "name": "Jazz and more" })).await.ok()["name"], "Jazz and more");
        api.patch(&path, &json!({ "name": "Unseen" })).await.problem(428, "RESOURCE_004");
        let shown = organizer.get(&format!("/api/v1/organizer/{below}?limit=100")).await.ok();
        assert!(shown["data"].as_array().unwrap().iter().any(|word| word["slug"] == "jazz"));
        assert_parameters_are_checked(&api, list, "A").await;

        let mut event = draft(&server).await;
        event[if below == "tags" { "tags" } else { "category" }] =
            if below == "tags" { json!(["jazz"]) } else { json!("jazz") };
        let event = organizer.post(OWN, &event).await.created();
        assert_eq!(api.get(&path).await.ok()["events"], 1);
        if below == "tags" {
            assert_eq!(event["tags"], json!([{ "slug": "jazz", "name": "Jazz and more" }]));
        } else {
            api.delete(&path).await.problem(409, "RESOURCE_005");
            organizer.delete(&format!("{OWN}/{}", event["id"].as_str().unwrap())).await;
        }
        assert_eq!(api.delete(&path).await.status, 204);
        api.delete(&path).await.problem(404, "RESOURCE_001");
    }
}

/// Guards: `note` in each transaction. What admins do is in the audit log; what organizers do with their own is not.
#[tokio::test]
async fn what_admins_change_is_in_the_audit_log() {
    let server = TestServer::start().await;
    let (api, organizer) = (admin(&server).await, organizer(&server).await);
    organizer.post(OWN, &draft(&server).await).await.created();
    let path = api.post(VENUES, &venue()).await.header("location").unwrap().to_owned();
    api.change(&path, &json!({ "capacity": 7 })).await.ok();
    api.patch(&path, &json!({ "capacity": 8 })).await.problem(428, "RESOURCE_004");
    api.delete(&path).await;
    api.post("/api/v1/admin/tags", &json!({ "slug": "jazz", "name": "Jazz" })).await.created();
    api.change("/api/v1/admin/tags/jazz", &json!({ "name": "More Jazz" })).await.ok();
    api.delete("/api/v1/admin/tags/jazz").await;
    api.change("/api/v1/admin/settings", &json!({ "siteName": "The House" })).await.ok();
    let events = "/api/v1/admin/events";
    let event = format!("{events}/{}", api.post(events, &draft(&server).await).await.created()["id"].as_str().unwrap());
    let quotas = format!("{event}/quotas");
    let quota = api.post(&quotas, &json!({ "name": "Floor", "capacity": 5 })).await.created();
    let quota = format!("{quotas}/{}", quota["id"].as_str().unwrap());
    api.change(&quota, &json!({ "capacity": 6 })).await.ok();
    api.delete(&quota).await;
    api.change(&event, &json!({ "title": "Another" })).await.ok();
    api.delete(&event).await;
    let log = api.get("/api/v1/admin/audit-log?limit=100").await.ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut deeds: Vec<_> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| {
            assert!(of["actorId"].is_string() && of["requestId"].is_string(), "{of}");
            format!("{} {}", text(&of["action"]), text(&of["targetKind"]))
        })
        .collect();
    deeds.reverse();
    let expected = [
        "CREATED venue",
        "CHANGED venue",
        "DELETED venue",
        "CREATED tag",
        "CHANGED tag",
        "DELETED tag",
        "CHANGED settings",
        "CREATED event",
        "CREATED quota",
        "CHANGED quota",
        "DELETED quota",
        "CHANGED event",
        "DELETED event",
    ];
    assert_eq!(deeds, expected);
    let verified = api.get("/api/v1/admin/audit-log/verification").await.ok();
    assert_eq!(verified["entries"], 13);
}
