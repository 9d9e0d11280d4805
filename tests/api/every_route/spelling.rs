//! One spelling for one thing: numbers, ids, amounts and instants are read as the contract writes them, wherever they are.

use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Api, EventBuilder, TestServer, events::add_venue, events::in_seconds};

fn fault(field: &str) -> Vec<(String, String)> {
    vec![(field.to_owned(), "INVALID".to_owned())]
}

/// Guards: `Whole`, `Named`, `text::instant` and `filters::price` in queries.
#[tokio::test]
async fn what_a_query_names_has_one_spelling() {
    let server = TestServer::start().await;
    let (organizer, boss) = (server.signed_in_as(Role::Organizer).await, server.signed_in_as(Role::Admin).await);
    let event = server.event(EventBuilder::seated(1, 2)).await;
    let lists = [
        (&server.api, "/api/v1/events"),
        (&server.api, "/api/v1/venues"),
        (&organizer, "/api/v1/bookings"),
        (&organizer, "/api/v1/organizer/events"),
        (&organizer, "/api/v1/organizer/seat-maps"),
        (&boss, "/api/v1/admin/users"),
        (&boss, "/api/v1/admin/audit-log"),
        (&boss, "/api/v1/admin/dead-letters"),
        (&boss, "/api/v1/admin/settings/changes"),
        (&boss, "/api/v1/admin/tags"),
    ];
    for (api, path) in lists {
        for name in ["limit", "offset"] {
            for wrong in ["%2B1", "01", "1.0", "-0", "%201"] {
                let faults = api.get(&format!("{path}?{name}={wrong}")).await.faults();
                assert_eq!(faults, fault(name), "{path}: {name}={wrong}");
            }
        }
    }
    let simple = event.id.simple();
    for (api, path, field) in [
        (&server.api, "/api/v1/tags?limit=%2B1".to_owned(), "limit"),
        (&server.api, event.path("seat-map?version=01"), "version"),
        (&server.api, format!("/api/v1/events?seriesId={simple}"), "seriesId"),
        (&server.api, format!("/api/v1/availability?eventIds={simple}"), "eventIds"),
        (&organizer, format!("/api/v1/bookings?eventId={simple}"), "eventId"),
        (&boss, format!("/api/v1/admin/events?organizerId={simple}"), "organizerId"),
        (&boss, format!("/api/v1/admin/audit-log?actorId={simple}"), "actorId"),
        (&server.api, "/api/v1/events?minPrice=-0.00".to_owned(), "minPrice"),
        (&server.api, "/api/v1/events?maxPrice=%2B1".to_owned(), "maxPrice"),
        (&server.api, "/api/v1/events?from=2031-03-14T19:30:00%2B24:00".to_owned(), "from"),
        (&server.api, "/api/v1/events?to=2031-03-14T19:30:60Z".to_owned(), "to"),
        (&server.api, "/api/v1/events?endsFrom=2031-03-14T19:30Z".to_owned(), "endsFrom"),
    ] {
        assert_eq!(api.get(&path).await.faults(), fault(field), "{path}");
    }
}

/// The fault of one field, and what is said of it.
fn told(answer: &Answer) -> (Vec<(String, String)>, String) {
    (answer.faults(), answer.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned())
}

async fn with(api: &Api, method: Method, path: &str, body: &Value) -> Answer {
    api.send_with(method, path, &[("if-match", "*")], Some(body)).await
}

/// Guards: `instants`, `amount` and `hyphenated` in bodies: at each field that has one.
#[tokio::test]
async fn what_a_body_names_has_one_spelling() {
    let server = TestServer::start().await;
    let api = server.signed_in_as(Role::Organizer).await;
    let venue = add_venue(&server.client, "The Hall").await;
    let event = json!({
        "title": "An Evening", "category": "concert", "venueId": venue, "timeZone": "Europe/Berlin", "currency": "EUR",
        "startsAt": in_seconds(30 * 86_400), "endsAt": in_seconds(30 * 86_400 + 7200),
    });
    let events = "/api/v1/organizer/events";
    let made = api.post(events, &event).await.created();
    let own = format!("{events}/{}", made["id"].as_str().unwrap());
    let quota = json!({ "name": "Floor", "capacity": 5 });
    let quota = api.post(&format!("{own}/quotas"), &quota).await.created()["id"].clone();
    let kind = json!({ "name": "Adult", "quotaId": quota, "price": { "amount": "0.00", "currency": "EUR" } });
    let types = format!("{own}/ticket-types");
    let type_made = format!("{types}/{}", api.post(&types, &kind).await.created()["id"].as_str().unwrap());

    let changed = |body: &Value, field: &str, value: &Value| {
        let mut body = body.clone();
        body[field] = value.clone();
        body
    };
    let ways: [(Method, &str, &Value, &[&str]); 7] = [
        (Method::POST, events, &event, &["startsAt", "endsAt", "saleStartsAt", "saleEndsAt"]),
        (Method::PUT, &own, &event, &["startsAt", "saleEndsAt"]),
        (Method::PATCH, &own, &json!({}), &["startsAt", "endsAt", "saleStartsAt", "saleEndsAt"]),
        (Method::POST, &types, &kind, &["saleStartsAt", "saleEndsAt"]),
        (Method::PATCH, &type_made, &json!({}), &["saleStartsAt", "saleEndsAt"]),
        (Method::POST, &format!("{own}/publish"), &json!({}), &["at"]),
        (Method::POST, &format!("{own}/duplicate"), &json!({}), &["startsAt"]),
    ];
    for (method, path, body, fields) in ways {
        for field in fields {
            for (wrong, words) in [
                ("2031-03-14T19:30:00+24:00", "RFC 3339"),
                ("2031-03-14 19:30:00Z", "RFC 3339"),
                ("2031-03-14T19:30:60Z", "leap second"),
            ] {
                let answer = with(&api, method.clone(), path, &changed(body, field, &json!(wrong))).await;
                let (faults, message) = told(&answer);
                assert_eq!(faults, fault(field), "{method} {path}: {field} {wrong}");
                assert!(message.contains(words), "{message}");
            }
        }
    }
    let minus = json!({ "amount": "-0.00", "currency": "EUR" });
    let without = json!(made["venueId"].as_str().unwrap().parse::<Uuid>().unwrap().simple().to_string());
    for (method, path, body, field, value) in [
        (Method::POST, types.as_str(), &kind, "price", &minus),
        (Method::PATCH, &type_made, &json!({}), "price", &minus),
        (Method::POST, events, &event, "venueId", &without),
        (Method::PATCH, &own, &json!({}), "venueId", &without),
    ] {
        let answer = with(&api, method.clone(), path, &changed(body, field, value)).await;
        assert_eq!(answer.faults(), fault(field), "{method} {path}: {field}");
    }
    // The right ones are right.
    let right = json!({ "saleEndsAt": "2031-03-14t20:30:00.5+01:00", "saleStartsAt": null });
    let far = json!({ "startsAt": "2031-03-15T20:00:00+01:00", "endsAt": "2031-03-15T22:00:00-00:00" });
    with(&api, Method::PATCH, &own, &far).await.ok();
    assert_eq!(with(&api, Method::PATCH, &own, &right).await.ok()["saleEndsAt"], "2031-03-14T19:30:00.5Z");
}
