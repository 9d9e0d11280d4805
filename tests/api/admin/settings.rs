//! Settings of the site.

use reqwest::Method;
use serde_json::json;

use crate::organizer::admin;
use crate::support::{
    Api, EventBuilder, Settings, TestServer,
    client::{best, new_key, quantity},
    listener::Listener,
    until,
};

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

/// Settings that nothing reads are no settings.
#[tokio::test]
async fn what_does_nothing_is_no_setting() {
    let server = TestServer::start().await;
    let api = admin(&server).await;
    for gone in ["announcement", "adminEmail"] {
        let faults = api.change(SETTINGS, &json!({ gone: "" })).await.faults();
        assert_eq!(faults, [(gone.to_owned(), "UNKNOWN_FIELD".to_owned())]);
    }
    // A row of an older version disturbs nobody.
    server.client.batch_execute("INSERT INTO settings VALUES ('announcement', '\"Hello\"')").await.unwrap();
    assert_eq!(server.api.get("/api/v1/settings").await.ok().get("announcement"), None);
    assert!(api.get(SETTINGS).await.ok()["data"].as_array().unwrap().iter().all(|of| of["key"] != "announcement"));
}

/// Guards: the default of `limit`.
#[tokio::test]
async fn pages_of_events_are_as_long_as_the_site_says() {
    let server = TestServer::start().await;
    let api = admin(&server).await;
    for _ in 0..4 {
        server.event(EventBuilder::ga(5)).await;
    }
    let listed = async |query: &str| {
        let page = server.api.get(&format!("/api/v1/events{query}")).await.ok();
        (page["data"].as_array().unwrap().len(), page["pagination"]["hasMore"].clone())
    };
    assert_eq!(listed("").await, (4, json!(false)));
    api.change(SETTINGS, &json!({ "eventsPerPage": 3 })).await.ok();
    assert_eq!(listed("").await, (3, json!(true)));
    assert_eq!(listed("?limit=4").await, (4, json!(false)), "the request comes first");
    api.change(SETTINGS, &json!({ "eventsPerPage": null })).await.ok();
    assert_eq!(listed("").await, (4, json!(false)));
}

/// Guards: `showPlacesLeft`. Without it nobody is told a number, neither by the plain answer, with seats or without, nor by the stream.
#[tokio::test]
async fn how_many_places_are_left_is_shown_only_where_the_site_wants_it() {
    let server = Settings::default().start().await;
    let api = admin(&server).await;
    let event = server.event(EventBuilder::seated(1, 2).and_ga("Standing", 20).and_ga("Box", 1)).await;
    let buyer = server.signed_in().await;
    buyer.book(&event, &event.seats([0, 1])).await.created();
    let plain = server.api.get(&event.path("availability")).await.ok();
    assert_eq!((&plain["ticketTypes"][1]["available"], plain["ticketTypes"][1].get("state")), (&json!(20), None));
    let mut before = Listener::open(&server, &event, "").await;
    before.event().await;

    api.change(SETTINGS, &json!({ "showPlacesLeft": false })).await.ok();
    let states = |shown: &serde_json::Value| -> Vec<_> {
        let types = shown["ticketTypes"].as_array().unwrap();
        let state = |of: &serde_json::Value| {
            assert_eq!(of.as_object().unwrap().len(), 2, "an id and a state: {of}");
            of["state"].as_str().unwrap().to_owned()
        };
        types.iter().map(state).collect()
    };
    for query in ["", "?seats=true"] {
        let shown = server.api.get(&event.path(&format!("availability{query}"))).await.ok();
        assert_eq!(states(&shown), ["SOLD_OUT", "AVAILABLE", "AVAILABLE"], "{query}");
    }
    buyer.book(&event, &quantity(event.types[1], 18)).await.created();
    let mut listener = Listener::open(&server, &event, "").await;
    let (name, snapshot) = listener.event().await;
    assert_eq!(
        (name.as_str(), states(&snapshot)),
        ("snapshot", ["SOLD_OUT", "FEW_LEFT", "AVAILABLE"].map(str::to_owned).into())
    );
    buyer.book(&event, &quantity(event.types[1], 2)).await.created();
    let (name, delta) = listener.event().await;
    assert_eq!((name.as_str(), states(&delta)), ("delta", vec!["SOLD_OUT".to_owned()]));

    api.change(SETTINGS, &json!({ "showPlacesLeft": true })).await.ok();
    until("numbers are shown again", async || {
        server.api.get(&event.path("availability")).await.ok()["ticketTypes"][1]["sold"] == 20
    })
    .await;
}

/// Guards: `refusals::told`. A refusal is no way around `showPlacesLeft`; anyone who manages the event may know.
#[tokio::test]
async fn refusals_tell_how_many_places_are_left_only_where_the_site_does() {
    let server = Settings::default().start().await;
    let api = admin(&server).await;
    let event = server.event(EventBuilder::ga(5).and_seated("Stalls", 1, 3)).await;
    let buyer = server.signed_in().await;
    let (unseated, best) = (event.places(6), best(event.types[1], 4));
    let asked = async |api: &Api, path: &str, body| {
        let refused = api.send(Method::POST, path, Some(&new_key()), Some(body)).await.problem(409, "BOOKING_001");
        let message = refused["errors"][0]["message"].as_str().unwrap().to_owned();
        let (_, message) = message.split_once(": ").unwrap();
        assert_eq!(refused["detail"], message);
        message.to_owned()
    };
    for shows in [true, false, true] {
        api.change(SETTINGS, &json!({ "showPlacesLeft": shows })).await.ok();
        for (body, numbers) in [(&unseated, "5 of 6"), (&best, "3 of 4")] {
            let exactly = format!("only {numbers} places are left");
            let told = if shows { &exactly } else { "fewer places are left than were asked for" };
            for path in ["holds", "bookings"] {
                assert_eq!(asked(&buyer, &event.path(path), body).await, told, "{path}");
            }
            let blocks = format!("/api/v1/admin/events/{}/blocks", event.id);
            assert_eq!(asked(&api, &blocks, body).await, exactly, "whoever manages it");
        }
    }
}
