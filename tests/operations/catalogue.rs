//! The catalogue at its full size: 100,000 events, seeded once, and the plans of the very statements that the store runs on them.

mod ranks;

use std::time::Duration;

use crate::support::{TestDatabase, lists::query};
use boxoffice_seed::{Counts, catalogue};
use boxoffice_store::postgres::{
    connection::RequestPool,
    pool::{self, PoolSettings},
    store::{
        catalogue::{event_statements, facet_statements},
        lists::statement::Statement,
    },
};
use deadpool_postgres::Client as Pooled;
use domain::lists::{FilterValue, Key, ListQuery, Order, Place, Position, SortKeyKind, declared};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

/// Reading one of these from its beginning to its end is no way to make a page.
const BIG_TABLES: [&str; 6] = ["events", "event_listings", "event_tags", "ticket_types", "quotas", "venues"];
const EVENTS: u32 = 100_000;

fn now() -> Timestamp {
    "2026-03-14T15:09:26Z".parse().unwrap()
}

async fn seed(client: &mut Client, events: u32) -> Counts {
    catalogue(client, now(), events, "$argon2id$not-a-real-hash").await.unwrap()
}

/// With the plans of a server's requests.
fn pool_of(database: &TestDatabase) -> RequestPool {
    let settings = PoolSettings {
        url: database.url().into(),
        max_connections: 2,
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(30),
    };
    pool::pool_of_requests(&settings).unwrap()
}

/// One value for each filter, such as people choose.
fn filters() -> Vec<(&'static str, String)> {
    let days = |days: i64| now() + SignedDuration::from_hours(24 * days);
    let (now, nil) = (now(), Uuid::nil());
    let filters = [
        ("nothing", String::new()),
        ("a rare word", "q=Abendroth".to_owned()),
        ("a common word", "q=musik".to_owned()),
        ("two words", "q=berlin jazz".to_owned()),
        ("a phrase", "q=\"swan lake\" -tango".to_owned()),
        ("dates", format!("from={}&to={}", days(10), days(13))),
        ("from now on", format!("from={now}")),
        ("what is on now", format!("endsFrom={now}&to={now}")),
        ("what is over", format!("endsTo={now}")),
        ("a series", format!("seriesId={nil}")),
        ("a venue", format!("venueId={nil}")),
        ("a city", "city=München".to_owned()),
        ("a category", "category=comedy".to_owned()),
        ("a tag", "tag=jazz".to_owned()),
        ("tags", "tag=jazz&tag=late-show".to_owned()),
        ("cheap", "maxPrice=10".to_owned()),
        ("dear", "minPrice=100".to_owned()),
        ("prices", "minPrice=20&maxPrice=40".to_owned()),
        ("available", "available=true".to_owned()),
        ("cancelled", "status=CANCELLED".to_owned()),
        ("archived", "status=ARCHIVED".to_owned()),
    ];
    filters.to_vec()
}

/// Both at once, where they are not of one kind.
fn both(one: &str, other: &str) -> String {
    let of_one = |pair: &&str| one.split('&').any(|known| known.split('=').next() == pair.split('=').next());
    let others = other.split('&').filter(|pair| !of_one(pair));
    std::iter::once(one).chain(others).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&")
}

/// A place in the middle of the list, one way and the other, and the beginning.
fn places(order: &Order) -> [Place; 3] {
    let key = |(_, kind): &(&str, SortKeyKind)| match kind {
        SortKeyKind::Instant => Key::Instant(now()),
        SortKeyKind::Text => Key::Text("konzert".to_owned()),
        SortKeyKind::Amount => Key::Amount(25.into()),
        SortKeyKind::Number => Key::Number(2),
        SortKeyKind::Serial => Key::Serial(2),
        SortKeyKind::Id => Key::Id(Uuid::nil()),
    };
    let position = Position { keys: order.keys.iter().map(key).collect(), respelt: false };
    [Place::Offset(0), Place::After(position.clone()), Place::Before(position)]
}

/// Every table that a plan reads from end to end.
fn scanned(plan: &Value, found: &mut Vec<String>) {
    if plan["Node Type"].as_str().is_some_and(|node| node.contains("Seq Scan")) {
        found.extend(plan["Relation Name"].as_str().map(str::to_owned));
    }
    plan["Plans"].as_array().into_iter().flatten().for_each(|plan| scanned(plan, found));
}

/// Every index that a plan uses, and what it is asked.
fn indexes(plan: &Value, found: &mut Vec<String>) {
    found.extend(plan["Index Name"].as_str().map(|name| format!("{name}: {}", plan["Index Cond"])));
    plan["Plans"].as_array().into_iter().flatten().for_each(|plan| indexes(plan, found));
}

async fn plan_of(client: &Pooled, statement: &Statement) -> Value {
    let text = statement.text().trim_start_matches("EXPLAIN (FORMAT JSON) ");
    let rows = client.query_typed(&format!("EXPLAIN (FORMAT JSON) {text}"), &statement.parameters()).await.unwrap();
    let plan: Value = rows[0].get(0);
    plan[0]["Plan"].clone()
}

/// The big tables that a search reads from end to end, each with what reads it.
async fn big_scans(client: &Pooled, name: &str, search: &ListQuery) -> Vec<String> {
    let [page, count, _] = event_statements(search, false);
    let mut statements = vec![("page", page), ("count", count)];
    if search.get("q").is_some() {
        let [page, ..] = event_statements(search, true);
        statements.push(("page of few", page));
    }
    let mut wrong = Vec::new();
    for (what, statement) in statements {
        let mut found = Vec::new();
        scanned(&plan_of(client, &statement).await, &mut found);
        found.retain(|table| BIG_TABLES.contains(&&**table));
        wrong.extend(
            found.iter().map(|table| {
                format!("{table}, by the {what} of {name}, {}, {:?}", search.sort.order.name, search.place)
            }),
        );
    }
    wrong
}

#[tokio::test]
async fn no_page_of_a_hundred_thousand_events_reads_a_table_from_end_to_end() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    let made = seed(&mut client, EVENTS).await;
    assert_eq!((made.events, made.venues, made.accounts), (100_000, 2_000, 100));
    assert_the_catalogue_is_varied(&client).await;
    let pooled = pool_of(&database).plain().get().await.unwrap();
    assert_a_series_is_found_by_its_index(&pooled).await;
    check(&pooled).await;
}

/// A few of a hundred thousand: walking along any other index would read them all, and be no scan of a table.
async fn assert_a_series_is_found_by_its_index(client: &Pooled) {
    let row = client.query_one("SELECT series_id FROM event_listings WHERE series_id IS NOT NULL LIMIT 1", &[]).await;
    let search = query(&declared::EVENTS, &format!("seriesId={}", row.unwrap().get::<_, Uuid>(0)));
    let [page, count, _] = event_statements(&search, false);
    for statement in [page, count] {
        let mut found = Vec::new();
        indexes(&plan_of(client, &statement).await, &mut found);
        let asked = |of: &&String| of.starts_with("event_listings_series_idx") && of.contains("series_id = ");
        assert!(found.iter().any(|of| asked(&of)), "{found:?}");
    }
}

async fn check(client: &Pooled) {
    let filters = filters();
    let mut wrong = Vec::new();
    for (name, one) in &filters {
        for (other_name, other) in &filters {
            let text = both(one, other);
            let asked = query(&declared::EVENTS, &text);
            let price = |name| if let Some(FilterValue::Amount(price)) = asked.get(name) { Some(*price) } else { None };
            if price("minPrice") > price("maxPrice") && price("maxPrice").is_some() {
                continue;
            }
            for order in ["startsAt", "title", "price", "createdAt", "relevance"] {
                if order == "relevance" && asked.get("q").is_none() {
                    continue;
                }
                let asked = query(&declared::EVENTS, &both(&text, &format!("sort={order}")));
                assert_eq!(asked.sort.order.name, order);
                // Every way through each single filter, the first page of each pair.
                let places =
                    if name == other_name { places(asked.sort.order).to_vec() } else { vec![Place::Offset(0)] };
                for place in places {
                    wrong.extend(big_scans(client, &format!("{name} and {other_name}"), &asked.at(place, 20)).await);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} tables are read from end to end:\n{}", wrong.len(), wrong.join("\n"));
    // Two of these count all there is, and are kept by the caller; they still run.
    for (name, statement) in facet_statements() {
        let statement = statement.replace("$1", "10");
        client.query_typed(&statement, &[]).await.unwrap();
        if name == "next end" {
            let rows = client.query_typed(&format!("EXPLAIN (FORMAT JSON) {statement}"), &[]).await.unwrap();
            let (plan, mut found): (Value, _) = (rows[0].get(0), Vec::new());
            indexes(&plan[0]["Plan"], &mut found);
            assert!(found.iter().any(|of| of.starts_with("event_listings_ends_idx")), "{found:?}");
        }
    }
    assert_the_past_is_not_walked_through(client).await;
}

/// The first page of all begins where the longest event could have begun, and not with the first event there ever was.
async fn assert_the_past_is_not_walked_through(client: &Pooled) {
    let search = query(&declared::EVENTS, "");
    let [page, ..] = event_statements(&search, false);
    let mut found = Vec::new();
    indexes(&plan_of(client, &page).await, &mut found);
    let begins = |of: &&String| of.starts_with("event_listings_starts_idx") && of.contains("starts_at >");
    assert!(found.iter().any(|of| begins(&of)), "{found:?}");
    assert!(found.iter().any(|of| of.starts_with("event_listings_length_idx")), "{found:?}");
}

async fn assert_the_catalogue_is_varied(client: &Client) {
    for (query, at_least) in [
        ("SELECT count(*) FROM event_listings WHERE status = 'PUBLISHED'", 80_000),
        ("SELECT count(DISTINCT city_key) FROM event_listings", 40),
        ("SELECT count(DISTINCT category) FROM event_listings", 10),
        ("SELECT count(DISTINCT title_key) FROM event_listings", 50_000),
        ("SELECT count(*) FROM tags", 40),
        ("SELECT count(DISTINCT price_key) FROM event_listings", 100),
        ("SELECT count(*) FROM event_listings WHERE price_key = 0", 500),
        ("SELECT count(*) FROM event_listings WHERE status <> 'PUBLISHED'", 5_000),
        ("SELECT count(DISTINCT event_id) FROM quotas WHERE capacity = 0", 4_000),
        ("SELECT count(*) FROM search_terms", 300),
        ("SELECT count(DISTINCT series_id) FROM event_listings", 500),
        ("SELECT count(*) FROM event_listings WHERE series_id IS NOT NULL", 5_000),
    ] {
        let found: i64 = client.query_one(query, &[]).await.unwrap().get(0);
        assert!(found >= at_least, "{found}: {query}");
    }
}

/// The same ids in every database, whatever is there already.
#[tokio::test]
async fn a_catalogue_is_repeatable_and_grows() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    let small = seed(&mut client, 120).await;
    assert_eq!((small.events, small.venues, small.accounts), (120, 3, 1));
    let ids =
        "SELECT md5(string_agg(to_jsonb(e)::text, '' ORDER BY id)) FROM (SELECT id, slug, title, venue_id FROM events
        WHERE id IN (SELECT id FROM events ORDER BY created_at, id LIMIT 120)) e";
    let digest = async |client: &Client| client.query_one(ids, &[]).await.unwrap().get::<_, String>(0);
    let first = digest(&client).await;
    assert_eq!(seed(&mut client, 120).await, Counts::default(), "a second run adds nothing");
    assert_eq!(digest(&client).await, first);

    let other = TestDatabase::migrated().await;
    let mut elsewhere = other.connect().await;
    let large = seed(&mut elsewhere, 300).await;
    let grown = seed(&mut client, 300).await;
    assert_eq!((grown.events, large.events), (180, 300));
    let all = "SELECT md5(string_agg(l::text, '' ORDER BY event_id)) FROM event_listings l";
    let listings = async |client: &Client| client.query_one(all, &[]).await.unwrap().get::<_, String>(0);
    assert_eq!(listings(&client).await, listings(&elsewhere).await, "in two steps or in one");
}

/// What the seed writes at once is what the triggers would have written.
#[tokio::test]
async fn listings_that_are_made_later_are_those_that_triggers_make() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    seed(&mut client, 200).await;
    let all = "SELECT md5(string_agg(l::text, '' ORDER BY event_id)) FROM event_listings l";
    let digest = async |client: &Client| client.query_one(all, &[]).await.unwrap().get::<_, String>(0);
    let made = digest(&client).await;
    client
        .batch_execute("UPDATE events SET title = title || ' '; UPDATE events SET title = rtrim(title)")
        .await
        .unwrap();
    assert_eq!(digest(&client).await, made);
}
