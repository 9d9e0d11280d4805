//! What a change of something does to its tag.

use domain::accounts::Role;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    OWN, account, act, admin, drafted, organizer,
    seat_maps::{MAPS, layout},
    seated::Seated,
};
use crate::support::{Answer, Api, TestServer, client::uuid, events::in_seconds};

/// What is counted changes with what others do, and is in no revision.
const COUNTED: [&str; 5] = ["held", "sold", "available", "events", "used"];

/// Without what is counted. Nothing that there is not is `null`.
fn without_counts(shown: Value, path: &str) -> Value {
    match shown {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(name, value)| {
                assert!(!value.is_null(), "{path} shows {name} as null");
                !COUNTED.contains(&name.as_str())
            });
            kept.map(|(name, value)| (name, without_counts(value, path))).collect()
        }
        Value::Array(entries) => entries.into_iter().map(|entry| without_counts(entry, path)).collect(),
        value => value,
    }
}

/// Things whose answers have tags, watched while they are changed.
struct Watched {
    api: Api,
    paths: Vec<String>,
    before: Vec<Option<(Value, String)>>,
}

impl Watched {
    async fn look(&self) -> Vec<Option<(Value, String)>> {
        let mut seen = Vec::new();
        for path in &self.paths {
            let shown = self.api.get(path).await;
            seen.push((shown.status == 200).then(|| (without_counts(shown.ok(), path), shown.etag())));
        }
        seen
    }

    /// After a change: what reads otherwise has another tag, and what reads the same the one that it had.
    async fn judge(&mut self, change: &str, answer: Answer) {
        assert!((200..300).contains(&answer.status), "{change}: {}", String::from_utf8_lossy(&answer.body));
        let now = self.look().await;
        let mut changed = 0;
        for ((path, before), now) in self.paths.iter().zip(&self.before).zip(&now) {
            let (Some((before, old)), Some((now, new))) = (before, now) else { continue };
            // What an event sells of a map has the event's tag, which changes more often.
            let is_events = path.ends_with("/seat-map");
            let is_right = (before != now) == (old != new) || (is_events && before == now);
            assert!(is_right, "{change} of {path}: {old} {before}, then {new} {now}");
            changed += usize::from(old != new);
        }
        assert_eq!(changed == 0, change.ends_with("again"), "{change} changes {changed}");
        self.before = now;
    }
}

/// Guards: `revision + 1` in each statement that changes what a tagged answer shows, and none where nothing differs.
#[tokio::test]
async fn a_tag_changes_with_what_it_stands_for_and_only_then() {
    let server = TestServer::start().await;
    let boss = admin(&server).await;
    let of = Seated::of(&server, &boss, &layout(&[("Stalls", "A", 2), ("Balcony", "A", 2)])).await;
    let (event, map) = (format!("{OWN}/{}", of.event), format!("{MAPS}/{}", of.map));
    let kinds = [0, 1].map(|n| of.kinds[n]).map(|kind| format!("{event}/ticket-types/{kind}"));
    let quota = boss.get(&format!("{event}/quotas")).await.ok()["data"][0]["id"].clone();
    let quota = format!("{event}/quotas/{}", quota.as_str().unwrap());
    let venue = boss.get(&event).await.ok()["venueId"].as_str().unwrap().to_owned();
    let venue = format!("/api/v1/admin/venues/{venue}");
    let tag = boss.post("/api/v1/admin/tags", &json!({ "slug": "jazz", "name": "Jazz" })).await;
    let tag = tag.header("location").unwrap().to_owned();
    // Another role takes the tokens of the one back.
    let (person, other) = (account(&server, Role::User).await, account(&server, Role::User).await);
    let [user, named] = [&person, &other].map(|of| format!("/api/v1/admin/users/{}", of.id));
    let (settings, category) = ("/api/v1/admin/settings".to_owned(), "/api/v1/admin/categories/opera".to_owned());
    let sections = boss.get(&format!("{event}/seat-map")).await.ok()["sections"].clone();
    let both = json!([sections[0]["id"], sections[1]["id"]]);
    let mut paths = vec![event.clone(), format!("{event}/seat-map"), map.clone(), quota.clone(), venue.clone()];
    paths.extend(kinds.clone());
    let pricing = format!("{event}/pricing");
    let code = boss.post(&format!("{event}/promo-codes"), &json!({ "code": "SPRING", "kind": "ACCESS" })).await;
    let code = code.header("location").unwrap().to_owned();
    paths.extend([pricing.clone(), code.clone()]);
    paths.extend([tag.clone(), category.clone(), settings.clone(), user.clone(), named]);
    let mut watched = Watched { api: boss.clone(), paths, before: Vec::new() };
    watched.before = watched.look().await;

    let patches = [
        (&event, json!({ "title": "A Night" })),
        (&event, json!({ "tags": ["jazz"] })),
        (&event, json!({ "maxPerAccount": 9 })),
        (&event, json!({ "maxPerAccount": null })),
        (&kinds[0], json!({ "name": "Front" })),
        (&kinds[0], json!({ "minPerBooking": 1, "maxPerBooking": 4 })),
        (&kinds[1], json!({ "sections": both })),
        (&kinds[0], json!({ "hidden": true })),
        (&kinds[0], json!({ "hidden": false, "taxRate": "0.07" })),
        (&code, json!({ "kind": "PERCENT", "value": "0.10", "uses": 7 })),
        (&code, json!({ "code": "summer", "ticketTypeIds": [of.kinds[1]] })),
        (&quota, json!({ "name": "Hall" })),
        (&quota, json!({ "capacity": 900 })),
        (&map, json!({ "description": "As in spring" })),
        (&venue, json!({ "capacity": 77 })),
        (&tag, json!({ "name": "Hot Jazz" })),
        (&category, json!({ "name": "Grand Opera" })),
        (&settings, json!({ "siteName": "The House", "siteTagline": "Tonight" })),
        (&settings, json!({ "siteName": null })),
        (&user, json!({ "role": "ORGANIZER" })),
    ];
    for (path, body) in &patches {
        watched.judge(&format!("{body}"), boss.change(path, body).await).await;
        watched.judge(&format!("{body} again"), boss.change(path, body).await).await;
        // A word is renamed, and nothing else.
        if ![&tag, &category].contains(path) {
            watched.judge("{} again", boss.change(path, &json!({})).await).await;
        }
    }

    let send = async |method: Method, path: &str, body: Value| {
        let body = Some(&body).filter(|body| !body.is_null());
        boss.send_with(method, path, &[("if-match", "*")], body).await
    };
    for terms in [json!({ "taxRate": "0.19", "holdCap": "PT60M" }), json!({})] {
        watched.judge("pricing", send(Method::PUT, &pricing, terms.clone()).await).await;
        watched.judge("pricing again", send(Method::PUT, &pricing, terms).await).await;
    }
    let types = format!("{event}/ticket-types");
    let (there, back) = (json!({ "order": of.kinds }), json!({ "order": [of.kinds[1], of.kinds[0]] }));
    watched.judge("order", send(Method::PUT, &types, back.clone()).await).await;
    watched.judge("order again", send(Method::PUT, &types, back).await).await;
    watched.judge("order back", send(Method::PUT, &types, there).await).await;
    let redrawn = boss.post(&format!("{map}/versions"), &layout(&[("Stalls", "A", 2)])).await;
    watched.judge("version", redrawn).await;
    let to_second = json!({ "version": 2 });
    watched.judge("move", send(Method::PUT, &format!("{event}/seat-map"), to_second.clone()).await).await;
    watched.judge("move again", send(Method::PUT, &format!("{event}/seat-map"), to_second).await).await;
    let repeated = json!({ "starts": [in_seconds(40 * 86_400)] });
    let series = boss.post(&format!("{event}/occurrences"), &repeated).await;
    watched.judge("series", series.clone()).await;
    let member = format!("/api/v1/organizer/series/{}/occurrences/{}", uuid(&series.json()["id"]), of.event);
    watched.judge("a tag less", boss.delete(&tag).await).await;
    let words = json!({ "summary": "In short" });
    watched.judge("following", send(Method::PATCH, &member, words.clone()).await).await;
    watched.judge("following again", send(Method::PATCH, &member, words).await).await;
    watched.judge("leaving", send(Method::DELETE, &member, Value::Null).await).await;
    watched.judge("unpublishing", act(&boss, of.event, "unpublish").await).await;
    let at = json!({ "at": in_seconds(3600) });
    watched.judge("scheduling", send(Method::POST, &format!("{event}/publish"), at.clone()).await).await;
    watched.judge("scheduling again", send(Method::POST, &format!("{event}/publish"), at).await).await;
    watched.judge("publishing", act(&boss, of.event, "publish").await).await;
    let own = server.api.of(&other);
    watched.judge("a name", own.patch("/api/v1/profile", &json!({ "name": "Somebody Else" })).await).await;
    watched.judge("a name again", own.patch("/api/v1/profile", &json!({ "name": "Somebody Else" })).await).await;
    watched.judge("cancelling", act(&boss, of.event, "cancel").await).await;
}

/// Guards: `touch`. Who keeps an event is not told that it is as it was when a tag of it reads otherwise, or is gone, and changes nothing
/// unseen then.
#[tokio::test]
async fn an_event_whose_tag_reads_otherwise_is_another_one() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    let path = format!("{OWN}/{}", drafted(&server, &api, 5).await.0);
    let tag = async || api.get(&path).await.etag();
    let kept = async |tag: &str| api.send_with(Method::GET, &path, &[("if-none-match", tag)], None).await;
    let changed = async |tag: &str| api.with_header("if-match", tag).patch(&path, &json!({ "summary": "Short" })).await;
    assert_eq!(kept(&tag().await).await.status, 304);
    boss.post("/api/v1/admin/tags", &json!({ "slug": "jazz", "name": "Jazz" })).await.created();
    api.change(&path, &json!({ "tags": ["jazz"] })).await.ok();
    let first = tag().await;
    assert_eq!(kept(&first).await.status, 304);
    boss.change("/api/v1/admin/tags/jazz", &json!({ "name": "Hot Jazz" })).await.ok();
    assert_eq!(kept(&first).await.ok()["tags"][0]["name"], "Hot Jazz");
    changed(&first).await.problem(412, "RESOURCE_003");
    let second = tag().await;
    assert_eq!(boss.delete("/api/v1/admin/tags/jazz").await.status, 204);
    assert_eq!(kept(&second).await.ok()["tags"], json!([]));
    changed(&second).await.problem(412, "RESOURCE_003");
}

/// Guards: `settled`. Who names no revision is told of none: of those who are faster, each is done, and then the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_names_no_revision_is_told_that_it_was_changed() {
    let server = TestServer::start().await;
    let boss = admin(&server).await;
    for round in 0..3_i64 {
        let event = format!("{OWN}/{}", drafted(&server, &boss, 5).await.0);
        let starts = [40, 41, 42].map(|day| json!({ "starts": [in_seconds((day + round) * 86_400)] }));
        let path = format!("{event}/occurrences");
        let added = join_all(starts.iter().map(|body| boss.post(&path, body))).await;
        let statuses: Vec<_> = added.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [201; 3], "{added:?}");
        assert_eq!(
            added.iter().map(|answer| answer.json()["id"].clone()).collect::<Vec<_>>()[1..],
            vec![added[0].json()["id"].clone(); 2]
        );
    }
    let of = Seated::of(&server, &boss, &layout(&[("Stalls", "A", 2)])).await;
    let event = format!("{OWN}/{}", of.event);
    let quota = boss.get(&format!("{event}/quotas")).await.ok()["data"][0]["id"].clone();
    let venue = boss.get(&event).await.ok()["venueId"].clone();
    for path in [
        event.clone(),
        format!("{event}/ticket-types/{}", of.kinds[0]),
        format!("{event}/quotas/{}", quota.as_str().unwrap()),
        format!("{MAPS}/{}", of.map),
        format!("/api/v1/admin/venues/{}", venue.as_str().unwrap()),
    ] {
        let member = if path == event { "title" } else { "name" };
        let any = boss.with_header("if-match", "*");
        let bodies: Vec<_> = (0..8).map(|n| json!({ member: format!("Number {n}") })).collect();
        let changed = join_all(bodies.iter().map(|body| any.patch(&path, body))).await;
        let statuses: Vec<_> = changed.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [200; 8], "{path}: {changed:?}");
        // Each of them was made, and one who names what was there before is told.
        let stale = boss.with_header("if-match", "\"1\"").patch(&path, &bodies[0]).await;
        stale.problem(412, "RESOURCE_003");
    }
}

/// Guards: that nothing is written where nothing differs: neither the revision nor an entry of the audit log.
#[tokio::test]
async fn a_change_of_nothing_is_in_no_log() {
    let server = TestServer::start().await;
    let boss = admin(&server).await;
    let (event, ..) = drafted(&server, &boss, 5).await;
    let event = format!("/api/v1/admin/events/{event}");
    let shown = boss.get(&event).await.ok();
    let series =
        boss.post(&format!("{event}/occurrences"), &json!({ "starts": [in_seconds(40 * 86_400)] })).await.created();
    let member = format!("/api/v1/admin/series/{}/occurrences/{}", uuid(&series["id"]), uuid(&shown["id"]));
    let venue = format!("/api/v1/admin/venues/{}", uuid(&shown["venueId"]));
    let map = json!({ "venueId": shown["venueId"], "name": "Round", "layout": layout(&[("Ring", "A", 1)]) });
    let map = boss.post("/api/v1/admin/seat-maps", &map).await.header("location").unwrap().to_owned();
    let entries = async || boss.get("/api/v1/admin/audit-log?limit=1").await.ok()["pagination"]["total"].clone();
    let before = entries().await;
    let title = shown["title"].clone();
    for (path, body) in [
        (&event, json!({})),
        (&event, json!({ "title": title })),
        (&member, json!({ "title": title, "summary": "", "tags": [] })),
        (&venue, json!({ "city": boss.get(&venue).await.ok()["city"] })),
        (&map, json!({ "name": "Round", "description": "" })),
        (&"/api/v1/admin/categories/opera".to_owned(), json!({ "name": "Opera" })),
        (&"/api/v1/admin/settings".to_owned(), json!({})),
        (&"/api/v1/admin/settings".to_owned(), json!({ "termsUrl": null })),
    ] {
        let answer = boss.send_with(Method::PATCH, path, &[("if-match", "*")], Some(&body)).await;
        let answer = answer.ok();
        let outcomes = answer["occurrences"].as_array().cloned().unwrap_or_default();
        assert!(outcomes.iter().all(|of| of["outcome"] == "UNCHANGED"), "{answer}");
        assert_eq!(entries().await, before, "{path} {body}");
    }
    assert_eq!(boss.get("/api/v1/admin/settings/changes").await.ok()["pagination"]["total"], 0);
    assert_eq!(boss.get(&event).await.etag(), "\"2\"", "it has joined a series");
}

/// Guards: `Revisions`. Any of the tags that are named is enough (RFC 9110, 13.1.1).
#[tokio::test]
async fn one_of_several_tags_is_enough() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    let (event, quota, kind) = drafted(&server, &api, 10).await;
    let own = format!("{OWN}/{event}");
    let venue = api.get(&own).await.ok()["venueId"].clone();
    let user = account(&server, Role::User).await.id;
    for (api, path, body) in [
        (&api, own.clone(), "title"),
        (&api, format!("{own}/quotas/{quota}"), "name"),
        (&api, format!("{own}/ticket-types/{kind}"), "name"),
        (&boss, format!("/api/v1/admin/venues/{}", uuid(&venue)), "name"),
        (&boss, "/api/v1/admin/settings".to_owned(), "siteName"),
    ] {
        let change = async |tags: &str, name: &str| {
            api.send_with(Method::PATCH, &path, &[("if-match", tags)], Some(&json!({ body: name }))).await
        };
        let tag = api.get(&path).await.etag();
        change(&format!("\"9999\", W/{tag}, \"x\""), "None of these").await.problem(412, "RESOURCE_003");
        change(&format!("\"9999\" , W/\"1\",{tag}"), "One of these").await.ok();
        change(&tag, "The former one").await.problem(412, "RESOURCE_003");
    }
    let path = format!("/api/v1/admin/users/{user}");
    let tag = boss.get(&path).await.etag();
    let change = json!({ "status": "SUSPENDED" });
    boss.send_with(Method::PATCH, &path, &[("if-match", &format!("\"9999\", {tag}"))], Some(&change)).await.ok();
}
