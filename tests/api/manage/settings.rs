//! Settings of the site.

use reqwest::Method;
use serde_json::json;

use super::admin;
use crate::support::TestServer;

const SETTINGS: &str = "/api/v1/admin/settings";

/// Guards: `is_public`. What is private never shows.
#[tokio::test]
async fn settings_are_changed_noted_and_shown_as_far_as_they_are_public() {
    let server = TestServer::start().await;
    let api = admin(&server).await;
    let defaults = server.api.get("/api/v1/settings").await.ok();
    assert_eq!((&defaults["siteName"], &defaults["eventsPerPage"]), (&json!("boxoffice"), &json!(20)));
    let body = json!({ "siteName": " The House ", "adminNotes": "secret", "eventsPerPage": 50 });
    api.patch(SETTINGS, &body).await.problem(428, "RESOURCE_004");
    let patch = async |tag: &str, body: serde_json::Value| {
        api.send_with(Method::PATCH, SETTINGS, &[("if-match", tag)], Some(&body)).await
    };
    let changed = patch("\"1\"", body).await;
    let shown = changed.ok();
    let of = |key: &str| shown["data"].as_array().unwrap().iter().find(|of| of["key"] == key).unwrap().clone();
    assert_eq!((&of("siteName")["value"], &of("siteName")["default"]), (&json!("The House"), &json!("boxoffice")));
    assert_eq!((&of("eventsPerPage")["max"], &of("adminNotes")["public"]), (&json!(100), &json!(false)));
    patch("\"1\"", json!({ "siteName": "Lost" })).await.problem(412, "RESOURCE_003");

    let public = server.api.get("/api/v1/settings").await;
    assert_eq!((&public.ok()["siteName"], public.json().get("adminNotes")), (&json!("The House"), None));
    assert!(!String::from_utf8_lossy(&public.body).contains("secret"));
    let known = server.api.send_with(Method::GET, "/api/v1/settings", &[("if-none-match", &public.etag())], None).await;
    assert_eq!(known.status, 304);

    let faults = patch("\"2\"", json!({ "nothing": 1, "siteName": "A", "termsUrl": "ftp://x", "showPlacesLeft": 1 }))
        .await
        .faults();
    let owned = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    let expected = [
        owned("nothing", "UNKNOWN_FIELD"),
        owned("showPlacesLeft", "INVALID_TYPE"),
        owned("siteName", "TOO_SHORT"),
        owned("termsUrl", "INVALID_URL"),
    ];
    assert_eq!(faults, expected);
    patch("\"2\"", json!({ "siteName": null })).await.ok();
    assert_eq!(server.api.get("/api/v1/settings").await.ok()["siteName"], "boxoffice");
    let changes = api.get(&format!("{SETTINGS}/changes?limit=2")).await.ok();
    assert_eq!((&changes["pagination"]["total"], &changes["data"][0]["key"]), (&json!(4), &json!("siteName")));
    assert_eq!((&changes["data"][0]["from"], &changes["data"][0]["to"]), (&json!("The House"), &json!(null)));
    let cursor = changes["pagination"]["nextCursor"].as_str().unwrap();
    let rest = api.get(&format!("{SETTINGS}/changes?cursor={cursor}")).await.ok();
    assert_eq!(rest["data"].as_array().unwrap().len(), 2);
}
