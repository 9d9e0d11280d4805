//! Whose events somebody may see and change, asked of every row of the table.

use domain::accounts::Role;
use reqwest::Method;
use serde_json::json;

use super::{OWN, account, organizer, published};
use crate::{
    every_route::table::table,
    support::{TestServer, accounts, events::in_seconds},
};

/// Guards: `Manager::only` in each statement, and `event_of` in each use case. Another organizer's event is not there, whatever
/// is asked; nor is it for an admin below `/organizer`.
#[tokio::test]
async fn another_organizers_event_does_not_exist() {
    let server = TestServer::start().await;
    let owner = organizer(&server).await;
    let (event, quota, kind) = published(&server, &owner, 5).await;
    let block = json!({ "items": [{ "ticketTypeId": kind, "quantity": 1 }] });
    let block = owner.post(&format!("{OWN}/{event}/blocks"), &block).await.created();
    let repeated = json!({ "rule": { "frequency": "DAILY", "count": 2 } });
    let series = owner.post(&format!("{OWN}/{event}/occurrences"), &repeated).await.created();
    let code =
        owner.post(&format!("{OWN}/{event}/promo-codes"), &json!({ "code": "OWN", "kind": "ACCESS" })).await.created();
    let before = owner.get(&format!("{OWN}/{event}")).await.ok();
    let strangers = [organizer(&server).await, server.api.of(&account(&server, Role::Admin).await)];
    let mut asked = 0;
    for row in table() {
        let (method, path) = (row.method, row.path);
        let parts: Vec<&str> = path.split('/').collect();
        let thing = match parts.get(3..5) {
            Some(["organizer", "events"]) if parts.len() > 5 => event.to_string(),
            Some(["organizer", "series"]) => series["id"].as_str().unwrap().to_owned(),
            _ => continue,
        };
        let below = match parts.get(6) {
            Some(&"quotas") => quota.to_string(),
            Some(&"ticket-types") => kind.to_string(),
            Some(&"occurrences") => event.to_string(),
            Some(&"promo-codes") => code["id"].as_str().unwrap().to_owned(),
            _ => block["id"].as_str().unwrap().to_owned(),
        };
        let mut own: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        own[5] = thing;
        if own.len() > 7 {
            own[7] = below;
        }
        let path = own.join("/");
        let body = body(&method, parts.get(6).copied(), kind);
        for stranger in &strangers {
            let answer = stranger.send_with(method.clone(), &path, &[("if-match", "*")], body.as_ref()).await;
            assert_eq!(answer.status, 404, "{method} {path}: {:?}", answer.json());
            answer.problem(404, "RESOURCE_001");
            asked += 1;
        }
    }
    assert!(asked >= 60, "{asked}");
    for stranger in &strangers {
        assert_eq!(stranger.get(OWN).await.ok()["pagination"]["total"], 0);
    }
    assert_eq!(owner.get(&format!("{OWN}/{event}")).await.ok(), before, "nothing has changed");
    let shown = owner.get(&format!("/api/v1/organizer/series/{}", series["id"].as_str().unwrap())).await.ok();
    assert_eq!(shown, series);
    assert_eq!(owner.get(&format!("{OWN}/{event}/blocks")).await.ok()["data"].as_array().unwrap().len(), 1);
}

/// A body that the owner could send.
fn body(method: &Method, below: Option<&str>, kind: uuid::Uuid) -> Option<serde_json::Value> {
    let price = json!({ "amount": "0", "currency": "EUR" });
    match (method.as_str(), below) {
        ("GET" | "DELETE", _) | ("POST", Some("publish" | "unpublish" | "cancel" | "archive")) => None,
        ("POST", Some("occurrences")) => Some(json!({ "rule": { "frequency": "DAILY", "count": 3 } })),
        ("POST", Some("duplicate")) => Some(json!({ "startsAt": in_seconds(90_000) })),
        (_, Some("quotas")) => Some(json!({ "name": "Stolen", "capacity": 1 })),
        ("PUT", Some("ticket-types")) => Some(json!({ "order": [kind] })),
        (_, Some("ticket-types")) => Some(json!({ "name": "Stolen", "quotaId": kind, "price": price })),
        (_, Some("pricing")) => Some(json!({ "taxRate": "0.1" })),
        (_, Some("promo-codes")) => Some(json!({ "code": "STOLEN", "kind": "ACCESS" })),
        (_, Some("seat-map")) => Some(json!({ "version": 1 })),
        (_, Some("blocks")) => Some(json!({ "items": [{ "ticketTypeId": kind, "quantity": 1 }] })),
        _ => Some(json!({ "title": "Stolen" })),
    }
}

/// Guards: the access of each row. A role that is not among those of the row is told so, before anything else is looked at.
#[tokio::test]
async fn roles_decide_who_comes_in() {
    let server = TestServer::start().await;
    let of = async |role| server.api.with_token(&accounts::add_accounts(&server.client, 1, role).await[0].token);
    let (user, organizer) = (of(Role::User).await, of(Role::Organizer).await);
    for row in table() {
        let (method, path) = (row.method, row.path);
        let is_admins = path.starts_with("/api/v1/admin/");
        if is_admins || path.starts_with("/api/v1/organizer/") {
            user.send(method.clone(), &path, None, None).await.problem(403, "AUTH_004");
        }
        if is_admins {
            organizer.send(method.clone(), &path, None, None).await.problem(403, "AUTH_004");
        }
    }
}
