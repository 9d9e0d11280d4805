//! Ticket types and quotas.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWN, book, drafted, organizer, published};
use crate::support::{
    TestServer,
    client::{instant, new_key, uuid},
};

#[tokio::test]
async fn ticket_types_are_made_ordered_changed_and_deleted() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, adult) = drafted(&server, &api, 5).await;
    let types = format!("{OWN}/{event}/ticket-types");
    let price = json!({ "amount": "7.50", "currency": "EUR" });
    let body = json!({ "name": "Child", "quotaId": quota, "price": price, "description": "Up to 12" });
    let key = new_key();
    let child = api.send(Method::POST, &types, Some(&key), Some(&body)).await;
    assert_eq!(api.send(Method::POST, &types, Some(&key), Some(&body)).await.created(), child.created());
    let path = child.header("location").unwrap().to_owned();
    assert_eq!((child.etag().as_str(), &child.json()["position"]), ("\"1\"", &json!(1)));
    assert_eq!(child.json()["price"], price);
    assert_eq!(api.get(&path).await.ok(), child.json());
    assert_eq!(child.json()["createdAt"], child.json()["updatedAt"]);

    let order = async |order: Value| {
        api.send_with(Method::PUT, &types, &[("if-match", "*")], Some(&json!({ "order": order }))).await
    };
    let child_id = uuid(&child.json()["id"]);
    let ordered = order(json!([child_id, adult])).await.ok();
    let positions: Vec<_> = ordered["data"].as_array().unwrap().iter().map(|of| uuid(&of["id"])).collect();
    assert_eq!(positions, [child_id, adult]);
    for wrong in [json!([adult]), json!([adult, adult]), json!([adult, Uuid::now_v7()])] {
        assert_eq!(order(wrong).await.faults()[0].0, "order");
    }
    let changed = api.change(&path, &json!({ "name": "Pupil", "maxPerBooking": 4 })).await.ok();
    assert_eq!((&changed["name"], &changed["maxPerBooking"], &changed["price"]), (&json!("Pupil"), &json!(4), &price));
    assert!(instant(&changed["updatedAt"]) > instant(&changed["createdAt"]));
    let hall = format!("{OWN}/{event}/quotas/{quota}");
    let before = api.get(&hall).await.ok();
    assert_eq!(before["createdAt"], before["updatedAt"]);
    let after = api.change(&hall, &json!({ "capacity": 6 })).await.ok();
    assert_eq!(after["createdAt"], before["createdAt"]);
    assert!(instant(&after["updatedAt"]) > instant(&after["createdAt"]));
    api.patch(&path, &json!({ "name": "Unseen" })).await.problem(428, "RESOURCE_004");
    let stale = api.send_with(Method::PATCH, &path, &[("if-match", "\"1\"")], Some(&json!({ "name": "Old" }))).await;
    stale.problem(412, "RESOURCE_003");
    assert_eq!(api.delete(&path).await.status, 204);
    api.get(&path).await.problem(404, "RESOURCE_001");
}

#[tokio::test]
async fn every_fault_of_a_ticket_type_is_named() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, _) = drafted(&server, &api, 5).await;
    let types = format!("{OWN}/{event}/ticket-types");
    let good = json!({ "name": "Child", "quotaId": quota, "price": { "amount": "7.50", "currency": "EUR" } });
    for (member, value, field, code) in [
        ("name", json!(""), "name", "REQUIRED"),
        ("price", json!({ "amount": "7.505", "currency": "EUR" }), "price.amount", "TOO_PRECISE"),
        ("price", json!({ "amount": "-1", "currency": "EUR" }), "price.amount", "OUT_OF_RANGE"),
        ("price", json!({ "amount": "1", "currency": "USD" }), "price.currency", "WRONG_CURRENCY"),
        ("price", json!("1"), "price", "INVALID_TYPE"),
        ("quotaId", json!(Uuid::now_v7()), "quotaId", "UNKNOWN"),
        ("sections", json!([Uuid::now_v7()]), "sections", "NO_SEAT_MAP"),
        ("minPerBooking", json!(0), "minPerBooking", "OUT_OF_RANGE"),
        ("maxPerBooking", json!(101), "maxPerBooking", "OUT_OF_RANGE"),
        ("saleEndsAt", json!("2001-01-01T00:00:00Z"), "saleEndsAt", "OUT_OF_RANGE"),
        ("colour", json!("red"), "colour", "UNKNOWN_FIELD"),
    ] {
        let mut body = good.clone();
        body[member] = value;
        assert_eq!(api.post(&types, &body).await.faults(), [(field.to_owned(), code.to_owned())], "{member}");
    }
    assert_eq!(api.post(&types, &json!({})).await.faults().len(), 3);
    let quotas = format!("{OWN}/{event}/quotas");
    assert_eq!(api.post(&quotas, &json!({ "name": "Floor", "capacity": 100_000_001 })).await.faults()[0].0, "capacity");
    assert_eq!(api.post(&quotas, &json!({ "capacity": -1 })).await.faults()[0].0, "capacity");
}

/// Guards: `is_taken`, the trigger behind it, and the foreign key of quotas.
#[tokio::test]
async fn what_is_sold_stays() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, kind) = published(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let other = api.post(&format!("{path}/quotas"), &json!({ "name": "Balcony", "capacity": 3 })).await.created();
    let buyer = server.signed_in().await;
    let hold = json!({ "items": [{ "ticketTypeId": kind, "quantity": 1 }] });
    let held =
        buyer.send(Method::POST, &format!("/api/v1/events/{event}/holds"), Some("h"), Some(&hold)).await.created();
    let types = format!("{path}/ticket-types/{kind}");
    api.delete(&types).await.problem(409, "RESOURCE_005");
    buyer.delete(&format!("/api/v1/holds/{}", held["id"].as_str().unwrap())).await;
    book(&buyer, event, kind, 1).await.created();
    api.delete(&types).await.problem(409, "RESOURCE_005");
    api.change(&types, &json!({ "quotaId": other["id"] })).await.problem(409, "RESOURCE_005");
    api.delete(&format!("{path}/quotas/{quota}")).await.problem(409, "RESOURCE_005");
    let balcony = format!("{path}/quotas/{}", other["id"].as_str().unwrap());
    assert_eq!(api.delete(&balcony).await.status, 204);
    book(&buyer, event, kind, 1).await.created();
    server.audit().await;
}
