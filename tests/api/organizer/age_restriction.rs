//! A field of an event on its whole way: written, kept in copies, and shown to everybody.

use serde_json::{Value, json};

use super::{OWN, admin, organizer, published};
use crate::support::{TestServer, events::in_seconds};

#[tokio::test]
async fn the_minimum_age_is_written_copied_and_shown() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    let (event, ..) = published(&server, &api, 5).await;
    let (path, public) = (format!("{OWN}/{event}"), format!("/api/v1/events/{event}"));
    assert_eq!(server.api.get(&public).await.ok()["ageRestriction"], Value::Null, "for guests of any age");
    for wrong in [-1, 100] {
        let code = if wrong < 0 { "INVALID" } else { "OUT_OF_RANGE" };
        let faults = api.change(&path, &json!({ "ageRestriction": wrong })).await.faults();
        assert_eq!(faults, [("ageRestriction".to_owned(), code.to_owned())]);
    }
    for years in [0, 99, 16] {
        let changed = api.change(&path, &json!({ "ageRestriction": years })).await;
        assert_eq!(changed.ok()["ageRestriction"], years);
        let again = api.change(&path, &json!({ "ageRestriction": years })).await;
        assert_eq!(again.etag(), changed.etag(), "a change of nothing");
    }
    for shown in [api.get(&path).await, boss.get(&format!("/api/v1/admin/events/{event}")).await] {
        assert_eq!(shown.ok()["ageRestriction"], 16);
    }
    assert_eq!(server.api.get(&public).await.ok()["ageRestriction"], 16);
    assert_eq!(server.api.get("/api/v1/events").await.ok()["data"][0]["ageRestriction"], 16);
    let body = json!({ "startsAt": in_seconds(60 * 86_400) });
    assert_eq!(api.post(&format!("{path}/duplicate"), &body).await.created()["ageRestriction"], 16);
    let body = json!({ "starts": [in_seconds(90 * 86_400)] });
    let series = api.post(&format!("{path}/occurrences"), &body).await.created();
    let occurrence = format!("{OWN}/{}", series["occurrences"][1]["id"].as_str().unwrap());
    assert_eq!(api.get(&occurrence).await.ok()["ageRestriction"], 16);
    let taken_away = api.change(&occurrence, &json!({ "ageRestriction": null })).await.ok();
    assert_eq!(taken_away["ageRestriction"], Value::Null);
}
