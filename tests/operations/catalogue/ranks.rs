//! Pages in the order of relevance, which are picked rank by rank, and the whole list that they are cut from.

use boxoffice_store::postgres::store::PgStore;
use domain::{
    lists::{Key, Page, Place, Position, declared},
    repositories::EventRepository,
    search::EventSummary,
};
use uuid::Uuid;

use super::{pool_of, seed};
use crate::support::{TestDatabase, lists::query};

async fn page(store: &PgStore, text: &str, place: Place, limit: u32) -> Page<EventSummary> {
    // Also what is over: the catalogue is one of a fixed day.
    let asked = query(&declared::EVENTS, &format!("q={text}&from=0001-01-01"));
    assert!(asked.is_ranked());
    store.public_events(&asked.at(place, limit)).await.unwrap()
}

fn ids(page: &Page<EventSummary>) -> Vec<Uuid> {
    page.entries.iter().map(|entry| entry.event.id.0).collect()
}

fn rank(position: &Position) -> i32 {
    let Key::Number(rank) = position.keys[0] else { panic!("{position:?}") };
    rank
}

/// Reads `expected` page by page by offset, from its beginning to its end and back again, and tells the last entry's rank.
async fn assert_pages(store: &PgStore, text: &str, expected: &[Uuid]) -> Option<i32> {
    const LIMIT: u32 = 7;
    let mut place = Place::Offset(0);
    let mut forth: Vec<Uuid> = Vec::new();
    let last = loop {
        let found = page(store, text, place, LIMIT).await;
        let at = u32::try_from(forth.len()).unwrap();
        assert_eq!(ids(&page(store, text, Place::Offset(at), LIMIT).await), ids(&found), "{text}, page at {at}");
        forth.extend(ids(&found));
        match found.last {
            Some(last) if found.has_more => place = Place::After(last),
            last => break last,
        }
    };
    assert_eq!(forth, expected, "{text}");
    let mut back: Vec<Uuid> = forth.last().copied().into_iter().collect();
    let mut from = last.clone();
    while let Some(position) = from {
        let found = page(store, text, Place::Before(position), LIMIT).await;
        back.splice(0..0, ids(&found));
        from = found.first.filter(|_| found.has_previous);
    }
    assert_eq!(back, expected, "{text}, backwards");
    last.map(|position| rank(&position))
}

/// Compares with every entry ranked by itself.
#[tokio::test]
async fn pages_are_cut_from_the_list_of_all_that_is_found() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    seed(&mut client, 1_000).await;
    let store = PgStore::new(pool_of(&database));
    let ranked = "SELECT event_id, CASE WHEN ts_filter(words, '{a}') @@ query THEN 1 WHEN ts_filter(words, '{a,b}') @@ query THEN 2 \
            WHEN ts_filter(words, '{a,b,c}') @@ query THEN 3 ELSE 4 END AS rank \
        FROM event_listings, search_query($1::text) AS query \
        WHERE status = 'PUBLISHED' AND words @@ query ORDER BY rank, starts_at, event_id";
    let mut deepest = Vec::new();
    for text in [
        "music",
        "magic",
        "magic -family",
        "magic –family",
        "-music berlin",
        "\"swan lake\" or tango",
        "tango or -concert",
        "qqq -qqq",
    ] {
        let rows = client.query(ranked, &[&text]).await.unwrap();
        let expected: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        assert!(!(1..10).contains(&expected.len()), "{text}: so few may be respelt");
        deepest.extend(assert_pages(&store, text, &expected).await);
    }
    assert!(deepest.iter().any(|rank| *rank > 2), "{deepest:?}");
}

/// Cursors come from outside: a rank that there is not leads to some page, and not to a statement that the database can't read.
#[tokio::test]
async fn any_rank_may_be_asked_for() {
    let database = TestDatabase::migrated().await;
    let store = PgStore::new(pool_of(&database));
    seed(&mut database.connect().await, 100).await;
    for (rank, respelt) in [(i32::MIN, false), (0, false), (5, false), (0, true), (7, true), (i32::MAX, true)] {
        let position =
            || Position { keys: vec![Key::Number(rank), Key::Instant(super::now()), Key::Id(Uuid::nil())], respelt };
        for place in [Place::After(position()), Place::Before(position())] {
            page(&store, "music", place, 5).await;
        }
    }
}

/// The typed spelling comes before the others, each with its title before the rest.
#[tokio::test]
async fn other_spellings_come_after_the_typed_one() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    seed(&mut client, 1_000).await;
    for (word, beginning) in [("concret", 0), ("concert", 3)] {
        let described = format!(
            "UPDATE events SET description = description || ' {word}' WHERE id IN (SELECT event_id FROM event_listings
             WHERE status = 'PUBLISHED' AND NOT words @@ 'concert' ORDER BY event_id LIMIT 3 OFFSET {beginning})"
        );
        client.batch_execute(&described).await.unwrap();
    }
    let store = PgStore::new(pool_of(&database));
    let ranked = "SELECT event_id, CASE WHEN words @@ typed THEN 4 WHEN ts_filter(words, '{a}') @@ meant THEN 5 ELSE 6 END AS rank \
        FROM event_listings, search_query('concret'::text) AS typed, search_query('concert'::text) AS meant \
        WHERE status = 'PUBLISHED' AND (words @@ typed OR words @@ meant) ORDER BY rank, starts_at, event_id";
    let rows = client.query(ranked, &[]).await.unwrap();
    let expected: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    let ranks: Vec<i32> = rows.iter().map(|row| row.get(1)).collect();
    assert!([4, 5, 6].iter().all(|rank| ranks.contains(rank)), "{ranks:?}");
    assert_eq!(assert_pages(&store, "concret", &expected).await, Some(6));
}
