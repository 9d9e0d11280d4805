//! Events: made, listed, changed, deleted.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWN, account, act, admin, book, draft, drafted, organizer, published};
use crate::{
    events::assert_parameters_are_checked,
    support::{
        TestServer,
        client::{instant, new_key, uuid},
        events::in_seconds,
    },
};

#[tokio::test]
async fn an_event_is_made_shown_changed_and_deleted() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let mut body = draft(&server).await;
    body["tags"] = json!([]);
    let made = api.post(OWN, &body).await;
    let json = made.created();
    let path = format!("{OWN}/{}", json["id"].as_str().unwrap());
    assert_eq!((made.header("location"), made.etag().as_str()), (Some(path.as_str()), "\"1\""));
    for (member, expected) in body.as_object().unwrap() {
        assert_eq!(&json[member], expected, "{member}");
    }
    assert_eq!((&json["status"], &json["saleEndsAt"]), (&json!("DRAFT"), &body["startsAt"]));
    assert!(json["slug"].as_str().unwrap().starts_with("an-evening-"));
    instant(&json["createdAt"]);
    assert_eq!(api.get(&path).await.ok(), json);

    let changed = api.change(&path, &json!({ "title": "Another Evening", "maxPerAccount": 4 })).await;
    let expected = (json!("Another Evening"), json!(4), json["slug"].clone());
    let shown = changed.ok();
    assert_eq!((shown["title"].clone(), shown["maxPerAccount"].clone(), shown["slug"].clone()), expected);
    assert_eq!(changed.etag(), "\"2\"");
    assert_eq!(api.change(&path, &json!({ "maxPerAccount": null })).await.ok()["maxPerAccount"], Value::Null);
    // All that a full replacement does not say is as in a new event.
    let whole = api.send_with(Method::PUT, &path, &[("if-match", "\"3\"")], Some(&draft(&server).await)).await.ok();
    assert_eq!((&whole["title"], &whole["slug"]), (&json!("An Evening"), &json["slug"]));

    assert_eq!(api.delete(&path).await.status, 204);
    api.get(&path).await.problem(404, "RESOURCE_001");
    api.delete(&path).await.problem(404, "RESOURCE_001");
}

/// Guards: `is_expected`, and that `If-Match` is asked for.
#[tokio::test]
async fn nobody_overwrites_what_they_have_not_seen() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let path = format!("{OWN}/{}", api.post(OWN, &draft(&server).await).await.created()["id"].as_str().unwrap());
    let title = |title: &str| json!({ "title": title });
    api.patch(&path, &title("Unseen")).await.problem(428, "RESOURCE_004");
    let send =
        async |tag: &str, body: Value| api.send_with(Method::PATCH, &path, &[("if-match", tag)], Some(&body)).await;
    send("\"1\"", title("First")).await.ok();
    for stale in ["\"1\"", "W/\"2\"", "\"3\"", "2", "\"x\"", "\"1\", \"3\""] {
        send(stale, title("Second")).await.problem(412, "RESOURCE_003");
    }
    assert_eq!(api.get(&path).await.ok()["title"], "First");
    send("*", title("Whatever")).await.ok();
    let delete = api.send_with(Method::DELETE, &path, &[("if-match", "\"1\"")], None).await;
    delete.problem(412, "RESOURCE_003");
    // Two at once: one of them has seen what is there.
    let (one, other) = tokio::join!(send("\"3\"", title("One")), send("\"3\"", title("Other")));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);

    let known = api.send_with(Method::GET, &path, &[("if-none-match", "W/\"4\"")], None).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    assert_eq!(api.send_with(Method::GET, &path, &[("if-none-match", "\"3\"")], None).await.status, 200);
}

#[tokio::test]
async fn every_fault_of_an_event_is_named() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let good = draft(&server).await;
    let fault = async |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        let faults = api.post(OWN, &body).await.faults();
        assert_eq!(faults.len(), 1, "{member}: {faults:?}");
        faults.into_iter().next().unwrap()
    };
    let past = in_seconds(-60);
    for (member, value, code) in [
        ("title", json!("A"), "TOO_SHORT"),
        ("title", json!(7), "INVALID_TYPE"),
        ("slug", json!("No Slug"), "INVALID_SLUG"),
        ("description", json!("d".repeat(10_001)), "TOO_LONG"),
        ("category", json!("no-such-category"), "UNKNOWN"),
        ("venueId", json!(Uuid::now_v7()), "UNKNOWN"),
        ("seatMapId", json!(Uuid::now_v7()), "UNKNOWN"),
        ("endsAt", good["startsAt"].clone(), "OUT_OF_RANGE"),
        ("timeZone", json!("Mars/Olympus"), "UNKNOWN"),
        ("currency", json!("euro"), "INVALID"),
        ("saleEndsAt", json!(in_seconds(40 * 86_400)), "OUT_OF_RANGE"),
        ("maxPerAccount", json!(0), "OUT_OF_RANGE"),
        ("tags", json!(["no-such-tag"]), "UNKNOWN"),
        ("colour", json!("red"), "UNKNOWN_FIELD"),
        ("organizerId", json!(Uuid::now_v7()), "UNKNOWN_FIELD"),
    ] {
        assert_eq!(fault(member, value).await, (member.to_owned(), code.to_owned()));
    }
    let mut begun = good.clone();
    (begun["startsAt"], begun["saleEndsAt"]) = (json!(past), good["endsAt"].clone());
    assert_eq!(api.post(OWN, &begun).await.faults(), [("startsAt".to_owned(), "NOT_IN_FUTURE".to_owned())]);
    assert_eq!(api.post(OWN, &json!({})).await.faults().len(), 7);
    let (mut one, mut other) = (good.clone(), good);
    (one["slug"], other["slug"]) = (json!("the-one"), json!("the-one"));
    api.post(OWN, &one).await.created();
    api.post(OWN, &other).await.problem(409, "RESOURCE_006");
}

/// Guards: `once`. A request is named for its account, and a name stands for one request.
#[tokio::test]
async fn a_repeated_request_makes_one_event() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (key, body) = (new_key(), draft(&server).await);
    let first = api.send(Method::POST, OWN, Some(&key), Some(&body)).await;
    let again = api.send(Method::POST, OWN, Some(&key), Some(&body)).await;
    assert_eq!(again.created(), first.created());
    assert_eq!((first.is_replay(), again.is_replay()), (false, true));
    assert_eq!(again.header("location"), first.header("location"));
    let mut changed = body.clone();
    changed["title"] = json!("Another");
    api.send(Method::POST, OWN, Some(&key), Some(&changed)).await.problem(422, "IDEMPOTENCY_002");
    // What was refused made nothing: the key is free for the corrected request.
    let (other, mut wrong) = (new_key(), body.clone());
    wrong["category"] = json!("nothing");
    api.send(Method::POST, OWN, Some(&other), Some(&wrong)).await.faults();
    assert!(!api.send(Method::POST, OWN, Some(&other), Some(&body)).await.is_replay());
    let elsewhere = organizer(&server).await;
    assert!(!elsewhere.send(Method::POST, OWN, Some(&key), Some(&body)).await.is_replay());
    // A request that broke off after its commit is finished by its repetition, with the same id.
    server.db.execute("UPDATE request_keys SET done = false, began_at = now() - interval '2 minutes'").await;
    assert_eq!(api.send(Method::POST, OWN, Some(&key), Some(&body)).await.created()["id"], first.json()["id"]);
    server.db.execute("UPDATE request_keys SET done = false, began_at = now()").await;
    let running = api.send(Method::POST, OWN, Some(&key), Some(&body)).await;
    running.problem(409, "IDEMPOTENCY_003");
    assert!(running.header("retry-after").is_some());
    assert_eq!(api.get(OWN).await.ok()["pagination"]["total"], 2);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    let mut ids = Vec::new();
    for (day, title) in [(3, "Third"), (1, "First"), (2, "100% Second")] {
        let mut body = draft(&server).await;
        let at = |hours: i64| json!(in_seconds((40 + day) * 86_400 + hours * 3600));
        (body["startsAt"], body["endsAt"], body["title"]) = (at(0), at(1), json!(title));
        ids.push(api.post(OWN, &body).await.created()["id"].clone());
    }
    let other = organizer(&server).await;
    published(&server, &other, 5).await;
    let list = async |query: &str| {
        let page = api.get(&format!("{OWN}?{query}")).await.ok();
        page["data"].as_array().unwrap().iter().map(|event| event["id"].clone()).collect::<Vec<_>>()
    };
    let by_start = [&ids[1], &ids[2], &ids[0]].map(Clone::clone);
    assert_eq!(list("").await, by_start);
    assert_eq!(list("sort=-startsAt").await, [&ids[0], &ids[2], &ids[1]].map(Clone::clone));
    assert_eq!(list("sort=-createdAt").await, [&ids[2], &ids[1], &ids[0]].map(Clone::clone));
    assert_eq!(list("q=fIRst").await, [ids[1].clone()]);
    assert_eq!(list("q=0%25%20s").await, [ids[2].clone()], "a percent sign is one");
    assert_eq!(list("status=PUBLISHED").await, [] as [Value; 0]);
    assert_eq!(list("status=PUBLISHED&status=DRAFT").await.len(), 3);
    for sort in ["startsAt", "-startsAt", "createdAt", "-createdAt"] {
        let seen = walk(&api, &format!("{OWN}?sort={sort}&limit=1")).await;
        assert_eq!(seen, list(&format!("sort={sort}")).await, "{sort}");
    }
    assert_parameters_are_checked(&api, OWN, "00").await;
    assert_eq!(api.get(&format!("{OWN}?status=draft&sort=title")).await.faults().len(), 2);
    api.get(&format!("{OWN}?organizerId={}", Uuid::now_v7())).await.faults();

    let all = boss.get("/api/v1/admin/events").await.ok();
    assert_eq!(all["pagination"]["total"], 4);
    let whose = all["data"][0]["organizerId"].as_str().unwrap();
    let theirs = boss.get(&format!("/api/v1/admin/events?organizerId={whose}")).await.ok();
    assert!(theirs["data"].as_array().unwrap().iter().all(|event| event["organizerId"] == whose));
    let nobody = boss.get(&format!("/api/v1/admin/events?organizerId={}", Uuid::now_v7())).await.ok();
    assert_eq!(nobody["pagination"]["total"], 0);
    assert_eq!(boss.get(OWN).await.ok()["pagination"]["total"], 0, "an admin's own");
}

async fn walk(api: &crate::support::Api, first: &str) -> Vec<Value> {
    let (mut seen, mut path) = (Vec::new(), first.to_owned());
    loop {
        let page = api.get(&path).await.ok();
        seen.extend(page["data"].as_array().unwrap().iter().map(|event| event["id"].clone()));
        let Some(cursor) = page["pagination"]["nextCursor"].as_str() else { return seen };
        path = format!("{first}&cursor={cursor}");
    }
}

#[tokio::test]
async fn an_admin_manages_for_others() {
    let server = TestServer::start().await;
    let boss = admin(&server).await;
    let [one, other] = [account(&server, domain::accounts::Role::Organizer).await, server.buyer().await];
    let mut body = draft(&server).await;
    body["organizerId"] = json!(one.id);
    let made = boss.post("/api/v1/admin/events", &body).await;
    let path = format!("/api/v1/admin/events/{}", made.created()["id"].as_str().unwrap());
    assert_eq!(made.header("location"), Some(path.as_str()));
    assert_eq!(server.api.of(&one).get(OWN).await.ok()["pagination"]["total"], 1);
    assert_eq!(boss.change(&path, &json!({ "organizerId": other.id })).await.ok()["organizerId"], json!(other.id));
    assert_eq!(server.api.of(&one).get(OWN).await.ok()["pagination"]["total"], 0);
    let nobody = boss.change(&path, &json!({ "organizerId": Uuid::now_v7() })).await.faults();
    assert_eq!(nobody, [("organizerId".to_owned(), "UNKNOWN".to_owned())]);
}

#[tokio::test]
async fn only_a_draft_that_nobody_booked_is_deleted() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let problem = api.delete(&path).await.problem(409, "EVENT_001");
    assert!(problem["detail"].as_str().unwrap().contains("cancel or archive"));
    book(&server.signed_in().await, event, kind, 1).await.created();
    // As a draft it could not have been booked; the ledger's own guard says so too.
    server.db.execute("UPDATE events SET status = 'DRAFT'").await;
    api.delete(&path).await.problem(409, "EVENT_001");
    let (free, ..) = drafted(&server, &api, 5).await;
    assert_eq!(api.delete(&format!("{OWN}/{free}")).await.status, 204);
    // The audit finds it strange as well.
    server.db.execute("UPDATE events SET status = 'PUBLISHED'").await;
    server.audit().await;
}

/// Guards: `keeps_what_is_sold`, `editable`.
#[tokio::test]
async fn what_others_rely_on_stays() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    api.change(&path, &json!({ "currency": "USD" })).await.problem(409, "EVENT_001");
    act(&api, event, "publish").await.ok();
    api.change(&path, &json!({ "title": "Still Changing" })).await.ok();
    act(&api, event, "cancel").await.ok();
    api.change(&path, &json!({ "title": "Too Late" })).await.problem(409, "EVENT_001");
    let quota = json!({ "name": "More", "capacity": 1 });
    api.post(&format!("{path}/quotas"), &quota).await.problem(409, "EVENT_001");
}

#[tokio::test]
async fn a_copy_is_a_draft_of_its_own() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 5).await;
    book(&server.signed_in().await, event, kind, 2).await.created();
    let path = format!("{OWN}/{event}");
    let (key, at) = (new_key(), in_seconds(60 * 86_400));
    let body = json!({ "startsAt": at });
    let copy = api.send(Method::POST, &format!("{path}/duplicate"), Some(&key), Some(&body)).await;
    let again = api.send(Method::POST, &format!("{path}/duplicate"), Some(&key), Some(&body)).await;
    assert_eq!(again.created()["id"], copy.created()["id"]);
    let (copy, before) = (copy.json(), api.get(&path).await.ok());
    assert_eq!((&copy["status"], &copy["startsAt"], &copy["title"]), (&json!("DRAFT"), &json!(at), &before["title"]));
    let length = |event: &Value| instant(&event["endsAt"]).duration_since(instant(&event["startsAt"]));
    assert_eq!(length(&copy), length(&before));
    let below = format!("{OWN}/{}", copy["id"].as_str().unwrap());
    let quotas = api.get(&format!("{below}/quotas")).await.ok();
    assert_eq!((&quotas["data"][0]["capacity"], &quotas["data"][0]["sold"]), (&json!(5), &json!(0)));
    let types = api.get(&format!("{below}/ticket-types")).await.ok();
    assert_eq!((&types["data"][0]["name"], &types["data"][0]["quotaId"]), (&json!("Adult"), &quotas["data"][0]["id"]));
    assert_ne!(uuid(&types["data"][0]["id"]), kind);
    let past = json!({ "startsAt": in_seconds(-60) });
    assert_eq!(api.post(&format!("{path}/duplicate"), &past).await.faults()[0].1, "NOT_IN_FUTURE");
}
