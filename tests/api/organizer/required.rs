//! What a new thing needs, and what a change may take away: as the document says, neither more nor less.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{OWN, admin, draft, drafted, organizer};
use crate::support::{Api, TestServer, document::document};

/// The schema of the body that a request may have.
fn schema_of(method: Method, path: &str) -> &'static Value {
    let (_, _, described) =
        document().operations().find(|(of, template, _)| (of, *template) == (&method, path)).unwrap();
    document().resolve(&described["requestBody"]["content"]["application/json"]["schema"])
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap()).collect()
}

/// With no more than `body` a thing is made; without any one of its members it is not, and the answer names that one.
async fn assert_all_is_needed(api: &Api, method: Method, template: &str, path: &str, body: &Value) {
    let schema = schema_of(method.clone(), template);
    let members: BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(required(schema), members, "{template}");
    let send = async |body: &Value| api.send_with(method.clone(), path, &[("if-match", "*")], Some(body)).await;
    for member in members {
        for value in [None, Some(Value::Null)] {
            let mut without = body.clone();
            match value {
                None => without.as_object_mut().unwrap().remove(member),
                Some(null) => without.as_object_mut().unwrap().insert(member.to_owned(), null),
            };
            let faults = send(&without).await.faults();
            assert!(faults.iter().any(|(field, _)| field == member), "{template} without {member}: {faults:?}");
            assert!(!document().validator(schema, false).is_valid(&without), "{template} without {member}");
        }
    }
    let made = send(body).await;
    assert!([200, 201].contains(&made.status), "{template}: {}", String::from_utf8_lossy(&made.body));
}

/// Guards: `required` and the nullability of each field of the schemas.
#[tokio::test]
async fn a_new_thing_needs_what_the_document_says() {
    let server = TestServer::start().await;
    let (own, boss) = (organizer(&server).await, admin(&server).await);
    let (event, quota, _) = drafted(&server, &own, 5).await;
    let mut new_event = draft(&server).await;
    new_event.as_object_mut().unwrap().remove("saleStartsAt");
    let ticket = json!({ "name": "Child", "quotaId": quota, "price": { "amount": "0", "currency": "EUR" } });
    let quota = json!({ "name": "Balcony", "capacity": 3 });
    let venue = json!({ "name": "A Hall", "address": "1 High Street", "city": "Berlin", "country": "DE",
        "timeZone": "Europe/Berlin", "capacity": 5 });
    for (api, prefix) in [(&own, "/api/v1/organizer/events"), (&boss, "/api/v1/admin/events")] {
        assert_all_is_needed(api, Method::POST, prefix, prefix, &new_event).await;
        let code = json!({ "code": format!("C{}", prefix.len()), "kind": "ACCESS" });
        for (below, body) in [("quotas", &quota), ("ticket-types", &ticket), ("promo-codes", &code)] {
            let (template, path) = (format!("{prefix}/{{id}}/{below}"), format!("{prefix}/{event}/{below}"));
            assert_all_is_needed(api, Method::POST, &template, &path, body).await;
        }
        let (template, path) = (format!("{prefix}/{{id}}"), format!("{prefix}/{event}"));
        assert_all_is_needed(api, Method::PUT, &template, &path, &new_event).await;
    }
    let venues = "/api/v1/admin/venues";
    assert_all_is_needed(&boss, Method::POST, venues, venues, &venue).await;
    for list in ["/api/v1/admin/tags", "/api/v1/admin/categories"] {
        assert_all_is_needed(&boss, Method::POST, list, list, &json!({ "slug": "jazz", "name": "Jazz" })).await;
    }
}

/// Guards: that nothing is required of a change, and that only admins may say whose an event is.
#[test]
fn a_change_needs_nothing() {
    for path in ["organizer/events/{id}", "admin/events/{id}", "admin/venues/{id}", "admin/settings"] {
        assert_eq!(required(schema_of(Method::PATCH, &format!("/api/v1/{path}"))), BTreeSet::new(), "{path}");
    }
    for (method, path) in [(Method::POST, OWN.to_owned()), (Method::PATCH, format!("{OWN}/{{id}}"))] {
        assert!(schema_of(method.clone(), &path)["properties"]["organizerId"].is_null());
        let path = path.replace("organizer", "admin");
        assert!(schema_of(method, &path)["properties"]["organizerId"].is_object());
    }
}

/// Guards: `Change`. What `null` takes away is as if a new thing were made without it.
#[tokio::test]
async fn null_takes_away() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let mut body = draft(&server).await;
    body["summary"] = json!("In short");
    body["slug"] = json!("chosen");
    let event = api.post(OWN, &body).await.created();
    let path = format!("{OWN}/{}", event["id"].as_str().unwrap());
    let changed = api.change(&path, &json!({ "summary": null, "saleEndsAt": null, "slug": null })).await.ok();
    assert_eq!((&changed["summary"], &changed["saleEndsAt"]), (&json!(""), &body["startsAt"]));
    assert!(changed["slug"].as_str().unwrap().starts_with("an-evening-"));
    for member in ["title", "category", "venueId", "startsAt", "endsAt", "timeZone", "currency"] {
        let faults = api.change(&path, &json!({ member: null })).await.faults();
        assert_eq!(faults, [(member.to_owned(), "REQUIRED".to_owned())]);
    }
    let quotas = format!("{path}/quotas");
    let quota = api.post(&quotas, &json!({ "name": "Floor", "capacity": 5 })).await.created();
    let quota = format!("{quotas}/{}", quota["id"].as_str().unwrap());
    assert_eq!(api.change(&quota, &json!({ "capacity": null })).await.faults()[0].1, "REQUIRED");
    assert_eq!(api.change(&quota, &json!({})).await.ok()["capacity"], 5);
}
