//! What copies of an event cost, as occurrences of a series and as events of their own.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWN, drafted, organizer};
use crate::support::{Api, TestServer, client::uuid, events::in_seconds};

const DAY: i64 = 86_400;

/// Pricing, codes and ticket types of an event, without what differs from copy to copy.
async fn prices(api: &Api, event: Uuid) -> (Value, Value, Value) {
    let path = format!("{OWN}/{event}");
    let pricing = api.get(&format!("{path}/pricing")).await;
    assert_eq!(pricing.etag(), "\"1\"");
    let mut types = api.get(&format!("{path}/ticket-types")).await.ok()["data"].clone();
    let ids: Vec<Value> = types.as_array().unwrap().iter().map(|of| of["id"].clone()).collect();
    let mut codes = api.get(&format!("{path}/promo-codes")).await.ok()["data"].clone();
    for code in codes.as_array_mut().unwrap() {
        for named in code["ticketTypeIds"].as_array_mut().into_iter().flatten() {
            *named = json!(ids.iter().position(|id| id == named).expect("a ticket type of the same event"));
        }
        // By their ids, which are others.
        if let Some(named) = code["ticketTypeIds"].as_array_mut() {
            named.sort_by_key(Value::as_u64);
        }
    }
    for thing in types.as_array_mut().unwrap().iter_mut().chain(codes.as_array_mut().unwrap()) {
        for member in ["id", "quotaId", "createdAt", "updatedAt", "startsAt", "endsAt"] {
            thing.as_object_mut().unwrap().remove(member);
        }
    }
    let mut pricing = pricing.ok();
    pricing["cancellation"].as_object_mut().unwrap().remove("allowedUntil");
    (pricing, codes, types)
}

/// Guards: each column of both statements, and that the codes of a copy are for its own ticket types.
#[tokio::test]
async fn copies_cost_what_the_event_costs() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, kind) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let any = api.with_header("if-match", "*");
    let hidden = json!({
        "name": "Friends", "quotaId": quota, "price": { "amount": "10", "currency": "EUR" }, "hidden": true, "taxRate": "0.05",
    });
    let hidden = api.post(&format!("{path}/ticket-types"), &hidden).await.created();
    let (until, from, to) = (in_seconds(29 * DAY), in_seconds(10 * DAY), in_seconds(20 * DAY));
    let terms = json!({
        "taxRate": "0.19", "taxIncluded": false, "fees": [{ "name": "Service", "kind": "PERCENT", "value": "0.05", "cap": "2" }],
        "cancellation": { "allowedUntil": until, "feePercent": "0.1" }, "holdCap": "PT20M", "paymentWindow": "PT10M",
        "bankTransferWindow": "P3D", "methods": ["card", "bank_transfer"],
    });
    any.send(Method::PUT, &format!("{path}/pricing"), None, Some(&terms)).await.ok();
    let codes = format!("{path}/promo-codes");
    for code in [
        json!({ "code": "ALL", "kind": "PERCENT", "value": "0.1", "uses": 7, "usesPerAccount": 2 }),
        json!({ "code": "BOTH", "kind": "FIXED", "value": "3", "ticketTypeIds": [kind, hidden["id"]] }),
        json!({ "code": "FRIEND", "kind": "ACCESS", "ticketTypeIds": [hidden["id"]], "startsAt": from, "endsAt": to }),
    ] {
        api.post(&codes, &code).await.created();
    }
    let used = "UPDATE promo_codes SET used = 3, ever_used = true WHERE event_id = $1";
    server.client.execute(used, &[&event]).await.unwrap();

    let starts_at = in_seconds(60 * DAY);
    let copy = api.post(&format!("{path}/duplicate"), &json!({ "startsAt": starts_at })).await.created();
    let starts = json!({ "starts": [in_seconds(40 * DAY), in_seconds(50 * DAY)] });
    let series = api.post(&format!("{path}/occurrences"), &starts).await.created();
    let occurrences = series["occurrences"].as_array().unwrap();
    assert_eq!(occurrences.len(), 3);
    let copies: Vec<Uuid> =
        occurrences.iter().chain([&copy]).map(|of| uuid(&of["id"])).filter(|id| *id != event).collect();
    let mut expected = prices(&api, event).await;
    for code in expected.1.as_array_mut().unwrap() {
        code["used"] = json!(0);
    }
    for copy in &copies {
        assert_eq!(prices(&api, *copy).await, expected);
    }
    let ever: i64 = server.db.number("SELECT count(*) FROM promo_codes WHERE ever_used", &[]).await;
    assert_eq!(ever, 3, "those of the event");
    // As far from the beginning as before.
    let path = format!("{OWN}/{}", copies.last().unwrap());
    let pricing = api.get(&format!("{path}/pricing")).await.ok();
    assert_shifted(&pricing["cancellation"]["allowedUntil"], until);
    let codes = api.get(&format!("{path}/promo-codes")).await.ok();
    let friend = codes["data"].as_array().unwrap().iter().find(|code| code["code"] == "FRIEND").unwrap();
    assert_shifted(&friend["startsAt"], from);
    assert_shifted(&friend["endsAt"], to);
}

/// Guards: thirty days later, as the copy; the clocks may have changed in between.
#[track_caller]
fn assert_shifted(shown: &Value, before: jiff::Timestamp) {
    let shown: jiff::Timestamp = shown.as_str().unwrap().parse().unwrap();
    let off = shown.as_second() - before.as_second() - 30 * DAY;
    assert!(off.abs() <= 3600, "{before} is {shown}");
}

/// Guards: what is not said is not said by a copy, and goes with it.
#[tokio::test]
async fn a_copy_of_an_event_without_terms_has_none() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let copied = async || {
        let body = json!({ "startsAt": in_seconds(60 * DAY) });
        let copy = api.post(&format!("{path}/duplicate"), &body).await.created();
        let pricing = api.get(&format!("{OWN}/{}/pricing", copy["id"].as_str().unwrap())).await;
        assert_eq!(pricing.ok()["cancellation"]["allowedUntil"], copy["startsAt"]);
        pricing.etag()
    };
    assert_eq!(copied().await, "\"0\"");
    let terms = json!({ "taxRate": "0.19" });
    api.with_header("if-match", "*").send(Method::PUT, &format!("{path}/pricing"), None, Some(&terms)).await.ok();
    assert_eq!(copied().await, "\"1\"");
}
