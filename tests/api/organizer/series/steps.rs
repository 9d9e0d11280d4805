//! What becomes of a series: published, cancelled, reworded, and left.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    super::{OWN, account, act, admin, book, draft, drafted, organizer},
    members, of_all, repeat, series, ticket_type, weekly,
};
use crate::support::{Settings, TestServer, client::instant, events::in_seconds, until};

/// Guards: `is_meant_by`, and that one occurrence's trouble is not another's.
#[tokio::test]
async fn a_series_is_published_occurrence_by_occurrence() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (path, events) = series(&server, &api, 5).await;
    let publish = async |body: Value| api.post(&format!("{path}/publish"), &body).await.ok();
    let outcomes = |stepped: &Value| -> Vec<String> {
        of_all(stepped, "outcome").iter().map(|of| of.as_str().unwrap()[..1].to_owned()).collect()
    };
    // One has nothing to sell, one is over.
    api.delete(&format!("{OWN}/{}/ticket-types/{}", events[1], ticket_type(&api, events[1]).await)).await;
    let over = "UPDATE events SET (starts_at, ends_at) = (now() - interval '2 hours', now() - interval '1 hour') WHERE id = $1";
    server.client.execute(over, &[&events[0]]).await.unwrap();
    let faults = api.post(&format!("{path}/publish"), &json!({ "at": in_seconds(-60) })).await.faults();
    assert_eq!(faults, [("at".to_owned(), "OUT_OF_RANGE".to_owned())]);

    let from = instant(&api.get(&path).await.ok()["occurrences"][3]["startsAt"]);
    let at = in_seconds(3600);
    let scheduled = publish(json!({ "at": at, "from": from })).await;
    assert_eq!(outcomes(&scheduled), ["U", "U", "U", "C", "C"]);
    assert_eq!(of_all(&scheduled, "publishAt")[3..], [json!(at), json!(at)]);
    let published = publish(json!({})).await;
    assert_eq!(outcomes(&published), ["U", "R", "C", "C", "C"]);
    assert!(published["occurrences"][1]["reason"].as_str().unwrap().contains("ticket types"));
    assert_eq!(of_all(&published, "status"), ["DRAFT", "DRAFT", "PUBLISHED", "PUBLISHED", "PUBLISHED"]);
    assert_eq!(outcomes(&publish(json!({})).await), ["U", "R", "U", "U", "U"], "again: what is left");
}

/// Guards: `now < ends_at` in `is_meant_by`. Bookings of what has taken place stay.
#[tokio::test]
async fn a_cancelled_series_keeps_what_has_taken_place_and_tells_everybody_else() {
    let server = Settings::default().set("BOXOFFICE__MAIL__BOOKINGS", true).start().await;
    let api = organizer(&server).await;
    let (path, events) = series(&server, &api, 4).await;
    api.post(&format!("{path}/publish"), &json!({})).await.ok();
    // The sale of each has begun.
    server.db.execute("UPDATE events SET sale_starts_at = now() - interval '1 day'").await;
    let mut bookings = Vec::new();
    for event in &events {
        let buyer = server.signed_in().await;
        let made = book(&buyer, *event, ticket_type(&api, *event).await, 2).await.created();
        bookings.push((buyer, format!("/api/v1/bookings/{}", made["id"].as_str().unwrap())));
    }
    let over = "UPDATE events SET (starts_at, ends_at) = (now() - interval '2 hours', now() - interval '1 hour') WHERE id = $1";
    server.client.execute(over, &[&events[0]]).await.unwrap();
    let from = instant(&api.get(&path).await.ok()["occurrences"][2]["startsAt"]);
    let stepped = api.post(&format!("{path}/cancel"), &json!({ "from": from })).await.ok();
    assert_eq!(of_all(&stepped, "status"), ["PUBLISHED", "PUBLISHED", "CANCELLED", "CANCELLED"]);
    let stepped = api.send(Method::POST, &format!("{path}/cancel"), None, None).await.ok();
    assert_eq!(of_all(&stepped, "status"), ["PUBLISHED", "CANCELLED", "CANCELLED", "CANCELLED"]);
    assert_eq!(of_all(&stepped, "outcome"), ["UNCHANGED", "CHANGED", "UNCHANGED", "UNCHANGED"]);
    until("all bookings are cancelled", async || {
        let shown = api.get(&path).await.ok();
        let done = of_all(&shown, "cancellation");
        done[0].is_null() && done[1..].iter().all(|of| of["finishedAt"].is_string() && of["done"] == 1)
    })
    .await;
    for (index, (buyer, booking)) in bookings.iter().enumerate() {
        let expected = if index == 0 { "CONFIRMED" } else { "CANCELLED" };
        assert_eq!(buyer.get(booking).await.ok()["status"], expected);
    }
    let told = "SELECT count(*) FROM outbox WHERE kind = 'EVENT_CANCELLED'";
    until("all are told", async || server.db.number(told, &[]).await == 3).await;
    server.audit().await;
}

/// Guards: the series in `take_out`, and in `UPDATE` of an event that is given away.
#[tokio::test]
async fn an_occurrence_leaves_its_series_which_ends_with_the_last() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    let (path, events) = series(&server, &api, 4).await;
    let (other, _) = series(&server, &api, 2).await;
    let member = |series: &str, event: Uuid| format!("{series}/occurrences/{event}");
    api.delete(&member(&other, events[1])).await.problem(404, "RESOURCE_001");
    let unseen = api.send_with(Method::DELETE, &member(&path, events[1]), &[("if-match", "\"9\"")], None).await;
    unseen.problem(412, "RESOURCE_003");
    assert_eq!(api.delete(&member(&path, events[1])).await.status, 204);
    api.delete(&member(&path, events[1])).await.problem(404, "RESOURCE_001");
    let left = api.get(&format!("{OWN}/{}", events[1])).await;
    assert_eq!((left.ok().get("seriesId"), left.etag().as_str()), (None, "\"2\""));
    // A change of the whole event stays in the series; a deleted one does not, nor one that is given to somebody else.
    let whole = draft(&server).await;
    let put = api.send_with(Method::PUT, &format!("{OWN}/{}", events[0]), &[("if-match", "*")], Some(&whole)).await;
    assert_eq!(put.ok()["seriesId"], uuid_of(&path));
    assert_eq!(
        api.change(&format!("{OWN}/{}", events[0]), &json!({ "title": "First" })).await.ok()["seriesId"],
        uuid_of(&path)
    );
    assert_eq!(api.delete(&format!("{OWN}/{}", events[2])).await.status, 204);
    let somebody = account(&server, domain::accounts::Role::Organizer).await;
    let given = json!({ "organizerId": somebody.id });
    let given = boss.change(&format!("/api/v1/admin/events/{}", events[3]), &given).await.ok();
    assert_eq!(given.get("seriesId"), None);
    let same = json!({ "organizerId": api.get(&format!("{OWN}/{}", events[0])).await.ok()["organizerId"] });
    assert!(boss.change(&format!("/api/v1/admin/events/{}", events[0]), &same).await.ok()["seriesId"].is_string());
    assert_eq!(members(&api.get(&path).await.ok()), [events[0]]);
    let copy = json!({ "startsAt": in_seconds(90 * 86_400) });
    let copy = api.post(&format!("{OWN}/{}/duplicate", events[0]), &copy).await.created();
    assert_eq!(copy.get("seriesId"), None, "a copy is an event by itself");
    assert_eq!(api.delete(&member(&path, events[0])).await.status, 204);
    api.get(&path).await.problem(404, "RESOURCE_001");
    api.post(&format!("{path}/publish"), &json!({})).await.problem(404, "RESOURCE_001");
    // Anyone who asks again begins another series.
    let again = repeat(&api, events[0], &weekly(2)).await.created();
    assert_ne!(again["id"], uuid_of(&path));
}

fn uuid_of(path: &str) -> Value {
    json!(path.rsplit('/').next().unwrap())
}

/// Guards: the comparison with the occurrence that is changed, `starts_at >=`, `ends_at >`, and all or nothing.
#[tokio::test]
async fn this_and_the_following_say_something_else_unless_they_have_words_of_their_own() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    server.db.execute("INSERT INTO tags (id, slug, name) VALUES (gen_random_uuid(), 'jazz', 'Jazz'), (gen_random_uuid(), 'late', 'Late')").await;
    let (path, events) = series(&server, &api, 6).await;
    let of = |index: usize| format!("{OWN}/{}", events[index]);
    let change = async |index: usize, tag: &str, body: Value| {
        let path = format!("{path}/occurrences/{}", events[index]);
        api.send_with(Method::PATCH, &path, &[("if-match", tag)], Some(&body)).await
    };
    // The fourth is another evening, the fifth has a tag, the last will not take place.
    api.change(&of(3), &json!({ "title": "A Guest" })).await.ok();
    api.change(&of(4), &json!({ "tags": ["late"] })).await.ok();
    act(&api, events[5], "publish").await.ok();
    act(&api, events[5], "cancel").await.ok();
    let body = json!({ "title": "Jazz", "description": "Every week", "tags": ["jazz"], "category": "festival" });
    let path = format!("{path}/occurrences/{}", events[1]);
    api.patch(&path, &body).await.problem(428, "RESOURCE_004");
    change(1, "\"7\"", body.clone()).await.problem(412, "RESOURCE_003");
    // What is wrong for one of them changes none.
    for (field, value) in [("category", json!("nothing")), ("tags", json!(["nothing"])), ("title", json!("A"))] {
        let mut wrong = body.clone();
        wrong[field] = value;
        assert_eq!(change(1, "*", wrong).await.faults()[0].0, field);
    }
    let changed = change(1, "\"1\"", body).await;
    assert_eq!(changed.etag(), "\"2\"");
    assert_eq!(of_all(&changed.ok(), "title"), ["An Evening", "Jazz", "Jazz", "A Guest", "Jazz", "An Evening"]);
    let expected = ["UNCHANGED", "CHANGED", "CHANGED", "CHANGED", "CHANGED", "UNCHANGED"];
    assert_eq!(of_all(&changed.ok(), "outcome"), expected);
    let mut said = Vec::new();
    for index in 0..6 {
        let shown = api.get(&of(index)).await.ok();
        let tags: Vec<_> = shown["tags"].as_array().unwrap().iter().map(|tag| tag["slug"].clone()).collect();
        said.push(json!([shown["description"], shown["category"], tags]));
    }
    let (old, new) = (json!(["", "concert", []]), json!(["Every week", "festival", ["jazz"]]));
    assert_eq!(said, [&old, &new, &new, &new, &json!(["Every week", "festival", ["late"]]), &old].map(Clone::clone));
    let listed = "SELECT count(*) FROM event_listings WHERE category = 'festival' AND tags = '{jazz}'";
    assert_eq!(server.db.number(listed, &[]).await, 3);
    // Nothing that reads as this one does: only it is changed.
    assert_eq!(
        of_all(&change(3, "*", json!({ "title": "Two Guests" })).await.ok(), "outcome")[3..],
        ["CHANGED", "UNCHANGED", "UNCHANGED"]
    );
    change(5, "*", json!({ "title": "Too Late" })).await.problem(409, "EVENT_001");
    // What has taken place is not told in other words.
    let over =
        "UPDATE events SET (starts_at, ends_at) = (now() - $2::int * interval '1 hour', now() - interval '1 minute')
        WHERE id = $1";
    for (index, hours) in [(0, 3), (1, 2)] {
        server.client.execute(over, &[&events[index], &hours]).await.unwrap();
    }
    let expected = ["CHANGED", "UNCHANGED", "CHANGED", "CHANGED", "CHANGED", "UNCHANGED"];
    assert_eq!(of_all(&change(0, "*", json!({ "summary": "New" })).await.ok(), "outcome"), expected);
}

/// Guards: `note` in both transactions. Admins repeat everybody's events, and that is written down.
#[tokio::test]
async fn what_admins_do_with_series_is_in_the_audit_log() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("/api/v1/admin/events/{event}/occurrences");
    let made = boss.post(&path, &weekly(3)).await;
    let series = made.header("location").unwrap().to_owned();
    assert!(series.starts_with("/api/v1/admin/series/"));
    let members = members(&made.created());
    let shown = api.get(&format!("{OWN}/{}", members[2])).await.ok();
    assert_eq!(shown["organizerId"], api.get(&format!("{OWN}/{event}")).await.ok()["organizerId"]);
    boss.post(&format!("{series}/publish"), &json!({ "from": shown["startsAt"] })).await.ok();
    assert_eq!(boss.delete(&format!("{series}/occurrences/{}", members[1])).await.status, 204);
    boss.post(&path, &weekly(3)).await.problem(409, "SERIES_001");
    let log = boss.get("/api/v1/admin/audit-log?limit=100").await.ok();
    let deeds: Vec<_> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|of| json!([of["action"], of["targetKind"], of["targetId"]]))
        .collect();
    assert_eq!(
        deeds,
        [
            json!(["CREATED", "series", made.json()["id"]]),
            json!(["CHANGED", "event", members[2]]),
            json!(["CHANGED", "event", members[1]]),
        ]
    );
}
