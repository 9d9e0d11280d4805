//! One server: what is kept, under which names, and when it ends.

use actors::cache::Namespace;
use domain::{
    accounts::Role,
    cache::Tag,
    ids::{EventId, VenueId},
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    EventBuilder, Settings, TestServer,
    events::{add_venue, in_seconds},
};

/// Answers end by changes only, so that a test sees which. An answer that Redis does not take in time stays out of it until it ends, so
/// that Redis has more time than it needs on a busy machine.
pub(crate) fn settings() -> Settings {
    let settings = Settings::default().set("BOXOFFICE__CACHE__ENABLED", "true");
    let settings = settings.set("BOXOFFICE__CACHE__FRESH", "1h").set("BOXOFFICE__CACHE__STALE", "0s");
    settings.set("BOXOFFICE__CACHE__REDIS_TIMEOUT", "2s")
}

/// Reads from the database so far, of one namespace.
fn loads(server: &TestServer, namespace: Namespace) -> u64 {
    let overview = server.running.cache.cache.overview();
    overview.namespaces.iter().find(|(name, _, _)| *name == namespace).unwrap().2.loads
}

fn answers(server: &TestServer) -> u64 {
    server.running.cache.cache.overview().namespaces.iter().map(|(_, size, _)| size.entries).sum()
}

pub(crate) async fn rename(client: &tokio_postgres::Client, event: Uuid, title: &str) {
    client.execute("UPDATE events SET title = $2 WHERE id = $1", &[&event, &title]).await.unwrap();
}

/// Watches that answers are kept at all, and that the change of what they show ends them at once.
#[tokio::test]
async fn an_answer_is_kept_until_what_it_shows_changes() {
    let server = settings().start().await;
    let event = server.event(EventBuilder::ga(10).title("Old")).await;
    let paths = [format!("/api/v1/events/{}", event.id), format!("/api/v1/events/{}", event.slug)];
    let title = async |path: &str| server.api.get(path).await.ok()["title"].clone();
    let listed = async || server.api.get("/api/v1/events").await.ok()["data"][0]["title"].clone();
    for _ in 0..3 {
        assert_eq!(
            (title(&paths[0]).await, title(&paths[1]).await, listed().await),
            (json!("Old"), json!("Old"), json!("Old"))
        );
    }
    assert_eq!((loads(&server, Namespace::Event), loads(&server, Namespace::Events)), (2, 1));
    for round in 0..10 {
        let new = format!("New {round}");
        let before = title(&paths[0]).await;
        rename(&server.client, event.id, &new).await;
        assert_eq!(title(&paths[0]).await, before, "nobody has told the cache");
        server.running.cache.cache.invalidate(&[Tag::Event(EventId(event.id))]);
        assert_eq!((title(&paths[0]).await, title(&paths[1]).await), (json!(new), json!(new)));
        assert_ne!(listed().await, json!(new), "the list has another tag");
        server.running.cache.cache.invalidate(&[Tag::Events]);
        assert_eq!(listed().await, json!(new));
    }
}

#[tokio::test]
async fn a_venue_is_a_part_of_its_events() {
    let server = settings().start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let shown = async || {
        let detail = server.api.get(&format!("/api/v1/events/{}", event.id)).await.ok();
        let venue = server.api.get(&format!("/api/v1/venues/{}", event.venue)).await.ok();
        let list = server.api.get("/api/v1/venues").await.ok();
        (detail["venue"]["name"].clone(), venue["name"].clone(), list["data"][0]["name"].clone())
    };
    let before = shown().await;
    server.client.execute("UPDATE venues SET name = 'Renamed' WHERE id = $1", &[&event.venue]).await.unwrap();
    assert_eq!(shown().await, before);
    server.running.cache.cache.invalidate(&[Tag::Venue(VenueId(event.venue)), Tag::Venues]);
    assert_eq!(shown().await, (json!("Renamed"), json!("Renamed"), json!("Renamed")));
}

/// Watches canonical keys, and that a query is checked before the cache is asked: without either anybody fills it.
#[tokio::test]
async fn one_question_has_one_answer_however_it_is_asked() {
    let server = settings().start().await;
    add_venue(&server.client, "Odeon").await;
    let event = server.event(EventBuilder::ga(10)).await;
    for query in ["", "?", "?limit=20", "?offset=0", "?offset=0&limit=20", "?limit=", "?&&"] {
        server.api.get(&format!("/api/v1/venues{query}")).await.ok();
    }
    assert_eq!((answers(&server), loads(&server, Namespace::Venues)), (1, 1));
    let id = event.id;
    for name in [id.to_string(), id.to_string().to_uppercase(), id.simple().to_string()] {
        server.api.get(&format!("/api/v1/events/{name}")).await.ok();
    }
    assert_eq!((answers(&server), loads(&server, Namespace::Event)), (2, 1));
    for number in 0..20 {
        let path = ["events", "venues", "tags", "categories", "settings", "events/x", "venues/x"][number % 7];
        server.api.get(&format!("/api/v1/{path}?nonsense={number}")).await.faults();
        server.api.get(&format!("/api/v1/venues/{}", "long".repeat(100 + number))).await.problem(404, "RESOURCE_001");
    }
    assert_eq!(answers(&server), 2);
}

/// Watches that everything by which answers differ is in their names.
#[tokio::test]
async fn different_questions_have_different_answers() {
    let server = settings().start().await;
    for city in ["Berlin", "Lyon", "Graz"] {
        server.event(EventBuilder::ga(10).city(city).title(&format!("In {city}")).tag(city)).await;
    }
    let titles = async |query: &str| {
        let shown = server.api.get(&format!("/api/v1/events?{query}")).await.ok();
        let titles = shown["data"].as_array().unwrap().iter().map(|event| event["title"].as_str().unwrap().to_owned());
        titles.collect::<Vec<_>>()
    };
    let first_page = titles("sort=title&limit=1").await;
    let cursor = server.api.get("/api/v1/events?sort=title&limit=1").await.ok()["pagination"]["nextCursor"].clone();
    for _ in 0..2 {
        for (query, expected) in [
            ("sort=title", vec!["In Berlin", "In Graz", "In Lyon"]),
            ("sort=-title", vec!["In Lyon", "In Graz", "In Berlin"]),
            ("sort=title&limit=2", vec!["In Berlin", "In Graz"]),
            ("sort=title&limit=2&offset=1", vec!["In Graz", "In Lyon"]),
            ("sort=title&limit=2&offset=2", vec!["In Lyon"]),
            ("city=Lyon", vec!["In Lyon"]),
            ("city=graz", vec!["In Graz"]),
            ("tag=berlin", vec!["In Berlin"]),
            ("q=lyon", vec!["In Lyon"]),
            ("q=graz", vec!["In Graz"]),
            ("category=dance", vec![]),
            ("status=CANCELLED", vec![]),
        ] {
            assert_eq!(titles(query).await, expected, "{query}");
        }
        assert_eq!(first_page, ["In Berlin"]);
        let next = format!("sort=title&limit=1&cursor={}", cursor.as_str().unwrap());
        assert_eq!(titles(&next).await, ["In Graz"]);
        let names = server.api.get("/api/v1/tags?limit=1").await.ok()["data"].as_array().unwrap().len();
        assert_eq!((names, server.api.get("/api/v1/tags").await.ok()["data"].as_array().unwrap().len()), (1, 3));
    }
}

/// Watches that what belongs to somebody has no place in the cache, nor in one on the way.
#[tokio::test]
async fn nothing_of_an_account_is_kept() {
    let server = settings().start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let (one, other) = (server.signed_in().await, server.signed_in().await);
    one.book(&event, &event.places(1)).await.created();
    for path in ["/api/v1/profile", "/api/v1/bookings", "/api/v1/sessions"] {
        for _ in 0..2 {
            let [first, second] = [one.get(path).await, other.get(path).await];
            assert_eq!(first.header("cache-control"), Some("no-store"), "{path}");
            assert!(path == "/api/v1/sessions" || first.ok() != second.ok(), "{path}");
        }
    }
    assert_eq!(answers(&server), 0);
    // Who is asking makes no difference to what is for everybody.
    let path = format!("/api/v1/events/{}", event.id);
    let with_cookie = server.api.with_header("cookie", "__Host-session=x");
    let seen = [server.api.get(&path).await, one.get(&path).await, with_cookie.get(&path).await];
    assert!(seen.iter().all(|answer| answer.body == seen[0].body && answer.header("set-cookie").is_none()));
    assert_eq!((answers(&server), loads(&server, Namespace::Event)), (1, 1));
}

#[tokio::test]
async fn that_there_is_nothing_is_remembered_until_there_is_something() {
    let server = settings().start().await;
    let event = server.event(EventBuilder::ga(10).status("DRAFT")).await;
    let path = format!("/api/v1/events/{}", event.id);
    for _ in 0..3 {
        let answer = server.api.get(&path).await;
        answer.problem(404, "RESOURCE_001");
        assert_eq!((answer.header("cache-control"), answer.header("etag")), (Some("no-store"), None));
    }
    // The thing itself, and whether it has gone elsewhere.
    assert_eq!(loads(&server, Namespace::Event), 2);
    server.client.execute("UPDATE events SET status = 'PUBLISHED' WHERE id = $1", &[&event.id]).await.unwrap();
    server.running.cache.cache.invalidate(&[Tag::Event(EventId(event.id)), Tag::Events]);
    server.api.get(&path).await.ok();
}

/// Availability has snapshots of its own; a cached one would sell what is gone.
#[tokio::test]
async fn places_are_never_cached() {
    let server = settings().start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let api = server.signed_in().await;
    for sold in 0..3 {
        assert_eq!(api.places(&event).await, (0, sold, 10 - sold));
        let answer = api.get(&event.path("availability")).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        api.book(&event, &event.places(1)).await.created();
    }
    let last = server.event(EventBuilder::ga(1).title("The last place")).await;
    let free = async || {
        let answer = server.api.get("/api/v1/events?available=true&q=last+place").await;
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        answer.ok()["data"].as_array().unwrap().len()
    };
    assert_eq!(free().await, 1);
    api.book(&last, &last.places(1)).await.created();
    assert_eq!(free().await, 0);
    let booking = api.get("/api/v1/bookings").await;
    assert_eq!(booking.header("cache-control"), Some("no-store"));
    assert_eq!(answers(&server), 0);
}

/// Watches the whole way of an answer that is read again beside the request that has found it old.
#[tokio::test]
async fn an_old_answer_is_read_anew_without_a_word() {
    let settings = settings().set("BOXOFFICE__CACHE__FRESH", "50ms").set("BOXOFFICE__CACHE__STALE", "1h");
    let server = settings.start().await;
    let event = server.event(EventBuilder::ga(10).title("Old")).await;
    let path = format!("/api/v1/events/{}", event.id);
    server.api.get(&path).await.ok();
    rename(&server.client, event.id, "New").await;
    crate::support::until("it is read anew", async || server.api.get(&path).await.ok()["title"] == "New").await;
    let counted = server.running.cache.cache.overview().namespaces[Namespace::Event as usize].2;
    assert_eq!(counted.missed, 1, "nobody has waited: {counted:?}");
}

/// Guards: the tag of a series, on pages and in each of the ways by which an occurrence changes. Anyone who asks after the answer to a
/// change sees it on the siblings' pages; of what the upkeep publishes they hear as soon as it is published.
#[tokio::test]
async fn a_change_of_an_occurrence_is_on_the_pages_of_its_siblings() {
    let server = settings().start().await;
    let api = server.signed_in_as(Role::Organizer).await;
    let venue = add_venue(&server.client, "Odeon").await;
    let body = json!({
        "title": "An Evening", "category": "concert", "venueId": venue, "timeZone": "Europe/Berlin", "currency": "EUR",
        "startsAt": in_seconds(30 * 86_400), "endsAt": in_seconds(30 * 86_400 + 7200),
    });
    let own = "/api/v1/organizer";
    let event = api.post(&format!("{own}/events"), &body).await.created();
    let path = |event: &Value| format!("{own}/events/{}", event["id"].as_str().unwrap());
    let quota = json!({ "name": "Floor", "capacity": 5 });
    let quota = api.post(&format!("{}/quotas", path(&event)), &quota).await.created();
    let kind = json!({ "name": "Adult", "quotaId": quota["id"], "price": { "amount": "0", "currency": "EUR" } });
    api.post(&format!("{}/ticket-types", path(&event)), &kind).await.created();
    let weekly = json!({ "rule": { "frequency": "WEEKLY", "count": 4 } });
    let made = api.post(&format!("{}/occurrences", path(&event)), &weekly).await.created();
    let of = &made["occurrences"];
    let series = format!("{own}/series/{}", made["id"].as_str().unwrap());

    api.post(&format!("{}/publish", path(&of[0])), &json!({})).await.ok();
    let page = format!("/api/v1/events/{}", of[0]["id"].as_str().unwrap());
    let list = format!("/api/v1/events?seriesId={}", made["id"].as_str().unwrap());
    let next = async || {
        let shown = server.api.get(&page).await.ok()["occurrences"]["next"].clone();
        json!(shown.as_array().unwrap().iter().map(|of| of["title"].clone()).collect::<Vec<Value>>())
    };
    // The list has the event itself, too.
    let listed = async || server.api.get(&list).await.ok()["data"].as_array().unwrap().len() - 1;
    assert_eq!((next().await, listed().await), (json!([]), 0));
    api.post(&format!("{}/publish", path(&of[2])), &json!({})).await.ok();
    assert_eq!((next().await, listed().await), (json!(["An Evening"]), 1));
    api.change(&path(&of[2]), &json!({ "title": "Another Evening" })).await.ok();
    assert_eq!(next().await, json!(["Another Evening"]));
    api.post(&format!("{}/publish", path(&of[1])), &json!({ "at": in_seconds(5) })).await.ok();
    let both = json!(["An Evening", "Another Evening"]);
    // Each by itself: it may be published between two reads.
    crate::support::until("the upkeep has published it", async || next().await == both).await;
    crate::support::until("it is in the list", async || listed().await == 2).await;
    api.post(&format!("{series}/publish"), &json!({})).await.ok();
    assert_eq!((next().await.as_array().unwrap().len(), listed().await), (3, 3));
    api.send(Method::POST, &format!("{}/cancel", path(&of[1])), None, None).await.ok();
    assert_eq!((next().await.as_array().unwrap().len(), listed().await), (2, 2));
    api.delete(&format!("{series}/occurrences/{}", of[3]["id"].as_str().unwrap())).await;
    assert_eq!((next().await, listed().await), (json!(["Another Evening"]), 1));
    let from = json!({ "from": of[1]["startsAt"] });
    api.post(&format!("{series}/cancel"), &from).await.ok();
    assert_eq!((next().await, listed().await), (json!([]), 0));
}
