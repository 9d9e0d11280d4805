//! Series: events that repeat.

mod steps;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWN, act, book, draft, drafted, organizer, places};
use crate::support::{
    Answer, Api, TestServer,
    client::{instant, new_key, uuid},
    events::in_seconds,
};

const SERIES: &str = "/api/v1/organizer/series";

/// The event, so many times a week apart.
fn weekly(count: u32) -> Value {
    json!({ "rule": { "frequency": "WEEKLY", "count": count } })
}

async fn repeat(api: &Api, event: Uuid, body: &Value) -> Answer {
    api.post(&format!("{OWN}/{event}/occurrences"), body).await
}

fn members(series: &Value) -> Vec<Uuid> {
    series["occurrences"].as_array().unwrap().iter().map(|of| uuid(&of["id"])).collect()
}

fn of_all(series: &Value, member: &str) -> Vec<Value> {
    series["occurrences"].as_array().unwrap().iter().map(|of| of[member].clone()).collect()
}

/// A series of so many drafts: its path, and its events in order.
pub(super) async fn series(server: &TestServer, api: &Api, count: u32) -> (String, Vec<Uuid>) {
    let (event, ..) = drafted(server, api, 5).await;
    let made = repeat(api, event, &weekly(count)).await;
    let path = made.header("location").unwrap().to_owned();
    let members = members(&made.created());
    assert_eq!((members.len(), members[0]), (count as usize, event));
    (path, members)
}

async fn ticket_type(api: &Api, event: Uuid) -> Uuid {
    uuid(&api.get(&format!("{OWN}/{event}/ticket-types")).await.ok()["data"][0]["id"])
}

/// Guards: clocks instead of hours, the shift of every time, and places of one's own. Clocks change on 30 March 2031.
#[tokio::test]
async fn an_event_repeats_with_places_of_its_own_and_at_the_same_time_on_the_clocks() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    server.db.execute("INSERT INTO tags (id, slug, name) VALUES (gen_random_uuid(), 'jazz', 'Jazz')").await;
    let mut body = draft(&server).await;
    for (member, at) in [
        ("startsAt", "2031-03-21T19:00:00Z"),
        ("endsAt", "2031-03-21T21:00:00Z"),
        ("saleStartsAt", "2026-01-01T09:00:00Z"),
        ("saleEndsAt", "2031-03-21T18:00:00Z"),
    ] {
        body[member] = json!(at);
    }
    body["tags"] = json!(["jazz"]);
    let event = api.post(OWN, &body).await.created();
    let path = format!("{OWN}/{}", event["id"].as_str().unwrap());
    let quota = api.post(&format!("{path}/quotas"), &json!({ "name": "Floor", "capacity": 7 })).await.created();
    for name in ["Adult", "Child"] {
        let kind = json!({ "name": name, "quotaId": quota["id"], "price": { "amount": "0", "currency": "EUR" },
            "saleStartsAt": "2026-01-02T09:00:00Z" });
        api.post(&format!("{path}/ticket-types"), &kind).await.created();
    }
    let rule = json!({ "rule": { "frequency": "WEEKLY", "weekdays": ["SATURDAY", "FRIDAY"], "until": "2031-04-04" } });
    let made = repeat(&api, uuid(&event["id"]), &rule).await.created();
    let starts =
        ["03-21T19", "03-22T19", "03-28T19", "03-29T19", "04-04T18"].map(|at| json!(format!("2031-{at}:00:00Z")));
    assert_eq!(of_all(&made, "startsAt"), starts);
    assert!(of_all(&made, "status").iter().all(|status| status == "DRAFT"));

    let last = api.get(&format!("{OWN}/{}", members(&made)[4])).await.ok();
    assert_eq!(
        (&last["seriesId"], &last["title"], &last["tags"]),
        (&made["id"], &json!("An Evening"), &json!([{ "slug": "jazz", "name": "Jazz" }]))
    );
    assert!(last["slug"].as_str().unwrap().starts_with("an-evening-20310404-"), "{last}");
    // Fourteen days later on the clocks, though there is an hour less in between: the sale opens at 10:00 in winter, as before.
    let of = |member: &str| instant(&last[member]).to_string();
    assert_eq!(
        (of("endsAt"), of("saleStartsAt"), of("saleEndsAt")),
        ("2031-04-04T20:00:00Z".to_owned(), "2026-01-15T09:00:00Z".to_owned(), "2031-04-04T17:00:00Z".to_owned())
    );
    let kinds = api.get(&format!("{OWN}/{}/ticket-types", members(&made)[4])).await.ok();
    assert_eq!(kinds["data"][1]["name"], "Child");
    assert_eq!(kinds["data"][1]["saleStartsAt"], "2026-01-16T09:00:00Z");
    assert_eq!(kinds["data"][0]["quotaId"], kinds["data"][1]["quotaId"], "both draw on the copy of one quota");
    let found = server
        .db
        .number(
            "SELECT count(*) FROM event_listings WHERE tags = '{jazz}' AND price_min = 0 AND series_id IS NOT NULL",
            &[],
        )
        .await;
    assert_eq!(found, 5, "each is listed as it is");
    // As if it had been made by itself.
    let listings = "SELECT md5(string_agg(l::text, '' ORDER BY event_id)) FROM event_listings l";
    let digest = async || server.client.query_one(listings, &[]).await.unwrap().get::<_, String>(0);
    let copied = digest().await;
    server.db.execute("SELECT refresh_event_listings(ARRAY(SELECT id FROM events))").await;
    assert_eq!(digest().await, copied);

    api.post(&format!("{SERIES}/{}/publish", made["id"].as_str().unwrap()), &json!({})).await.ok();
    let buyer = server.signed_in().await;
    let second = members(&made)[1];
    // Its sale begins a day later than the first one's, which was long ago.
    book(&buyer, second, ticket_type(&api, second).await, 3).await.created();
    assert_eq!(places(&server.api, second).await, (0, 3, 4));
    assert_eq!(places(&server.api, members(&made)[0]).await, (0, 0, 7));
    server.audit().await;
}

/// Guards: `check_series`, the transaction around all of it, and the index that refuses what it can't see.
#[tokio::test]
async fn no_occurrence_is_there_twice() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let starts = |days: &[i64]| -> Value {
        json!({ "starts": days.iter().map(|day| in_seconds(day * 86_400)).map(round).collect::<Vec<_>>() })
    };
    let made = repeat(&api, event, &starts(&[50, 40])).await.created();
    assert_eq!(of_all(&made, "startsAt")[1..], starts(&[40, 50])["starts"].as_array().unwrap()[..]);
    let before = api.get(&path).await.ok();
    let series = format!("{SERIES}/{}", made["id"].as_str().unwrap());
    let problem = repeat(&api, event, &starts(&[60, 50, 40])).await.problem(409, "SERIES_001");
    let named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|of| of["message"].clone()).collect();
    assert_eq!(json!(named), starts(&[40, 50])["starts"]);
    // Nor the event itself.
    let own = json!({ "starts": [before["startsAt"]] });
    repeat(&api, event, &own).await.problem(409, "SERIES_001");
    assert_eq!(api.get(&series).await.ok(), made, "nothing was made");
    // From a sibling it is the same series; and nobody is moved to where another one is.
    let grown = repeat(&api, members(&made)[2], &starts(&[60])).await.created();
    assert_eq!((&grown["id"], members(&grown).len()), (&made["id"], 4));
    let last = format!("{OWN}/{}", members(&grown)[3]);
    let moved = json!({ "startsAt": of_all(&grown, "startsAt")[1], "saleEndsAt": of_all(&grown, "startsAt")[1] });
    api.change(&last, &moved).await.problem(409, "SERIES_001");
    // Two at once, from two siblings: one of them is late.
    let body = starts(&[70]);
    let (one, other) = tokio::join!(repeat(&api, members(&made)[0], &body), repeat(&api, members(&made)[1], &body));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    // What is refused leaves the event by itself.
    let (alone, ..) = drafted(&server, &api, 5).await;
    let own = json!({ "starts": [api.get(&format!("{OWN}/{alone}")).await.ok()["startsAt"]] });
    repeat(&api, alone, &own).await.problem(409, "SERIES_001");
    assert_eq!(api.get(&format!("{OWN}/{alone}")).await.ok().get("seriesId"), None);
}

/// To the day: two calls of `in_seconds` differ.
fn round(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() / 86_400 * 86_400).unwrap()
}

/// Guards: `once`, and the question whether the first occurrence is there.
#[tokio::test]
async fn a_repeated_request_repeats_the_event_once() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let (key, path) = (new_key(), format!("{OWN}/{event}/occurrences"));
    let first = api.send(Method::POST, &path, Some(&key), Some(&weekly(3))).await;
    let again = api.send(Method::POST, &path, Some(&key), Some(&weekly(3))).await;
    assert_eq!((again.created(), again.header("location")), (first.created(), first.header("location")));
    assert_eq!((first.is_replay(), again.is_replay()), (false, true));
    api.send(Method::POST, &path, Some(&key), Some(&weekly(4))).await.problem(422, "IDEMPOTENCY_002");
    // As if the server had died between its commit and its answer.
    server.db.execute("UPDATE request_keys SET done = false, began_at = now() - interval '2 minutes'").await;
    assert_eq!(api.send(Method::POST, &path, Some(&key), Some(&weekly(3))).await.created(), first.json());
    // What was refused made nothing: the key is free for the corrected request.
    let (other, wrong) = (new_key(), json!({ "starts": ["2031-03-30T02:30"] }));
    let faults = api.send(Method::POST, &path, Some(&other), Some(&wrong)).await.faults();
    assert_eq!(faults, [("starts[0]".to_owned(), "NO_SUCH_TIME".to_owned())]);
    assert!(
        !api.send(Method::POST, &path, Some(&other), Some(&json!({ "starts": ["2031-03-30T03:30"] })))
            .await
            .is_replay()
    );
}

#[tokio::test]
async fn every_fault_of_a_repetition_is_named() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let rule = |rule: Value| json!({ "rule": rule });
    for (body, field, code) in [
        (json!({}), "starts", "REQUIRED"),
        (json!({ "starts": [], "rule": { "frequency": "DAILY", "count": 2 } }), "rule", "CONFLICT"),
        (json!({ "starts": [] }), "starts", "REQUIRED"),
        (json!({ "starts": ["2020-01-01T20:00"] }), "starts[0]", "NOT_IN_FUTURE"),
        (json!({ "starts": "2031-01-01T20:00" }), "starts", "INVALID_TYPE"),
        (rule(json!({ "count": 3 })), "rule.frequency", "REQUIRED"),
        (rule(json!({ "frequency": "YEARLY", "count": 3 })), "rule.frequency", "UNKNOWN_VALUE"),
        (rule(json!({ "frequency": "DAILY" })), "rule.until", "REQUIRED"),
        (rule(json!({ "frequency": "DAILY", "until": "soon" })), "rule.until", "INVALID"),
        (rule(json!({ "frequency": "DAILY", "until": "2030-01-01", "count": 3 })), "rule.count", "CONFLICT"),
        (rule(json!({ "frequency": "DAILY", "until": "2999-01-01" })), "rule", "TOO_MANY"),
        (rule(json!({ "frequency": "WEEKLY", "weekdays": [], "count": 3 })), "rule.weekdays", "INVALID"),
        (rule(json!({ "frequency": "DAILY", "count": 3, "interval": -1 })), "rule.interval", "INVALID"),
        (rule(json!({ "frequency": "DAILY", "count": 3, "byDay": "MO" })), "rule.byDay", "UNKNOWN_FIELD"),
    ] {
        assert_eq!(repeat(&api, event, &body).await.faults(), [(field.to_owned(), code.to_owned())], "{body}");
    }
    act(&api, event, "publish").await.ok();
    act(&api, event, "cancel").await.ok();
    repeat(&api, event, &weekly(3)).await.problem(409, "EVENT_001");
}

/// Guards: both bounds, `TURN`; and that the number of statements does not depend on that of occurrences.
#[tokio::test]
async fn a_year_of_days_is_made_at_once_and_a_series_has_an_end() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let statistics = server.db.connect_as_superuser().await;
    statistics.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await.unwrap();
    let mut asked = Vec::new();
    let mut largest = None;
    for count in [3, 366] {
        let (event, ..) = drafted(&server, &api, 5).await;
        statistics.batch_execute("SELECT pg_stat_statements_reset()").await.unwrap();
        let daily = json!({ "rule": { "frequency": "DAILY", "count": count } });
        let made = repeat(&api, event, &daily).await.created();
        assert_eq!(members(&made).len(), count);
        let count =
            "SELECT coalesce(sum(calls), 0)::int8 FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
            WHERE d.datname = current_database() AND toplevel
                AND query ~ '(events|quotas|ticket_types|event_tags|event_listings)' AND query !~ 'publish_at <= now'
                AND query !~ 'lease_until <= now' AND query !~ 'counted_held' AND query !~ 'id > .1 ORDER BY id LIMIT'";
        asked.push(statistics.query_one(count, &[]).await.unwrap().get::<_, i64>(0));
        largest = Some((event, made));
    }
    assert_eq!(asked[0], asked[1], "statements for three and for a year");
    let (event, made) = largest.unwrap();
    let quotas = "SELECT count(*) FROM quotas q JOIN events e ON e.id = q.event_id WHERE e.series_id = $1";
    assert_eq!(server.db.number(quotas, &[&uuid(&made["id"])]).await, 366);

    let year = |from: i64, days: i64| -> Value {
        json!({ "starts": (from..from + days).map(|day| in_seconds(day * 86_400 + 3600)).collect::<Vec<_>>() })
    };
    assert_eq!(repeat(&api, event, &year(1, 367)).await.faults(), [("starts".to_owned(), "TOO_MANY".to_owned())]);
    let problem = repeat(&api, event, &year(500, 35)).await.problem(409, "EVENT_001");
    assert!(problem["detail"].as_str().unwrap().contains("400"), "{problem}");
    // Two at once, from two siblings, for the last places of the series.
    let (one, other) = (year(500, 34), year(600, 34));
    let (one, other) = tokio::join!(repeat(&api, event, &one), repeat(&api, members(&made)[1], &other));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let largest = if one.status == 201 { one } else { other };
    assert_eq!(members(&largest.created()).len(), 400);
}

/// Guards: the status in every public statement. What is not public is in no list of anybody else.
#[tokio::test]
async fn the_public_sees_what_is_published() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (path, events) = series(&server, &api, 14).await;
    let id = path.rsplit('/').next().unwrap();
    let list = format!("/api/v1/events?seriesId={id}");
    let listed = async || {
        let page = server.api.get(&list).await.ok();
        page["data"].as_array().unwrap().iter().map(|of| uuid(&of["id"])).collect::<Vec<_>>()
    };
    let next = async |event: Uuid| {
        let shown = server.api.get(&format!("/api/v1/events/{event}")).await.ok();
        assert_eq!((&shown["seriesId"], &shown["occurrences"]["all"]), (&json!(id), &json!(list)));
        shown["occurrences"]["next"].as_array().unwrap().iter().map(|of| uuid(&of["id"])).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [] as [Uuid; 0]);
    server.api.get(&format!("/api/v1/events/{}", events[0])).await.problem(404, "RESOURCE_001");
    act(&api, events[0], "publish").await.ok();
    api.post(&format!("{OWN}/{}/publish", events[1]), &json!({ "at": in_seconds(3600) })).await.ok();
    assert_eq!((next(events[0]).await, listed().await), (vec![], vec![events[0]]));
    act(&api, events[2], "publish").await.ok();
    assert_eq!((next(events[0]).await, next(events[2]).await), (vec![events[2]], vec![events[0]]));
    assert_eq!(listed().await, [events[0], events[2]]);
    // Those that have begun are past, and ten are enough.
    api.post(&format!("{path}/publish"), &json!({})).await.ok();
    server
        .client
        .execute("UPDATE events SET starts_at = now() - interval '1 minute' WHERE id = $1", &[&events[0]])
        .await
        .unwrap();
    assert_eq!(next(events[3]).await, [&events[1..3], &events[4..12]].concat());
    assert_eq!(listed().await.len(), 14, "a list has past ones as well, unless `from` leaves them out");
    act(&api, events[1], "cancel").await.ok();
    assert_eq!(next(events[3]).await[0], events[2]);
    assert_eq!(server.api.get(&format!("{list}&status=CANCELLED")).await.ok()["data"][0]["id"], json!(events[1]));

    // Filters of organizers see drafts, of their own.
    let (other, _) = series(&server, &api, 2).await;
    let own = |path: &str| format!("{OWN}?seriesId={}", path.rsplit('/').next().unwrap());
    let total = async |api: &Api, path: &str| api.get(&own(path)).await.ok()["pagination"]["total"].clone();
    assert_eq!((total(&api, &path).await, total(&api, &other).await), (json!(14), json!(2)));
    assert_eq!(total(&organizer(&server).await, &path).await, json!(0));
    assert_eq!(server.api.get("/api/v1/events?seriesId=x").await.faults()[0].0, "seriesId");
    assert_eq!(api.get(&format!("{OWN}?seriesId=x")).await.faults()[0].0, "seriesId");
    let nothing = server.api.get(&format!("/api/v1/events?seriesId={}", Uuid::now_v7())).await.ok();
    assert_eq!(nothing["pagination"]["total"], 0);
}

/// Guards: `is_at_once`. What is sold at once is sold at once in each occurrence and copy, and not from some day on that nobody has said.
#[tokio::test]
async fn what_is_sold_at_once_is_so_on_each_day() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let mut body = draft(&server).await;
    body.as_object_mut().unwrap().remove("saleStartsAt");
    let event = uuid(&api.post(OWN, &body).await.created()["id"]);
    // Said and taken back: the same.
    let path = format!("{OWN}/{event}");
    api.change(&path, &json!({ "saleStartsAt": in_seconds(86_400) })).await.ok();
    api.change(&path, &json!({ "saleStartsAt": null })).await.ok();
    let series = repeat(&api, event, &weekly(3)).await.created();
    let again = json!({ "starts": [in_seconds(300 * 86_400)] });
    let added = repeat(&api, members(&series)[2], &again).await.created();
    let copy = json!({ "startsAt": in_seconds(90 * 86_400) });
    let copy = uuid(&api.post(&format!("{path}/duplicate"), &copy).await.created()["id"]);
    for id in members(&added).into_iter().chain([copy]) {
        let shown = api.get(&format!("{OWN}/{id}")).await.ok();
        assert!(instant(&shown["saleStartsAt"]) <= in_seconds(0), "{shown}");
        assert_eq!(shown["saleEndsAt"], shown["startsAt"], "and until it begins");
    }
}
