//! Promo codes, as organizers manage them. What they do to prices, `tests/api/quotes/codes.rs` says.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWN, act, admin, draft, drafted, organizer, published};
use crate::support::{
    Answer, Api, TestServer,
    client::{instant, new_key, uuid},
    events::in_seconds,
};

/// As if so many holds and bookings had it.
async fn use_it(server: &TestServer, code: &Value, times: i32) {
    let statement = "UPDATE promo_codes SET used = $2, ever_used = true WHERE id = $1";
    server.client.execute(statement, &[&uuid(&code["id"]), &times]).await.unwrap();
}

async fn put(api: &Api, path: &str, body: &Value) -> Answer {
    api.send_with(Method::PUT, path, &[("if-match", "*")], Some(body)).await
}

fn at(path: &str, code: &Value) -> String {
    format!("{path}/{}", code["id"].as_str().unwrap())
}

/// Guards: every member, in the form in which it is shown, and what a change, a replacement and a deletion do.
#[tokio::test]
async fn a_code_is_made_shown_changed_and_deleted() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}/promo-codes");
    let body = json!({
        "code": " spring-26 ", "kind": "FIXED", "value": "5", "uses": 100, "usesPerAccount": 2, "ticketTypeIds": [kind, kind],
        "startsAt": "2027-01-01T00:00:00+01:00", "endsAt": "2027-02-01T00:00:00Z",
    });
    let made = api.post(&path, &body).await;
    let shown = made.created();
    let mut expected = json!({
        "code": "SPRING-26", "kind": "FIXED", "value": "5.00", "uses": 100, "usesPerAccount": 2, "ticketTypeIds": [kind],
        "startsAt": "2026-12-31T23:00:00Z", "endsAt": "2027-02-01T00:00:00Z", "used": 0,
    });
    for member in ["id", "createdAt", "updatedAt"] {
        expected[member] = shown[member].clone();
    }
    assert_eq!(shown, expected);
    let one = at(&path, &shown);
    assert_eq!((made.header("location"), made.etag().as_str()), (Some(&*one), "\"1\""));
    assert_eq!(api.get(&one).await.ok(), shown);

    let changed =
        api.change(&one, &json!({ "kind": "PERCENT", "value": "0.10", "uses": null, "startsAt": null })).await;
    let shown = changed.ok();
    assert_eq!((&shown["kind"], &shown["value"], shown.get("uses")), (&json!("PERCENT"), &json!("0.1"), None));
    assert_eq!((shown.get("startsAt"), &shown["usesPerAccount"]), (None, &json!(2)));
    assert!(instant(&shown["updatedAt"]) > instant(&shown["createdAt"]));
    assert_eq!(changed.etag(), "\"2\"");
    assert_eq!(api.change(&one, &json!({ "code": "Spring-26" })).await.etag(), "\"2\"", "it is called so already");
    api.patch(&one, &json!({ "uses": 1 })).await.problem(428, "RESOURCE_004");
    let stale = api.send_with(Method::PATCH, &one, &[("if-match", "\"1\"")], Some(&json!({ "uses": 1 }))).await;
    stale.problem(412, "RESOURCE_003");

    let replaced = put(&api, &one, &json!({ "code": "door", "kind": "ACCESS" })).await.ok();
    let members: Vec<&String> = replaced.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["code", "createdAt", "id", "kind", "updatedAt", "used"],
        "what is not said is as for a new one"
    );
    let boss = admin(&server).await;
    assert_eq!(boss.get(&one.replace("organizer", "admin")).await.ok(), replaced);
    assert_eq!(api.delete(&one).await.status, 204);
    api.get(&one).await.problem(404, "RESOURCE_001");
    api.delete(&one).await.problem(404, "RESOURCE_001");
}

/// Guards: the key, under which what means the same is the same.
#[tokio::test]
async fn a_request_makes_one_code() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}/promo-codes");
    let key = new_key();
    let post = async |body: Value| api.send(Method::POST, &path, Some(&key), Some(&body)).await;
    let first = post(json!({ "code": "SPRING", "kind": "PERCENT", "value": "0.1" })).await;
    let again = post(json!({ "code": "spring ", "kind": "PERCENT", "value": "0.10", "uses": null })).await;
    assert_eq!((again.created(), again.is_replay()), (first.created(), true));
    post(json!({ "code": "SPRING", "kind": "PERCENT", "value": "0.2" })).await.problem(422, "IDEMPOTENCY_002");
    assert_eq!(api.get(&path).await.ok()["pagination"]["total"], 1);
}

#[tokio::test]
async fn every_fault_of_a_code_is_named() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let ((event, ..), (_, _, foreign)) = (drafted(&server, &api, 5).await, drafted(&server, &api, 5).await);
    let path = format!("{OWN}/{event}/promo-codes");
    let good = json!({ "code": "SPRING", "kind": "PERCENT", "value": "0.1" });
    for (change, field, code) in [
        (json!({ "code": "" }), "code", "REQUIRED"),
        (json!({ "code": "A" }), "code", "INVALID"),
        (json!({ "code": "A B" }), "code", "INVALID"),
        (json!({ "code": "ÄRGER" }), "code", "INVALID"),
        (json!({ "code": "A".repeat(65) }), "code", "INVALID"),
        (json!({ "kind": "GIFT" }), "kind", "INVALID"),
        (json!({ "value": null }), "value", "REQUIRED"),
        (json!({ "value": "0" }), "value", "OUT_OF_RANGE"),
        (json!({ "value": "1.01" }), "value", "OUT_OF_RANGE"),
        (json!({ "value": "10%" }), "value", "INVALID"),
        (json!({ "value": 0.1 }), "value", "INVALID_TYPE"),
        (json!({ "kind": "ACCESS" }), "value", "NOT_ALLOWED"),
        (json!({ "kind": "FIXED", "value": "1.005" }), "value", "TOO_PRECISE"),
        (json!({ "kind": "FIXED", "value": "-5" }), "value", "OUT_OF_RANGE"),
        (json!({ "uses": 0 }), "uses", "OUT_OF_RANGE"),
        (json!({ "uses": 1_000_001 }), "uses", "OUT_OF_RANGE"),
        (json!({ "uses": -1 }), "uses", "INVALID_TYPE"),
        (json!({ "usesPerAccount": 0 }), "usesPerAccount", "OUT_OF_RANGE"),
        (json!({ "ticketTypeIds": [foreign] }), "ticketTypeIds", "UNKNOWN"),
        (json!({ "ticketTypeIds": ["x"] }), "ticketTypeIds[0]", "INVALID"),
        (json!({ "startsAt": "tomorrow" }), "startsAt", "INVALID"),
        (json!({ "endsAt": "3000-01-01T00:00:00Z" }), "endsAt", "OUT_OF_RANGE"),
        (json!({ "startsAt": "2027-01-01T00:00:00Z", "endsAt": "2027-01-01T00:00:00Z" }), "endsAt", "OUT_OF_RANGE"),
        (json!({ "used": 1 }), "used", "UNKNOWN_FIELD"),
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let faults = api.post(&path, &body).await.faults();
        assert_eq!(faults.len(), 1, "{change}: {faults:?}");
        assert_eq!(faults[0].0, field, "{change}");
        // By serde, whose names of faults are its own matter.
        assert!(faults[0].1 == code || ["INVALID", "INVALID_TYPE"].contains(&code), "{change}: {faults:?}");
    }
    let fields: Vec<String> = api.post(&path, &json!({})).await.faults().into_iter().map(|of| of.0).collect();
    assert_eq!(fields, ["code", "kind"]);
    let most = json!({ "code": "MOST", "kind": "FIXED", "value": "1000000" });
    assert_eq!(api.post(&path, &most).await.created()["value"], "1000000.00");
    assert_eq!(api.get(&path).await.ok()["pagination"]["total"], 1);
}

/// Guards: the event row's lock, under which names are compared without case, and that other events have theirs.
#[tokio::test]
async fn two_codes_of_an_event_are_called_otherwise() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let ((event, ..), (other, ..)) = (drafted(&server, &api, 5).await, drafted(&server, &api, 5).await);
    let path = format!("{OWN}/{event}/promo-codes");
    let code = |name: &str| json!({ "code": name, "kind": "ACCESS" });
    api.post(&path, &code("SPRING")).await.created();
    let taken = api.post(&path, &code("spring")).await.problem(409, "RESOURCE_006");
    assert_eq!((&taken["errors"][0]["field"], &taken["errors"][0]["code"]), (&json!("code"), &json!("TAKEN")));
    let second = api.post(&path, &code("AUTUMN")).await.created();
    api.change(&at(&path, &second), &code("Spring")).await.problem(409, "RESOURCE_006");
    api.post(&format!("{OWN}/{other}/promo-codes"), &code("SPRING")).await.created();
    let winter = code("WINTER");
    let answers = futures_util::future::join_all((0..8).map(|_| api.post(&path, &winter))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().filter(|answer| answer.status != 201).all(|answer| answer.status == 409));
}

/// Guards: what of a code that is or was used stays.
#[tokio::test]
async fn what_is_used_stays() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}/promo-codes");
    let code =
        api.post(&path, &json!({ "code": "SPRING", "kind": "PERCENT", "value": "0.1", "uses": 5 })).await.created();
    let one = at(&path, &code);
    let tag = api.get(&one).await.etag();
    use_it(&server, &code, 3).await;
    let shown = api.get(&one).await;
    assert_eq!((&shown.ok()["used"], shown.etag()), (&json!(3), tag), "what is counted is in no revision");
    let fewer = api.change(&one, &json!({ "uses": 2 })).await.faults();
    assert_eq!(fewer, [("uses".to_owned(), "BELOW_USED".to_owned())]);
    assert_eq!(api.change(&one, &json!({ "uses": 3 })).await.ok()["uses"], 3);
    api.change(&one, &json!({ "code": "SUMMER" })).await.problem(409, "RESOURCE_005");
    api.delete(&one).await.problem(409, "RESOURCE_005");
    use_it(&server, &code, 0).await;
    api.delete(&one).await.problem(409, "RESOURCE_005");
    api.change(&one, &json!({ "code": "SUMMER" })).await.problem(409, "RESOURCE_005");
    let ended = api.change(&one, &json!({ "endsAt": in_seconds(-60), "value": "0.2" })).await.ok();
    assert_eq!((&ended["code"], &ended["value"]), (&json!("SPRING"), &json!("0.2")));
}

/// Guards: a code for one ticket type never becomes one for all.
#[tokio::test]
async fn a_ticket_type_that_a_code_names_stays() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}/promo-codes");
    let code = api.post(&path, &json!({ "code": "SPRING", "kind": "ACCESS", "ticketTypeIds": [kind] })).await.created();
    let of_type = format!("{OWN}/{event}/ticket-types/{kind}");
    let refused = api.delete(&of_type).await.problem(409, "RESOURCE_005");
    assert!(refused["detail"].as_str().unwrap().contains("promo code"), "{refused}");
    api.change(&at(&path, &code), &json!({ "ticketTypeIds": [] })).await.ok();
    assert_eq!(api.delete(&of_type).await.status, 204);
}

/// Guards: `PROMO_CODES_MAX`, under the lock of the event.
#[tokio::test]
async fn an_event_has_at_most_a_thousand_codes() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let fill = "INSERT INTO promo_codes (id, event_id, code, kind)
        SELECT gen_random_uuid(), $1, 'CODE-' || lpad(n::text, 4, '0'), 'ACCESS' FROM generate_series(1, 999) n";
    server.client.execute(fill, &[&event]).await.unwrap();
    let path = format!("{OWN}/{event}/promo-codes");
    let last = api.post(&path, &json!({ "code": "LAST", "kind": "ACCESS" })).await.created();
    let more = api.post(&path, &json!({ "code": "MORE", "kind": "ACCESS" })).await;
    assert_eq!(more.faults(), [(String::new(), "TOO_MANY_CODES".to_owned())]);
    api.change(&at(&path, &last), &json!({ "uses": 7 })).await.ok();
    assert_eq!(api.delete(&at(&path, &last)).await.status, 204);
    api.post(&path, &json!({ "code": "MORE", "kind": "ACCESS" })).await.created();
    let shown = api.get(&format!("{path}?limit=100&offset=900")).await.ok();
    assert_eq!((&shown["pagination"]["total"], &shown["data"][0]["code"]), (&json!(1000), &json!("CODE-0901")));
}

/// Guards: `HAS_AMOUNTS`.
#[tokio::test]
async fn the_currency_stays_while_a_code_is_an_amount() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let event = uuid(&api.post(OWN, &draft(&server).await).await.created()["id"]);
    let (of, path) = (format!("{OWN}/{event}"), format!("{OWN}/{event}/promo-codes"));
    let code = api.post(&path, &json!({ "code": "FIVE", "kind": "FIXED", "value": "5" })).await.created();
    api.change(&of, &json!({ "currency": "JPY" })).await.problem(409, "EVENT_001");
    api.change(&at(&path, &code), &json!({ "kind": "PERCENT", "value": "0.5" })).await.ok();
    assert_eq!(api.change(&of, &json!({ "currency": "JPY" })).await.ok()["currency"], "JPY");
    let wrong = api.change(&at(&path, &code), &json!({ "kind": "FIXED", "value": "5.50" })).await;
    assert_eq!(wrong.faults(), [("value".to_owned(), "TOO_PRECISE".to_owned())]);
}

/// Guards: `Judged` and the owner.
#[tokio::test]
async fn only_what_may_be_changed_is_changed() {
    let server = TestServer::start().await;
    let (api, stranger) = (organizer(&server).await, organizer(&server).await);
    let ((event, ..), (other, ..)) = (published(&server, &api, 5).await, drafted(&server, &api, 5).await);
    let path = format!("{OWN}/{event}/promo-codes");
    let code = api.post(&path, &json!({ "code": "SPRING", "kind": "ACCESS" })).await.created();
    let one = at(&path, &code);
    for of in [&path, &one] {
        stranger.get(of).await.problem(404, "RESOURCE_001");
        server.signed_in().await.get(of).await.problem(403, "AUTH_004");
    }
    stranger.post(&path, &json!({ "code": "?" })).await.problem(404, "RESOURCE_001");
    put(&stranger, &one, &json!({ "code": "?" })).await.problem(404, "RESOURCE_001");
    stranger.delete(&one).await.problem(404, "RESOURCE_001");
    // Of another event of the same organizer, and of none.
    api.get(&at(&format!("{OWN}/{other}/promo-codes"), &code)).await.problem(404, "RESOURCE_001");
    api.get(&format!("{path}/{}", Uuid::now_v7())).await.problem(404, "RESOURCE_001");
    act(&api, event, "cancel").await.ok();
    api.post(&path, &json!({ "code": "LATE", "kind": "ACCESS" })).await.problem(409, "EVENT_001");
    api.change(&one, &json!({ "uses": 7 })).await.problem(409, "EVENT_001");
    api.delete(&one).await.problem(409, "EVENT_001");
    assert_eq!(api.get(&one).await.ok(), code);
}
