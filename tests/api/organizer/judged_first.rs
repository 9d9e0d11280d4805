//! What is refused anyway, and what changes nothing that is decided by, costs no buyer anything: the event's inventory is not paused.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWN, act, admin, book, drafted, organizer, places, published};
use crate::support::{Api, TestServer, events::in_seconds};

/// A counter or gauge of this process; nothing as long as nobody has set it.
pub(super) async fn perhaps_metric(server: &TestServer, name: &str) -> Option<f64> {
    let shown = Api::of_operators(server.running.operations_address).get("/metrics").await;
    let shown = String::from_utf8(shown.body.to_vec()).unwrap();
    let line = shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

/// One that is there from the start.
pub(super) async fn metric(server: &TestServer, name: &str) -> f64 {
    perhaps_metric(server, name).await.unwrap_or_else(|| panic!("no {name}"))
}

/// How often an inventory was paused, and how often it has read its plan again.
async fn disturbed(server: &TestServer) -> (f64, f64) {
    let of = async |what| metric(server, &format!("boxoffice_inventory_{what}_total")).await;
    (of("pauses").await, of("reloads").await)
}

async fn versions(server: &TestServer, event: Uuid) -> i64 {
    server.db.number("SELECT sum(version)::bigint FROM quotas WHERE event_id = $1", &[&event]).await
}

/// Guards: `Judged`. A stranger's requests are 404, and the inventory does not notice them.
#[tokio::test]
async fn a_strangers_requests_pause_nothing() {
    let server = TestServer::start().await;
    let (api, stranger) = (organizer(&server).await, organizer(&server).await);
    let (event, quota, kind) = published(&server, &api, 10).await;
    let path = format!("{OWN}/{event}");
    let code = api.post(&format!("{path}/promo-codes"), &json!({ "code": "OWN", "kind": "ACCESS" })).await.created();
    let code = code["id"].as_str().unwrap();
    book(&server.signed_in().await, event, kind, 1).await.created();
    let (before, version) = (disturbed(&server).await, versions(&server, event).await);
    let title = json!({ "title": "Stolen" });
    let requests = [
        (Method::DELETE, String::new(), Value::Null),
        (Method::PATCH, String::new(), json!({ "maxPerAccount": 1 })),
        (Method::PATCH, String::new(), title),
        (Method::POST, "/publish".to_owned(), Value::Null),
        (Method::POST, "/unpublish".to_owned(), Value::Null),
        (Method::POST, "/cancel".to_owned(), Value::Null),
        (Method::POST, "/archive".to_owned(), Value::Null),
        (Method::PUT, "/seat-map".to_owned(), json!({ "version": 2 })),
        (Method::PUT, "/ticket-types".to_owned(), json!({ "order": [kind] })),
        (Method::PATCH, format!("/quotas/{quota}"), json!({ "capacity": 1 })),
        (Method::DELETE, format!("/quotas/{quota}"), Value::Null),
        (Method::PATCH, format!("/ticket-types/{kind}"), json!({ "maxPerBooking": 1 })),
        (Method::DELETE, format!("/ticket-types/{kind}"), Value::Null),
        (Method::PUT, "/pricing".to_owned(), json!({ "taxRate": "0.19" })),
        (Method::POST, "/promo-codes".to_owned(), json!({ "code": "STOLEN", "kind": "ACCESS" })),
        (Method::PATCH, format!("/promo-codes/{code}"), json!({ "uses": 1 })),
        (Method::DELETE, format!("/promo-codes/{code}"), Value::Null),
        (Method::POST, "/quotas".to_owned(), json!({ "name": "Stolen", "capacity": 1 })),
        (
            Method::POST,
            "/ticket-types".to_owned(),
            json!({ "name": "Stolen", "quotaId": quota, "price": { "amount": "0", "currency": "EUR" } }),
        ),
    ];
    for (method, rest, body) in requests {
        let body = Some(&body).filter(|body| !body.is_null());
        let answer = stranger.send_with(method, &format!("{path}{rest}"), &[("if-match", "*")], body).await;
        answer.problem(404, "RESOURCE_001");
    }
    assert_eq!(disturbed(&server).await, before);
    assert_eq!(versions(&server, event).await, version);
    assert_eq!(places(&server.api, event).await, (0, 1, 9));
}

/// Guards: that revision, state and what is taken are judged before the pause as well.
#[tokio::test]
async fn what_the_organizer_is_refused_pauses_nothing() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, kind) = published(&server, &api, 10).await;
    book(&server.signed_in().await, event, kind, 2).await.created();
    let path = format!("{OWN}/{event}");
    let (quotas, types) = (format!("{path}/quotas"), format!("{path}/ticket-types"));
    let other = api.post(&quotas, &json!({ "name": "Other", "capacity": 5 })).await.created()["id"].clone();
    let codes = format!("{path}/promo-codes");
    let code = json!({ "code": "OWN", "kind": "PERCENT", "value": "0.1", "ticketTypeIds": [kind] });
    let code = api.post(&codes, &code).await.created();
    let code = format!("{codes}/{}", code["id"].as_str().unwrap());
    server.db.execute("UPDATE promo_codes SET used = 2, ever_used = true").await;
    places(&server.api, event).await;
    let before = disturbed(&server).await;
    let old = [("if-match", "\"99\"")];
    for (method, path, body) in [
        (Method::PATCH, path.clone(), Some(json!({ "maxPerAccount": 1 }))),
        (Method::DELETE, path.clone(), None),
        (Method::POST, format!("{path}/cancel"), None),
        (Method::POST, format!("{path}/unpublish"), None),
        (Method::PATCH, format!("{quotas}/{quota}"), Some(json!({ "capacity": 20 }))),
        (Method::DELETE, format!("{quotas}/{quota}"), None),
        (Method::PATCH, format!("{types}/{kind}"), Some(json!({ "maxPerBooking": 3 }))),
        (Method::DELETE, format!("{types}/{kind}"), None),
        (Method::PUT, format!("{path}/pricing"), Some(json!({ "taxRate": "0.19" }))),
        (Method::PATCH, code.clone(), Some(json!({ "uses": 7 }))),
        (Method::DELETE, code.clone(), None),
    ] {
        api.send_with(method, &path, &old, body.as_ref()).await.problem(412, "RESOURCE_003");
    }
    for step in ["publish", "unpublish", "archive"] {
        act(&api, event, step).await.problem(409, "EVENT_001");
    }
    api.delete(&path).await.problem(409, "EVENT_001");
    api.change(&format!("{quotas}/{quota}"), &json!({ "capacity": 1 })).await.problem(409, "EVENT_002");
    api.delete(&format!("{quotas}/{quota}")).await.problem(409, "RESOURCE_005");
    api.change(&format!("{types}/{kind}"), &json!({ "quotaId": other })).await.problem(409, "RESOURCE_005");
    api.delete(&format!("{types}/{kind}")).await.problem(409, "RESOURCE_005");
    for (change, field) in
        [(json!({ "uses": 1 }), "uses"), (json!({ "ticketTypeIds": [Uuid::now_v7()] }), "ticketTypeIds")]
    {
        assert_eq!(api.change(&code, &change).await.faults()[0].0, field);
    }
    api.change(&code, &json!({ "code": "OTHER" })).await.problem(409, "RESOURCE_005");
    api.delete(&code).await.problem(409, "RESOURCE_005");
    api.post(&codes, &json!({ "code": "own", "kind": "ACCESS" })).await.problem(409, "RESOURCE_006");
    let (pricing, wrong) = (format!("{path}/pricing"), json!({ "taxRate": "7" }));
    let wrong = api.send_with(Method::PUT, &pricing, &[("if-match", "*")], Some(&wrong)).await;
    assert_eq!(wrong.faults()[0].0, "taxRate");
    let price = json!({ "amount": "0", "currency": "EUR" });
    let strange = json!({ "name": "Child", "quotaId": Uuid::now_v7(), "price": price });
    assert_eq!(api.post(&types, &strange).await.faults()[0].0, "quotaId");
    let late = json!({ "at": in_seconds(-5) });
    assert_eq!(api.post(&format!("{path}/publish"), &late).await.faults()[0].0, "at");
    assert_eq!(disturbed(&server).await, before);
}

/// The same for a step of a whole series, whose occurrences are asked in turn.
#[tokio::test]
async fn a_step_that_an_occurrence_can_not_take_does_not_pause_it() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, kind) = drafted(&server, &api, 10).await;
    let path = format!("{OWN}/{event}");
    let body = json!({ "rule": { "frequency": "DAILY", "count": 3 } });
    let series = api.post(&format!("{path}/occurrences"), &body).await.created();
    let series = format!("/api/v1/organizer/series/{}", series["id"].as_str().unwrap());
    api.delete(&format!("{path}/ticket-types/{kind}")).await;
    api.delete(&format!("{path}/quotas/{quota}")).await;
    // Its inventory is loaded.
    until_loaded(&server, event).await;
    let before = disturbed(&server).await;
    let stepped = api.send(Method::POST, &format!("{series}/publish"), None, None).await.ok();
    let outcomes: Vec<_> = stepped["occurrences"].as_array().unwrap().iter().map(|of| &of["outcome"]).collect();
    assert_eq!(outcomes, [&json!("REFUSED"), &json!("CHANGED"), &json!("CHANGED")]);
    assert_eq!(disturbed(&server).await, before, "the first one has nothing to sell, and the others are not loaded");
}

async fn until_loaded(server: &TestServer, event: Uuid) {
    let deadline = tokio::time::Instant::now() + crate::support::PATIENCE;
    server.running.inventories.availability(domain::ids::EventId(event), deadline).await.unwrap();
}

/// Guards: `keeps_plan`. A corrected word stops no sale.
#[tokio::test]
async fn words_pause_nothing_and_a_change_of_nothing_writes_nothing() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    let (event, quota, kind) = published(&server, &api, 10).await;
    boss.post("/api/v1/admin/tags", &json!({ "slug": "jazz", "name": "Jazz" })).await.created();
    let buyer = server.signed_in().await;
    book(&buyer, event, kind, 1).await.created();
    let (before, version) = (disturbed(&server).await, versions(&server, event).await);
    let path = format!("{OWN}/{event}");
    let words = json!({ "title": "A Night", "summary": "Late", "description": "Very late", "tags": ["jazz"], "category": "opera" });
    let changed = api.change(&path, &words).await.ok();
    assert_eq!((&changed["title"], &changed["tags"][0]["slug"]), (&json!("A Night"), &json!("jazz")));
    let (of_quota, of_type) = (format!("{path}/quotas/{quota}"), format!("{path}/ticket-types/{kind}"));
    assert_eq!(api.change(&of_quota, &json!({ "name": "Hall" })).await.ok()["name"], "Hall");
    let renamed = json!({ "name": "Grown-up", "description": "Above 14" });
    assert_eq!(api.change(&of_type, &renamed).await.ok()["name"], "Grown-up");
    // What is said already.
    for (path, body) in [(&path, words), (&of_quota, json!({ "name": "Hall", "capacity": 10 })), (&of_type, renamed)] {
        let revision = api.get(path).await.etag();
        let same = api.change(path, &body).await;
        same.ok();
        assert_eq!(same.etag(), revision, "{path}");
    }
    let order = json!({ "order": [kind] });
    api.send_with(Method::PUT, &format!("{path}/ticket-types"), &[("if-match", "*")], Some(&order)).await.ok();
    assert_eq!(disturbed(&server).await, before);
    assert_eq!(versions(&server, event).await, version);
    // What is decided by is seen at once.
    api.change(&path, &json!({ "maxPerAccount": 1 })).await.ok();
    book(&buyer, event, kind, 1).await.problem(422, "BOOKING_004");
    assert_ne!(disturbed(&server).await, before);
    assert!(versions(&server, event).await > version);
}
