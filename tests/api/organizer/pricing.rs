//! On which terms an event is sold.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWN, act, admin, draft, drafted, organizer, published};
use crate::support::{
    Answer, Api, TestServer,
    client::{new_key, uuid},
    events::in_seconds,
};

/// What holds for an event that begins then, when its organizer has said nothing.
fn defaults(starts_at: &Value) -> Value {
    json!({
        "taxRate": "0", "taxIncluded": true, "fees": [],
        "cancellation": { "allowedUntil": starts_at, "feePercent": "0" },
        "holdCap": "PT30M", "paymentWindow": "PT15M", "methods": ["card"], "bankTransferWindow": "P7D",
    })
}

async fn put(api: &Api, path: &str, tag: &str, body: &Value) -> Answer {
    api.send_with(Method::PUT, path, &[("if-match", tag)], Some(body)).await
}

/// Guards: that nothing has to be said, the forms in which everything is shown, and the tags.
#[tokio::test]
async fn terms_are_said_shown_and_said_anew() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}/pricing");
    let starts_at = api.get(&format!("{OWN}/{event}")).await.ok()["startsAt"].clone();
    let shown = api.get(&path).await;
    assert_eq!((shown.ok(), shown.etag().as_str()), (defaults(&starts_at), "\"0\""));

    let said = json!({
        "taxRate": "0.190", "taxIncluded": false,
        "fees": [
            { "name": " Service ", "kind": "PERCENT", "value": "0.05", "cap": "2.5" },
            { "name": "Theatre", "kind": "FIXED_PER_TICKET", "value": "1" },
            { "name": "Post", "kind": "FIXED_PER_BOOKING", "value": "4.90", "cap": null },
        ],
        "cancellation": { "allowedUntil": "2027-03-01T18:00:00.5Z", "feePercent": "0.1" },
        "holdCap": "PT90M", "paymentWindow": "PT5S", "methods": ["bank_transfer", "card", "card"], "bankTransferWindow": "P2W",
    });
    let expected = json!({
        "taxRate": "0.19", "taxIncluded": false,
        "fees": [
            { "name": "Service", "kind": "PERCENT", "value": "0.05", "cap": "2.50" },
            { "name": "Theatre", "kind": "FIXED_PER_TICKET", "value": "1.00" },
            { "name": "Post", "kind": "FIXED_PER_BOOKING", "value": "4.90" },
        ],
        "cancellation": { "allowedUntil": "2027-03-01T18:00:00.5Z", "feePercent": "0.1" },
        "holdCap": "PT1H30M", "paymentWindow": "PT5S", "methods": ["card", "bank_transfer"], "bankTransferWindow": "P14D",
    });
    let answer = put(&api, &path, "\"0\"", &said).await;
    assert_eq!((answer.ok(), answer.etag().as_str()), (expected.clone(), "\"1\""));
    let shown = api.get(&path).await;
    assert_eq!((shown.ok(), shown.etag()), (expected.clone(), answer.etag()));
    assert_eq!(put(&api, &path, "*", &expected).await.etag(), "\"1\"", "what is shown is what it is");
    put(&api, &path, "\"0\"", &json!({})).await.problem(412, "RESOURCE_003");
    api.send(Method::PUT, &path, None, Some(&json!({}))).await.problem(428, "RESOURCE_004");

    let anew = put(&api, &path, "\"1\"", &json!({ "taxRate": null, "fees": null, "cancellation": null })).await;
    assert_eq!((anew.ok(), anew.etag().as_str()), (defaults(&starts_at), "\"2\""), "what is left out has its default");
    let boss = admin(&server).await;
    let any = path.replace("organizer", "admin");
    assert_eq!(put(&boss, &any, "*", &json!({ "holdCap": "P1D" })).await.ok()["holdCap"], "P1D");
    assert_eq!(api.get(&path).await.ok(), boss.get(&any).await.ok());
}

/// Guards: that who sends back what was shown has not fixed the end of cancelling, which goes with the event.
#[tokio::test]
async fn cancelling_ends_when_the_event_begins() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let (of, path) = (format!("{OWN}/{event}"), format!("{OWN}/{event}/pricing"));
    let mut shown = api.get(&path).await.ok();
    shown["taxRate"] = json!("0.07");
    put(&api, &path, "*", &shown).await.ok();
    let moved = json!({ "startsAt": in_seconds(40 * 86_400), "endsAt": in_seconds(41 * 86_400) });
    let moved = api.change(&of, &moved).await.ok();
    assert_eq!(api.get(&path).await.ok()["cancellation"]["allowedUntil"], moved["startsAt"]);
}

#[tokio::test]
async fn every_fault_of_the_terms_is_named() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}/pricing");
    let fee = |kind: &str, value: &str| json!({ "name": "Service", "kind": kind, "value": value });
    let capped = json!([{ "name": "Service", "kind": "FIXED_PER_TICKET", "value": "1", "cap": "1" }]);
    let many = vec![fee("FIXED_PER_TICKET", "1"); 11];
    for (member, value, field, code) in [
        ("taxRate", json!("1.1"), "taxRate", "OUT_OF_RANGE"),
        ("taxRate", json!("19%"), "taxRate", "INVALID"),
        ("taxRate", json!("0.1234567"), "taxRate", "TOO_PRECISE"),
        ("taxRate", json!(0.19), "taxRate", "INVALID_TYPE"),
        ("taxIncluded", json!("yes"), "taxIncluded", "INVALID_TYPE"),
        ("fees", json!([{ "name": "", "kind": "PERCENT", "value": "0.1" }]), "fees[0].name", "REQUIRED"),
        ("fees", json!([fee("TIP", "1")]), "fees[0].kind", "INVALID"),
        ("fees", json!([fee("PERCENT", "0.1"), fee("PERCENT", "10")]), "fees[1].value", "OUT_OF_RANGE"),
        ("fees", json!([fee("FIXED_PER_TICKET", "1.005")]), "fees[0].value", "TOO_PRECISE"),
        ("fees", json!([fee("FIXED_PER_BOOKING", "1000000.01")]), "fees[0].value", "OUT_OF_RANGE"),
        ("fees", json!([fee("FIXED_PER_BOOKING", "-1")]), "fees[0].value", "OUT_OF_RANGE"),
        ("fees", capped, "fees[0].cap", "NOT_ALLOWED"),
        ("fees", json!(many), "fees", "TOO_MANY"),
        ("fees", json!([{ "colour": "red" }]), "fees[0].colour", "UNKNOWN_FIELD"),
        ("cancellation", json!({ "feePercent": "2" }), "cancellation.feePercent", "OUT_OF_RANGE"),
        (
            "cancellation",
            json!({ "allowedUntil": "3000-01-01T00:00:00Z" }),
            "cancellation.allowedUntil",
            "OUT_OF_RANGE",
        ),
        ("holdCap", json!("PT4S"), "holdCap", "OUT_OF_RANGE"),
        ("holdCap", json!("half an hour"), "holdCap", "INVALID"),
        ("paymentWindow", json!("P61D"), "paymentWindow", "OUT_OF_RANGE"),
        ("bankTransferWindow", json!("P1M"), "bankTransferWindow", "INVALID"),
        ("methods", json!([]), "methods", "REQUIRED"),
        ("methods", json!(["card", "cash"]), "methods", "INVALID"),
        ("colour", json!("red"), "colour", "UNKNOWN_FIELD"),
    ] {
        let answer = put(&api, &path, "*", &json!({ member: value })).await;
        assert_eq!(answer.faults(), [(field.to_owned(), code.to_owned())], "{member}: {value}");
    }
    let several = json!({ "taxRate": "x", "fees": [{}], "holdCap": "x", "methods": ["cash"] });
    let fields: Vec<String> = put(&api, &path, "*", &several).await.faults().into_iter().map(|of| of.0).collect();
    assert_eq!(fields, ["taxRate", "fees[0].name", "fees[0].kind", "holdCap", "methods"]);
    assert_eq!(api.get(&path).await.etag(), "\"0\"", "nothing was written");
}

/// Guards: the gateway's step, which is coarser than the digits of some currencies, for prices as well.
#[tokio::test]
async fn amounts_fit_the_currency_of_the_event() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let mut body = draft(&server).await;
    body["currency"] = json!("KWD");
    let event = uuid(&api.post(OWN, &body).await.created()["id"]);
    let path = format!("{OWN}/{event}");
    let fee = |value: &str| json!({ "fees": [{ "name": "Service", "kind": "FIXED_PER_TICKET", "value": value }] });
    let pricing = format!("{path}/pricing");
    assert_eq!(put(&api, &pricing, "*", &fee("1.125")).await.faults()[0].1, "TOO_PRECISE");
    assert_eq!(put(&api, &pricing, "*", &fee("1.12")).await.ok()["fees"][0]["value"], "1.120");
    let quota = api.post(&format!("{path}/quotas"), &json!({ "name": "Floor", "capacity": 5 })).await.created();
    let price = json!({ "amount": "1.125", "currency": "KWD" });
    let kind = json!({ "name": "Adult", "quotaId": quota["id"], "price": price });
    assert_eq!(api.post(&format!("{path}/ticket-types"), &kind).await.faults()[0].1, "TOO_PRECISE");
    for unknown in ["ZZZ", "XXX", "eur"] {
        body["currency"] = json!(unknown);
        assert_eq!(api.post(OWN, &body).await.faults(), [("currency".to_owned(), "INVALID".to_owned())], "{unknown}");
    }
}

/// Guards: `HAS_AMOUNTS`. Nobody is charged five yen for what was said in euros.
#[tokio::test]
async fn the_currency_stays_while_amounts_are_said_in_it() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let event = uuid(&api.post(OWN, &draft(&server).await).await.created()["id"]);
    let (of, path) = (format!("{OWN}/{event}"), format!("{OWN}/{event}/pricing"));
    let fees = |fee: Value| json!({ "fees": [fee] });
    let change = async |currency: &str| api.change(&of, &json!({ "currency": currency })).await;
    let (percent, capped) = (
        json!({ "name": "Service", "kind": "PERCENT", "value": "0.05" }),
        json!({ "name": "Service", "kind": "PERCENT", "value": "0.05", "cap": "2" }),
    );
    put(&api, &path, "*", &fees(percent)).await.ok();
    assert_eq!(change("JPY").await.ok()["currency"], "JPY", "a rate is one in any currency");
    for amount in [capped, json!({ "name": "Service", "kind": "FIXED_PER_BOOKING", "value": "2" })] {
        put(&api, &path, "*", &fees(amount)).await.ok();
        change("EUR").await.problem(409, "EVENT_001");
    }
    put(&api, &path, "*", &json!({})).await.ok();
    assert_eq!(change("EUR").await.ok()["currency"], "EUR");
}

/// Guards: `Judged`, and the owner. What a cancelled event cost stays as it is.
#[tokio::test]
async fn only_what_may_be_changed_is_changed() {
    let server = TestServer::start().await;
    let (api, stranger) = (organizer(&server).await, organizer(&server).await);
    let (event, ..) = published(&server, &api, 5).await;
    let path = format!("{OWN}/{event}/pricing");
    stranger.get(&path).await.problem(404, "RESOURCE_001");
    put(&stranger, &path, "*", &json!({ "taxRate": "x" })).await.problem(404, "RESOURCE_001");
    server.signed_in().await.get(&path).await.problem(403, "AUTH_004");
    api.get(&format!("{OWN}/{}/pricing", Uuid::now_v7())).await.problem(404, "RESOURCE_001");
    act(&api, event, "cancel").await.ok();
    put(&api, &path, "*", &json!({ "taxRate": "0.1" })).await.problem(409, "EVENT_001");
    assert_eq!(api.get(&path).await.ok()["taxRate"], "0");
}

/// Guards: `change_plan`. Whoever waits in a running sale is served by the new terms.
#[tokio::test]
async fn a_running_sale_reads_new_terms() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 50).await;
    let buyer = server.signed_in().await;
    let hold = json!({ "items": [{ "ticketTypeId": kind, "quantity": 1 }] });
    let hold = async || {
        buyer.send(Method::POST, &format!("/api/v1/events/{event}/holds"), Some(&new_key()), Some(&hold)).await
    };
    hold().await.created();
    let version =
        async || server.db.number("SELECT sum(version)::bigint FROM quotas WHERE event_id = $1", &[&event]).await;
    let before = version().await;
    put(&api, &format!("{OWN}/{event}/pricing"), "*", &json!({ "taxRate": "0.1" })).await.ok();
    assert_eq!(version().await, before + 1, "what was decided on the old terms is refused");
    hold().await.created();
    server.audit().await;
}
