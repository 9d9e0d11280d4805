//! `GET /events` and `GET /venues` as a search: words, filters, sorts; `GET /categories` and `GET /tags`.

use serde_json::{Value, json};

use crate::support::{
    Api, EventBuilder, TestServer,
    client::uuid,
    events::{add_venue, add_venue_in, in_seconds},
};

/// The titles that a query finds, in order.
pub(crate) async fn titles(api: &Api, query: &str) -> Vec<String> {
    let found = api.get(&format!("/api/v1/events?{query}")).await.ok();
    found["data"].as_array().unwrap().iter().map(|event| event["title"].as_str().unwrap().to_owned()).collect()
}

async fn sorted_titles(api: &Api, query: &str) -> Vec<String> {
    let mut titles = titles(api, query).await;
    titles.sort();
    titles
}

async fn with_titles(server: &TestServer, titles: &[&str]) {
    for (title, day) in titles.iter().zip(1..) {
        server.event(EventBuilder::ga(5).title(title).starts_at(in_seconds(day * 86_400))).await;
    }
}

/// Watches the stems of three languages and the folding of accents.
#[tokio::test]
async fn words_are_found_in_other_forms_and_without_accents() {
    let server = TestServer::start().await;
    let all = ["Nacht der Chöre", "Dancing Horses", "Les chansons de Zoé Żeleńska", "Così fan tutte", "The Who"];
    with_titles(&server, &all).await;
    for (query, found) in [
        ("chor", all[0]),
        ("N%C3%A4chte", all[0]),
        ("NACHT+Chore", all[0]),
        ("dance+horse", all[1]),
        ("danced", all[1]),
        ("chanson", all[2]),
        ("zelenska", all[2]),
        ("COSI", all[3]),
        ("the+who", all[4]),
        ("nacht+berlin", all[0]),
    ] {
        assert_eq!(titles(&server.api, &format!("q={query}")).await, [found], "{query}");
    }
}

/// Watches the weights, the order of equals, and the rank of other spellings.
#[tokio::test]
async fn titles_come_before_tags_these_before_summaries_these_before_descriptions() {
    let server = TestServer::start().await;
    let day = |day: i64| in_seconds(day * 86_400);
    let plain = |title: &str, at| EventBuilder::ga(5).title(title).starts_at(at);
    server.event(plain("Described", day(1)).description("With a marimba, at last")).await;
    server.event(plain("Summed up", day(2)).summary("All about marimbas")).await;
    server.event(plain("Tagged", day(3)).tag("marimba")).await;
    server.event(plain("Late Marimba", day(9)).description("marimba marimba marimba")).await;
    server.event(plain("Marimba and a long title beside it", day(4))).await;
    server.event(plain("Marymba", day(1))).await;
    server.event(plain("Of Marimba, held in a city", day(5)).city("Marimba")).await;
    let expected = [
        "Marimba and a long title beside it",
        "Of Marimba, held in a city",
        "Late Marimba",
        "Tagged",
        "Summed up",
        "Described",
        "Marymba",
    ];
    assert_eq!(titles(&server.api, "q=marimba").await, expected);
    assert_eq!(titles(&server.api, "q=marimba&sort=relevance").await, expected);
    assert_eq!(titles(&server.api, "q=marimba&sort=-startsAt").await[0], "Late Marimba", "another sort is heeded");
}

/// Watches the look-up of similar words.
#[tokio::test]
async fn a_slip_of_the_finger_still_finds() {
    let server = TestServer::start().await;
    with_titles(&server, &["Don Quixote", "Konzert im Hof", "Philharmonie heute", "Jazz"]).await;
    add_venue(&server.client, "Kaskadenhalle").await;
    for (query, found) in [
        ("Quixtoe", "Don Quixote"),
        ("konzret+hof", "Konzert im Hof"),
        ("pilharmonie", "Philharmonie heute"),
        ("jaz", "Jazz"),
    ] {
        assert_eq!(titles(&server.api, &format!("q={query}")).await, [found], "{query}");
    }
    assert_eq!(titles(&server.api, "q=xylophage").await, [""; 0]);
    let venues = server.api.get("/api/v1/venues?q=kaskadnehalle").await.ok();
    assert_eq!(venues["data"][0]["name"], "Kaskadenhalle");
}

/// What many find is not taken for a slip: `Merlin` has no place in a list of what is on in Berlin.
#[tokio::test]
async fn a_word_that_many_events_have_is_not_respelt() {
    let server = TestServer::start().await;
    for _ in 0..10 {
        server.event(EventBuilder::ga(1).title("Berlin at night")).await;
    }
    server.event(EventBuilder::ga(1).title("Merlin").city("Bonn")).await;
    assert_eq!(titles(&server.api, "q=berlin").await.len(), 10);
}

#[tokio::test]
async fn phrases_exclusions_and_alternatives() {
    let server = TestServer::start().await;
    with_titles(&server, &["Big Band Night", "Band of the Big City", "Jazz", "Jazz Rock"]).await;
    assert_eq!(titles(&server.api, "q=%22big+band%22").await, ["Big Band Night"]);
    // An en dash, as word processors write it, says the same as a hyphen.
    for without in ["q=jazz+-rock", "q=jazz+%E2%80%93rock"] {
        assert_eq!(titles(&server.api, without).await, ["Jazz"], "{without}");
    }
    assert_eq!(sorted_titles(&server.api, "q=city+or+night").await, ["Band of the Big City", "Big Band Night"]);
    for harmless in ["q=jazz+%26+%7C+%21+%3A*+%3C-%3E", "q=%27jazz%27%29%3B--", "q=jazz%5C", "q=%25jazz_"] {
        assert_eq!(titles(&server.api, harmless).await.len(), 2, "{harmless}");
    }
}

/// One event has everything that is asked for, the others each lack one thing.
#[tokio::test]
async fn each_filter_leaves_out_what_does_not_have_it() {
    let server = TestServer::start().await;
    let hall = add_venue_in(&server.client, "Hall", "Zürich").await;
    let at = |hours: i64| in_seconds(hours * 3600);
    let base = || {
        EventBuilder::ga(5)
            .price("20")
            .tag("one")
            .tag("two")
            .category("dance")
            .at(hall)
            .starts_at(at(48))
            .title("Right")
    };
    let elsewhere = base().at(add_venue_in(&server.client, "Hall", "Genf").await).title("Elsewhere");
    server.event(base()).await;
    server.event(elsewhere).await;
    server.event(base().title("Too soon").starts_at(at(24))).await;
    server.event(base().title("Too late").starts_at(at(72))).await;
    server.event(base().category("talk").title("Talk")).await;
    server
        .event(EventBuilder::ga(5).price("20").tag("one").category("dance").at(hall).starts_at(at(48)).title("One tag"))
        .await;
    server.event(base().and_ga("Dear", 5).price("80").title("Dear too")).await;
    server.event(base().price("60").title("Dear")).await;
    server.event(base().status("CANCELLED").title("Cancelled")).await;
    server.event(base().status("DRAFT").title("Draft")).await;

    let everything = format!(
        "from={}&to={}&venueId={hall}&city=ZURICH&category=dance&tag=one&tag=two&minPrice=15&maxPrice=20.00&available=true",
        at(36),
        at(60)
    );
    assert_eq!(sorted_titles(&server.api, &everything).await, ["Dear too", "Right"]);
    let all: Vec<&str> =
        vec!["Cancelled", "Dear", "Dear too", "Elsewhere", "One tag", "Right", "Talk", "Too late", "Too soon"];
    let without = |left_out: &[&str]| -> Vec<String> {
        let published = all.iter().filter(|title| **title != "Cancelled" && !left_out.contains(title));
        published.map(|title| (*title).to_owned()).collect()
    };
    for (query, left_out) in [
        (format!("from={}", at(36)), vec!["Too soon"]),
        (format!("to={}", at(60)), vec!["Too late"]),
        (format!("venueId={hall}"), vec!["Elsewhere"]),
        ("city=z%C3%BCrich".to_owned(), vec!["Elsewhere"]),
        ("category=dance".to_owned(), vec!["Talk"]),
        ("tag=two".to_owned(), vec!["One tag"]),
        ("tag=two&tag=one".to_owned(), vec!["One tag"]),
        ("maxPrice=20".to_owned(), vec!["Dear"]),
        ("maxPrice=60".to_owned(), vec![]),
        ("status=PUBLISHED".to_owned(), vec![]),
        ("q=hall".to_owned(), vec![]),
    ] {
        assert_eq!(sorted_titles(&server.api, &query).await, without(&left_out), "{query}");
    }
    assert_eq!(sorted_titles(&server.api, "minPrice=60").await, ["Dear", "Dear too"]);
    // Its prices are on both sides of the bounds, and none within.
    assert_eq!(sorted_titles(&server.api, "minPrice=30&maxPrice=70").await, ["Dear"]);
    assert_eq!(titles(&server.api, "status=CANCELLED").await, ["Cancelled"]);
    assert_eq!(titles(&server.api, "status=ARCHIVED").await, [""; 0]);
}

#[tokio::test]
async fn every_parameter_is_checked_and_all_faults_are_told() {
    let server = TestServer::start().await;
    let long = "x".repeat(201);
    for (query, field, code) in [
        ("q=%2B%2B%2B", "q", "INVALID"),
        ("q=-rock", "q", "INVALID"),
        ("q=a%00b", "q", "INVALID"),
        (&format!("q={long}"), "q", "TOO_LONG"),
        ("from=soon", "from", "INVALID"),
        ("from=2026-13-01", "from", "INVALID"),
        ("from=0000-12-31T23:59:59Z", "from", "OUT_OF_RANGE"),
        ("to=2026-03-14T10:00:00", "to", "INVALID"),
        ("from=2026-03-15&to=2026-03-14", "to", "OUT_OF_ORDER"),
        ("from=2026-03-15&to=2026-03-15", "to", "OUT_OF_ORDER"),
        ("endsFrom=soon", "endsFrom", "INVALID"),
        ("endsTo=2026-13-01", "endsTo", "INVALID"),
        ("endsFrom=2026-03-15&endsTo=2026-03-15", "endsTo", "OUT_OF_ORDER"),
        ("venueId=hall", "venueId", "INVALID"),
        ("city=%0A%07x", "city", "INVALID"),
        (&format!("category={long}"), "category", "TOO_LONG"),
        ("tag=a&tag=b&tag=c&tag=d&tag=e&tag=f&tag=g&tag=h&tag=i&tag=j&tag=k", "tag", "TOO_MANY"),
        ("minPrice=-1", "minPrice", "INVALID"),
        ("minPrice=1e3", "minPrice", "INVALID"),
        ("minPrice=free", "minPrice", "INVALID"),
        ("minPrice=.5", "minPrice", "INVALID"),
        ("minPrice=5.", "minPrice", "INVALID"),
        ("maxPrice=1.2345", "maxPrice", "OUT_OF_RANGE"),
        ("maxPrice=000000000001", "maxPrice", "OUT_OF_RANGE"),
        ("maxPrice=100000000000", "maxPrice", "OUT_OF_RANGE"),
        ("minPrice=10.01&maxPrice=10", "maxPrice", "OUT_OF_ORDER"),
        ("available=maybe", "available", "INVALID"),
        ("status=DRAFT", "status", "INVALID"),
        ("sort=colour", "sort", "INVALID"),
        ("sort=-relevance&q=a", "sort", "INVALID"),
        ("sort=relevance", "sort", "CONFLICT"),
        ("sort=title&sort=price", "sort", "REPEATED"),
        ("Sort=title", "Sort", "UNKNOWN_PARAMETER"),
    ] {
        let faults = server.api.get(&format!("/api/v1/events?{query}")).await.faults();
        assert_eq!(faults, [(field.to_owned(), code.to_owned())], "{query}");
    }
    assert_eq!(server.api.get("/api/v1/events?q=-&from=x&limit=0&sort=x&colour=red").await.faults().len(), 5);
    for right in [
        "minPrice=10&maxPrice=10",
        "from=2026-03-14&to=2026-03-14T00:00:00.000001Z",
        "q=%20%20&city=",
        "tag=",
        "minPrice=0",
    ] {
        server.api.get(&format!("/api/v1/events?{right}")).await.ok();
    }
    for (query, field) in [("country=Germany", "country"), ("sort=startsAt", "sort"), ("category=x", "category")] {
        assert_eq!(server.api.get(&format!("/api/v1/venues?{query}")).await.faults()[0].0, field, "{query}");
    }
}

#[tokio::test]
async fn every_sort_goes_both_ways() {
    let server = TestServer::start().await;
    // In the order of their making.
    for (title, day, price) in [("béta", 3, "10"), ("Alpha", 2, "30"), ("gamma", 1, "20")] {
        server.event(EventBuilder::ga(5).title(title).price(price).starts_at(in_seconds(day * 86_400))).await;
    }
    for (sort, expected) in [
        ("startsAt", ["gamma", "Alpha", "béta"]),
        ("title", ["Alpha", "béta", "gamma"]),
        ("price", ["béta", "gamma", "Alpha"]),
        ("createdAt", ["béta", "Alpha", "gamma"]),
    ] {
        assert_eq!(titles(&server.api, &format!("sort={sort}")).await, expected, "{sort}");
        let mut reversed = expected;
        reversed.reverse();
        assert_eq!(titles(&server.api, &format!("sort=-{sort}")).await, reversed, "-{sort}");
    }
    assert_eq!(titles(&server.api, "").await, ["gamma", "Alpha", "béta"], "soonest first");
}

/// Watches the triggers that keep the listings: no matter who changes what, the next list has it.
#[tokio::test]
async fn a_change_is_found_at_once() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(5).price("10").tag("Old").title("Before")).await;
    let found = async |query: &str| titles(&server.api, query).await.len();
    let id = event.id;
    for (change, finds, no_more) in [
        (format!("UPDATE events SET title = 'Afterwards' WHERE id = '{id}'"), "q=afterwards", "q=before"),
        (format!("UPDATE events SET category = 'talk' WHERE id = '{id}'"), "category=talk", "category=concert"),
        (format!("UPDATE ticket_types SET price = 12 WHERE event_id = '{id}'"), "minPrice=11", "maxPrice=11"),
        ("UPDATE tags SET slug = 'new', name = 'Fresh'".to_owned(), "tag=new&q=fresh", "tag=old"),
        (format!("UPDATE venues SET city = 'Ulm' WHERE id = '{}'", event.venue), "city=ulm&q=ulm", "city=berlin"),
        (
            format!("UPDATE events SET sale_ends_at = now() + interval '1 hour' WHERE id = '{id}'"),
            "available=true",
            "city=berlin",
        ),
        (
            format!("UPDATE events SET sale_ends_at = now() - interval '1 hour' WHERE id = '{id}'"),
            "city=ulm",
            "available=true",
        ),
        (format!("DELETE FROM event_tags WHERE event_id = '{id}'"), "q=ulm", "tag=new"),
        (
            format!("UPDATE ticket_types SET price = 20 WHERE event_id = '{id}'"),
            "sort=price&minPrice=20",
            "maxPrice=12",
        ),
        (format!("UPDATE events SET status = 'CANCELLED' WHERE id = '{id}'"), "status=CANCELLED", "status=PUBLISHED"),
    ] {
        server.client.batch_execute(&change).await.unwrap();
        assert_eq!((found(finds).await, found(no_more).await), (1, 0), "{change}");
    }
    server.client.execute("DELETE FROM events WHERE id = $1", &[&id]).await.unwrap();
    assert_eq!(found("status=CANCELLED").await, 0);
}

/// Two who change different things of one event at once: without the lock on the listing, the later one would write what it saw
/// before the earlier one committed.
#[tokio::test]
async fn two_changes_at_once_are_both_listed() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(5).price("10").title("Before")).await;
    let (mut one, mut other) = (server.db.connect().await, server.db.connect().await);
    let first = one.transaction().await.unwrap();
    first.execute("UPDATE events SET title = 'Afterwards' WHERE id = $1", &[&event.id]).await.unwrap();
    let second = other.transaction().await.unwrap();
    let change = format!("UPDATE ticket_types SET price = 30 WHERE event_id = '{}'", event.id);
    let waiting = second.batch_execute(&change);
    let commit = async {
        let blocked =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let is_blocked = async || server.client.query_one(blocked, &[]).await.unwrap().get::<_, i64>(0) > 0;
        crate::support::until("the second waits for the first", is_blocked).await;
        first.commit().await.unwrap();
    };
    let (changed, ()) = tokio::join!(waiting, commit);
    changed.unwrap();
    second.commit().await.unwrap();
    assert_eq!(titles(&server.api, "q=afterwards&minPrice=30").await, ["Afterwards"]);
}

#[tokio::test]
async fn a_list_shows_what_a_listing_needs() {
    let server = TestServer::start().await;
    let builder = EventBuilder::ga(5).price("9.5").and_ga("Dear", 5).price("80").tag("Jazz").title("Shown");
    let event = server.event(builder).await;
    let shown = server.api.get("/api/v1/events").await.ok()["data"][0].clone();
    assert_eq!(shown["minPrice"], json!({ "amount": "9.50", "currency": "EUR" }));
    assert_eq!(shown["maxPrice"], json!({ "amount": "80.00", "currency": "EUR" }));
    assert_eq!(shown["tags"], json!([{ "slug": "jazz", "name": "Jazz" }]));
    assert_eq!((uuid(&shown["venue"]["id"]), &shown["venue"]["city"]), (event.venue, &json!("Berlin")));
    assert_eq!((shown.get("description"), shown.get("availability")), (None, None));
}

#[tokio::test]
async fn venues_are_searched_filtered_and_sorted() {
    let server = TestServer::start().await;
    for (name, city) in [("Odeon", "Köln"), ("Arena", "Genf"), ("Zirkus", "Köln")] {
        add_venue_in(&server.client, name, city).await;
    }
    server.client.batch_execute("UPDATE venues SET country = 'CH', capacity = 90 WHERE city = 'Genf'").await.unwrap();
    let names = async |query: &str| -> Vec<Value> {
        let found = server.api.get(&format!("/api/v1/venues?{query}")).await.ok();
        found["data"].as_array().unwrap().iter().map(|venue| venue["name"].clone()).collect()
    };
    for (query, expected) in [
        ("", vec!["Arena", "Odeon", "Zirkus"]),
        ("sort=-name", vec!["Zirkus", "Odeon", "Arena"]),
        ("sort=city", vec!["Arena", "Odeon", "Zirkus"]),
        ("sort=-city", vec!["Zirkus", "Odeon", "Arena"]),
        ("sort=capacity", vec!["Arena", "Odeon", "Zirkus"]),
        ("sort=-createdAt", vec!["Zirkus", "Arena", "Odeon"]),
        ("city=KOLN", vec!["Odeon", "Zirkus"]),
        ("country=ch", vec!["Arena"]),
        ("q=koln", vec!["Odeon", "Zirkus"]),
        ("q=odeon+koln", vec!["Odeon"]),
        ("q=koln&country=CH", vec![]),
    ] {
        assert_eq!(names(query).await, expected.into_iter().map(Value::from).collect::<Vec<_>>(), "{query}");
    }
}

#[tokio::test]
async fn categories_and_tags_count_published_events() {
    let server = TestServer::start().await;
    for (category, tags, status) in [
        ("concert", ["Jazz", "Blues"], "PUBLISHED"),
        ("concert", ["Jazz", "Open Air"], "PUBLISHED"),
        ("talk", ["Jazz", "Science"], "PUBLISHED"),
        ("dance", ["Tango", "Jazz"], "DRAFT"),
        ("sport", ["Running", "Jazz"], "CANCELLED"),
    ] {
        server.event(EventBuilder::ga(1).category(category).tag(tags[0]).tag(tags[1]).status(status)).await;
    }
    let categories = server.api.get("/api/v1/categories").await.ok();
    let facet = |slug: &str, name: &str, events: u32| json!({ "slug": slug, "name": name, "events": events });
    assert_eq!(categories, json!({ "data": [facet("concert", "Concert", 2), facet("talk", "Talk", 1)] }));
    let tags = server.api.get("/api/v1/tags").await.ok();
    let expected = [("jazz", "Jazz", 3), ("blues", "Blues", 1), ("open air", "Open Air", 1), ("science", "Science", 1)];
    assert_eq!(tags["data"], json!(expected.map(|(slug, name, events)| facet(slug, name, events))));
    assert_eq!(server.api.get("/api/v1/tags?limit=1").await.ok()["data"].as_array().unwrap().len(), 1);
    server.api.get("/api/v1/tags?limit=1001").await.faults();
    server.api.get("/api/v1/categories?limit=1").await.faults();
}
