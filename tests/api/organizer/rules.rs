//! Rules between an event and what it sells: asked by the one who changes one of them, and by what publishes later.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    OWN, act, admin, book, draft, drafted,
    judged_first::metric,
    organizer, places, published,
    seat_maps::{MAPS, drawn, layout},
};
use crate::support::{
    Answer, Api, TestServer,
    client::{instant, uuid},
    events::in_seconds,
    until,
};

/// A month and two hours from now: the end of a [`draft`].
const END_S: i64 = 30 * 86_400 + 7200;

/// Asserts that a change was refused because of this rule, and gives what the client is told.
fn refused(answer: &Answer, code: &str) -> String {
    let problem = answer.problem(409, "EVENT_001");
    let codes: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|of| of["code"].as_str().unwrap()).collect();
    assert_eq!(codes, [code], "{problem}");
    problem["detail"].as_str().unwrap().to_owned()
}

async fn kind(api: &Api, event: Uuid, quota: Uuid, more: Value) -> Answer {
    let mut body = json!({ "name": "Late bird", "quotaId": quota, "price": { "amount": "0", "currency": "EUR" } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.post(&format!("{OWN}/{event}/ticket-types"), &body).await
}

/// Guards: that the rules are asked when a change counts, whichever it is: the event, a ticket type, a quota. Before anything pauses,
/// and within the transaction.
#[tokio::test]
async fn a_change_that_breaks_a_rule_of_what_is_published_is_refused_and_names_whom_it_hits() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, adult) = published(&server, &api, 10).await;
    let (path, types) = (format!("{OWN}/{event}"), format!("{OWN}/{event}/ticket-types"));
    let late = json!({ "saleStartsAt": in_seconds(60), "saleEndsAt": in_seconds(END_S - 600), "minPerBooking": 3 });
    let late = uuid(&kind(&api, event, quota, late).await.created()["id"]);
    places(&server.api, event).await;
    let pauses = metric(&server, "boxoffice_inventory_pauses_total").await;
    let of_late = format!("{types}/{late}");

    let change = async |path: &str, body: Value| api.change(path, &body).await;
    let shorter = change(&path, json!({ "endsAt": in_seconds(END_S - 3600), "saleEndsAt": in_seconds(3600) })).await;
    assert!(refused(&shorter, "SALE_AFTER_EVENT").contains("\"Late bird\""));
    let fewer = change(&path, json!({ "maxPerAccount": 2 })).await;
    assert!(refused(&fewer, "MINIMUM_ABOVE_ACCOUNT").contains("\"Late bird\""));
    let of_quota = format!("{path}/quotas/{quota}");
    refused(&change(&of_quota, json!({ "capacity": 2 })).await, "MINIMUM_ABOVE_QUOTA");
    refused(&change(&of_late, json!({ "minPerBooking": 11, "maxPerBooking": 20 })).await, "MINIMUM_ABOVE_QUOTA");
    refused(
        &kind(&api, event, quota, json!({ "minPerBooking": 11, "maxPerBooking": 11 })).await,
        "MINIMUM_ABOVE_QUOTA",
    );
    assert_eq!(
        metric(&server, "boxoffice_inventory_pauses_total").await,
        pauses,
        "what is refused anyway pauses nothing"
    );

    // What keeps the rules is done, also what only closes a quota.
    change(&path, json!({ "endsAt": in_seconds(END_S - 600) })).await.ok();
    change(&path, json!({ "maxPerAccount": 3 })).await.ok();
    book(&server.signed_in().await, event, adult, 1).await.created();
    change(&of_quota, json!({ "capacity": 1 })).await.ok();
    // The last ticket type of a published event stays, and that of a draft goes.
    assert_eq!(api.delete(&of_late).await.status, 204);
    let (other, _, only) = published(&server, &api, 5).await;
    let only = format!("{OWN}/{other}/ticket-types/{only}");
    assert!(refused(&api.delete(&only).await, "NOTHING_TO_SELL").contains("ticket types"));
    act(&api, other, "unpublish").await.ok();
    assert_eq!(api.delete(&only).await.status, 204);
    server.audit().await;
}

/// The same by the transaction alone: two changes that each keep the rules may break one together, so the second one is judged by
/// what the first has left. Guards: `Unchanged::keeps_rules` of each writer.
#[tokio::test]
async fn two_changes_at_once_do_not_break_a_rule_together() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    for _ in 0..8 {
        let (event, quota, adult) = published(&server, &api, 10).await;
        let path = format!("{OWN}/{event}");
        let (quota, adult) = (format!("{path}/quotas/{quota}"), format!("{path}/ticket-types/{adult}"));
        let (smaller, larger) = (json!({ "capacity": 3 }), json!({ "minPerBooking": 5 }));
        let both = tokio::join!(api.change(&quota, &smaller), api.change(&adult, &larger));
        let refusals = [&both.0, &both.1].into_iter().filter(|answer| answer.status == 409).count();
        assert_eq!(refusals, 1, "{:?} {:?}", both.0.status, both.1.status);
        let (shorter, later) = (
            json!({ "endsAt": in_seconds(END_S - 3600), "saleEndsAt": in_seconds(3600) }),
            json!({ "saleEndsAt": in_seconds(END_S - 60) }),
        );
        let both = tokio::join!(api.change(&path, &shorter), api.change(&adult, &later));
        let refusals = [&both.0, &both.1].into_iter().filter(|answer| [409, 422].contains(&answer.status)).count();
        assert_eq!(refusals, 1, "{:?} {:?}", both.0.status, both.1.status);
    }
}

/// Guards: the whole judgement of a step, of what a draft was free to break.
#[tokio::test]
async fn a_draft_may_be_incomplete_and_is_not_published_so() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, adult) = drafted(&server, &api, 3).await;
    let path = format!("{OWN}/{event}");
    let of_type = format!("{path}/ticket-types/{adult}");
    api.change(&of_type, &json!({ "minPerBooking": 5 })).await.ok();
    api.change(&path, &json!({ "maxPerAccount": 2 })).await.ok();
    let problem = act(&api, event, "publish").await.problem(409, "EVENT_001");
    let codes: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|of| of["code"].clone()).collect();
    assert_eq!(codes, ["MINIMUM_ABOVE_QUOTA", "MINIMUM_ABOVE_ACCOUNT"], "all at once: {problem}");
    assert_eq!(problem["errors"][0]["field"], format!("ticketTypes[{adult}]"));
    api.change(&of_type, &json!({ "minPerBooking": 2 })).await.ok();
    act(&api, event, "publish").await.ok();
    // What was broken in another way, by an earlier version, is no reason to refuse what has nothing to do with it.
    let old = "UPDATE ticket_types SET sale_ends_at = now() + interval '90 days' WHERE event_id = $1";
    server.client.execute(old, &[&event]).await.unwrap();
    api.change(&path, &json!({ "title": "Another title", "maxPerAccount": 3 })).await.ok();
    api.change(&format!("{path}/quotas/{quota}"), &json!({ "capacity": 4 })).await.ok();
    refused(&api.change(&path, &json!({ "maxPerAccount": 1 })).await, "MINIMUM_ABOVE_ACCOUNT");
}

/// Guards: that the time of publishing is judged by the event of that time, at the request and at each later change.
#[tokio::test]
async fn nothing_is_scheduled_for_a_time_at_which_it_is_over_or_not_sold_any_more() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let schedule = async |at: Timestamp| api.post(&format!("{path}/publish"), &json!({ "at": at })).await;
    let shown = api.get(&path).await.ok();
    let (ends_at, sale_ends_at) = (instant(&shown["endsAt"]), instant(&shown["saleEndsAt"]));
    for wrong in [ends_at, in_seconds(END_S + 86_400), sale_ends_at] {
        assert_eq!(schedule(wrong).await.faults(), [("at".to_owned(), "OUT_OF_RANGE".to_owned())], "{wrong}");
    }
    assert_eq!(api.get(&path).await.ok()["status"], "DRAFT");
    schedule(in_seconds(20 * 86_400)).await.ok();
    let sooner = json!({
        "startsAt": in_seconds(10 * 86_400), "endsAt": in_seconds(10 * 86_400 + 60),
        "saleEndsAt": in_seconds(9 * 86_400),
    });
    refused(&api.change(&path, &sooner).await, "PUBLISHED_AFTER_END");
    refused(&api.change(&path, &json!({ "saleEndsAt": in_seconds(19 * 86_400) })).await, "PUBLISHED_AFTER_SALE");
    let types = api.get(&format!("{path}/ticket-types")).await.ok();
    let only = format!("{path}/ticket-types/{}", types["data"][0]["id"].as_str().unwrap());
    refused(&api.delete(&only).await, "NOTHING_TO_SELL");
    refused(&api.change(&only, &json!({ "saleEndsAt": in_seconds(86_400) })).await, "PUBLISHED_AFTER_SALE");
    let boss = admin(&server).await;
    let of_admin = format!("/api/v1/admin/events/{event}");
    refused(&boss.change(&of_admin, &sooner).await, "PUBLISHED_AFTER_END");
}

/// Guards: the same for each occurrence by itself.
#[tokio::test]
async fn of_a_series_those_are_refused_that_would_be_over_by_then() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let rule = json!({ "rule": { "frequency": "WEEKLY", "count": 3 } });
    let series = api.post(&format!("{OWN}/{event}/occurrences"), &rule).await.created();
    let path = format!("/api/v1/organizer/series/{}/publish", series["id"].as_str().unwrap());
    let at = instant(&series["occurrences"][1]["endsAt"]);
    let stepped = api.post(&path, &json!({ "at": at })).await.ok();
    let of = |index: usize, member: &str| stepped["occurrences"][index][member].clone();
    assert_eq!([of(0, "outcome"), of(1, "outcome"), of(2, "outcome")], ["REFUSED", "REFUSED", "CHANGED"]);
    assert!(of(1, "reason").as_str().unwrap().contains("after its end"), "{stepped}");
    assert_eq!([of(0, "status"), of(2, "status")], ["DRAFT", "SCHEDULED"]);
}

/// Guards: the rules in `publish` of the upkeep. What was written by an earlier version, or is over since because no server ran, is not
/// published, and not tried for ever.
#[tokio::test]
async fn what_breaks_a_rule_when_its_time_comes_is_not_published_and_its_organizer_is_told() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let mut events = Vec::new();
    for _ in 0..3 {
        let (event, ..) = drafted(&server, &api, 5).await;
        api.post(&format!("{OWN}/{event}/publish"), &json!({ "at": in_seconds(3600) })).await.ok();
        events.push(event);
    }
    for (event, change) in events.iter().zip([
        "UPDATE ticket_types SET sale_ends_at = now() + interval '90 days' WHERE event_id = $1",
        "UPDATE events SET (starts_at, ends_at) = (now() - interval '2 hours', now() - interval '1 hour') WHERE id = $1",
        "DELETE FROM ticket_types WHERE event_id = $1",
    ]) {
        server.client.execute(change, &[event]).await.unwrap();
    }
    let (good, ..) = drafted(&server, &api, 5).await;
    api.post(&format!("{OWN}/{good}/publish"), &json!({ "at": in_seconds(3600) })).await.ok();
    server.db.execute("UPDATE events SET publish_at = now() - interval '1 second' WHERE status = 'SCHEDULED'").await;
    let status = async |event: Uuid| api.get(&format!("{OWN}/{event}")).await.ok()["status"].clone();
    until("the right one is published", async || status(good).await == "PUBLISHED").await;
    for event in events {
        until("it is a draft again", async || status(event).await == "DRAFT").await;
        assert_eq!(api.get(&format!("{OWN}/{event}")).await.ok().get("publishAt"), None);
        server.api.get(&format!("/api/v1/events/{event}")).await.problem(404, "RESOURCE_001");
    }
    let told = "SELECT count(*) FROM outbox WHERE kind = 'EVENT_NOT_PUBLISHED' AND recipient = $1";
    let address = api.get("/api/v1/profile").await.ok()["email"].as_str().unwrap().to_owned();
    assert_eq!(server.db.number(told, &[&address]).await, 3, "once each");
}

/// Guards: the rules in `move_to_version`.
#[tokio::test]
async fn an_event_does_not_move_to_a_map_of_too_few_seats() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let mut body = draft(&server).await;
    let map = drawn(&api, MAPS, uuid(&body["venueId"]), &layout(&[("Stalls", "A", 4)])).await;
    body["seatMapId"] = json!(map);
    let event = uuid(&api.post(OWN, &body).await.created()["id"]);
    let path = format!("{OWN}/{event}");
    let quota = api.post(&format!("{path}/quotas"), &json!({ "name": "House", "capacity": 10 })).await.created();
    let section = api.get(&format!("{path}/seat-map")).await.ok()["sections"][0]["id"].clone();
    let more = json!({ "sections": [section], "minPerBooking": 3 });
    let made = kind(&api, event, uuid(&quota["id"]), more).await.created();
    act(&api, event, "publish").await.ok();
    let of_type = format!("{path}/ticket-types/{}", made["id"].as_str().unwrap());
    refused(&api.change(&of_type, &json!({ "minPerBooking": 5 })).await, "MINIMUM_ABOVE_SEATS");
    for (seats, expected) in [(2, Some("MINIMUM_ABOVE_SEATS")), (3, None)] {
        let version = api.post(&format!("{MAPS}/{map}/versions"), &layout(&[("Stalls", "A", seats)])).await.created();
        let to = json!({ "version": version["number"] });
        let moved = api.send_with(Method::PUT, &format!("{path}/seat-map"), &[("if-match", "*")], Some(&to)).await;
        match expected {
            Some(code) => drop(refused(&moved, code)),
            None => drop(moved.ok()),
        }
    }
}

/// Guards: `FieldErrors::change` and `is_sold_as`. A draft may be incomplete: a ticket type that its event has left is renamed all the same, and
/// what is said of its window is judged, as is publishing.
#[tokio::test]
async fn a_draft_is_changed_though_something_else_of_it_breaks_a_rule() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, _) = drafted(&server, &api, 10).await;
    let path = format!("{OWN}/{event}");
    let late = json!({ "saleStartsAt": in_seconds(END_S - 900), "saleEndsAt": in_seconds(END_S - 600) });
    let late = uuid(&kind(&api, event, quota, late).await.created()["id"]);
    let late = format!("{path}/ticket-types/{late}");
    api.change(&path, &json!({ "endsAt": in_seconds(END_S - 3600) })).await.ok();
    let renamed = api.change(&late, &json!({ "name": "Later bird", "maxPerBooking": 3 })).await.ok();
    assert_eq!(renamed["name"], "Later bird");
    let wrong = [("saleEndsAt".to_owned(), "OUT_OF_RANGE".to_owned())];
    assert_eq!(api.change(&late, &json!({ "saleEndsAt": in_seconds(END_S - 500) })).await.faults(), wrong);
    refused(&act(&api, event, "publish").await, "SALE_AFTER_EVENT");
    // It is sold no time at all, by the end of the event's own sale.
    api.change(&late, &json!({ "saleEndsAt": null, "saleStartsAt": in_seconds(7000) })).await.ok();
    api.change(&path, &json!({ "saleEndsAt": in_seconds(6000) })).await.ok();
    api.change(&late, &json!({ "name": "No bird" })).await.ok();
    assert_eq!(api.change(&late, &json!({ "saleStartsAt": in_seconds(6500) })).await.faults(), wrong);
    // And a title from when other characters were allowed.
    let old = "UPDATE events SET title = 'Ada' || chr(8238) || 'nimdA' WHERE id = $1";
    server.client.execute(old, &[&event]).await.unwrap();
    let shown = api.change(&path, &json!({ "summary": "In short" })).await.ok();
    assert_eq!(shown["title"], "Ada\u{202e}nimdA");
    let turned = api.change(&path, &json!({ "title": "Eve\u{202e}evE" })).await.faults();
    assert_eq!(turned, [("title".to_owned(), "INVALID".to_owned())]);
}
