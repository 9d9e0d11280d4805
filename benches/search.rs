//! How long the public catalogue takes to answer at 100,000 events: the store's own statements, nothing cached, on a durable private
//! PostgreSQL with the settings of a server to which nothing was said.
//!
//! `cargo bench --bench search` prints p50, p99 and the slowest by kind of question, and of all of them as visitors mix them. Each
//! question is asked with other values each time. `--events` and `--rounds` make it smaller or longer; `DATABASE_URL` names a database
//! that is seeded already.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a benchmark fails loudly and prints its results"
)]

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use boxoffice::{
    config::{Config, Sources},
    serve::database::Database,
};
use boxoffice_store::postgres::{migrate::Migrator, store::PgStore};
use domain::{
    ids::{EventId, VenueId},
    lists::{FilterValue, Key, List, ListQuery, Place, Position, declared},
    repositories::{EventRepository, IdOrSlug, VenueRepository},
};
use embedded_postgres::{PrivatePostgres, PrivatePostgresSettings};
use jiff::{SignedDuration, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LIMIT: u32 = 20;

/// What the questions are about, read from the catalogue.
struct Vocabulary {
    titles: Vec<String>,
    slugs: Vec<String>,
    events: Vec<EventId>,
    venues: Vec<VenueId>,
    cities: Vec<String>,
    categories: Vec<String>,
    tags: Vec<String>,
}

/// Words as people type them, from words that thousands of events have to words with other endings.
const COMMON: [&str; 16] = [
    "jazz",
    "musik",
    "music",
    "comedy",
    "konzert",
    "magic",
    "theatre",
    "lesung",
    "chansons",
    "orchestra",
    "brahms",
    "tango",
    "kinder",
    "circus",
    "fotografien",
    "nuit",
];

/// A kind of question, and how many of a hundred visitors' questions are of it.
#[derive(Clone, Copy, Debug)]
enum Kind {
    FirstPage,
    NextPage,
    FarOffset,
    Filtered,
    Dates,
    Prices,
    Available,
    Sorted,
    CommonWord,
    TwoWords,
    Name,
    WordInCity,
    Misspelt,
    Detail,
    SaleStates,
    Venues,
    Categories,
    Tags,
}

const KINDS: [(Kind, &str, u32); 18] = [
    (Kind::FirstPage, "first page", 14),
    (Kind::NextPage, "next page by cursor", 8),
    (Kind::FarOffset, "page at offset 10,000", 1),
    (Kind::Filtered, "city, venue, category or tag", 12),
    (Kind::Dates, "a weekend in a city", 6),
    (Kind::Prices, "price range, by date or price", 3),
    (Kind::Available, "available only", 4),
    (Kind::Sorted, "filtered, by title, price or age", 4),
    (Kind::CommonWord, "search: a common word", 6),
    (Kind::TwoWords, "search: two words", 5),
    (Kind::Name, "search: a name", 6),
    (Kind::WordInCity, "search: a word, with a city", 4),
    (Kind::Misspelt, "search: misspelt", 2),
    (Kind::Detail, "an event by its slug", 14),
    (Kind::SaleStates, "sale states of a page", 8),
    (Kind::Venues, "venues, listed or searched", 2),
    (Kind::Categories, "categories", 1),
    // Kept by caches and few: measured, and part of no mix.
    (Kind::Tags, "tags", 0),
];

/// A value of a filter, by its name.
type Given = (&'static str, FilterValue);

fn asked(list: &'static List, given: Vec<Given>, order: &str) -> ListQuery {
    let filter = |name| list.filters.iter().find(|filter| filter.name == name).unwrap();
    let filters = given.into_iter().map(|(name, value)| (filter(name), value)).collect();
    let mut query = ListQuery::first(list, filters, LIMIT);
    query.sort.order = list.orders.iter().chain(&list.relevance).find(|known| known.name == order).unwrap();
    query
}

fn events(given: Vec<Given>, order: &str) -> ListQuery {
    asked(&declared::EVENTS, given, order)
}

impl Kind {
    /// Asks one question of the kind.
    async fn ask(self, store: &PgStore, words: &Vocabulary, random: &mut StdRng) {
        match self {
            Kind::Detail => {
                let slug = words.slugs.choose(random).unwrap();
                assert!(store.public_event(IdOrSlug::Slug(slug)).await.unwrap().is_some());
            }
            Kind::SaleStates => {
                let page: Vec<EventId> = words.events.choose_multiple(random, LIMIT as usize).copied().collect();
                assert_eq!(store.event_sales(&page).await.unwrap().1.len(), page.len());
            }
            Kind::Venues => {
                let text = random.random_bool(0.5).then(|| words.cities.choose(random).unwrap().clone());
                let order = if text.is_some() { "relevance" } else { "name" };
                let given = text.map(|text| ("q", FilterValue::Text(text))).into_iter().collect();
                store.venues(&asked(&declared::VENUES, given, order)).await.unwrap();
            }
            Kind::Categories => drop(store.event_categories().await.unwrap()),
            Kind::Tags => drop(store.event_tags(100).await.unwrap()),
            listed => drop(store.public_events(&listed.search(words, random)).await.unwrap()),
        }
    }

    /// A search of the kind.
    fn search(self, words: &Vocabulary, random: &mut StdRng) -> ListQuery {
        let text = |text: String| events(vec![("q", FilterValue::Text(text))], "relevance");
        let city = |random: &mut StdRng| ("city", FilterValue::Text(words.cities.choose(random).unwrap().clone()));
        let facet = |random: &mut StdRng| match random.random_range(0..4) {
            0 => city(random),
            1 => ("venueId", FilterValue::Id(words.venues.choose(random).unwrap().0)),
            2 => ("category", FilterValue::Text(words.categories.choose(random).unwrap().clone())),
            _ => ("tag", FilterValue::Texts(vec![words.tags.choose(random).unwrap().clone()])),
        };
        match self {
            Kind::NextPage => {
                let at = Timestamp::now() + SignedDuration::from_hours(random.random_range(0..24 * 400));
                let keys = vec![Key::Instant(at), Key::Id(uuid::Uuid::nil())];
                events(vec![], "startsAt").at(Place::After(Position { keys, respelt: false }), LIMIT)
            }
            Kind::FarOffset => events(vec![], "startsAt").at(Place::Offset(10_000), LIMIT),
            Kind::Filtered => events(vec![facet(random)], "startsAt"),
            Kind::Dates => {
                let from = Timestamp::now() + SignedDuration::from_hours(24 * random.random_range(0..200));
                let to = from + SignedDuration::from_hours(60);
                events(
                    vec![("from", FilterValue::Instant(from)), ("to", FilterValue::Instant(to)), city(random)],
                    "startsAt",
                )
            }
            Kind::Prices => {
                let least = random.random_range(0..60);
                let (min, max) = (least.into(), (least + random.random_range(5..40)).into());
                let given = vec![("minPrice", FilterValue::Amount(min)), ("maxPrice", FilterValue::Amount(max))];
                let by_price = random.random_bool(0.5);
                let mut search = events(given, if by_price { "price" } else { "startsAt" });
                search.sort.descending = by_price && random.random_bool(0.5);
                search
            }
            Kind::Available => events(vec![("available", FilterValue::Flag(true)), facet(random)], "startsAt"),
            Kind::Sorted => {
                let orders = ["title", "price", "createdAt"];
                events(vec![facet(random)], orders.choose(random).unwrap())
            }
            Kind::CommonWord => text((*COMMON.choose(random).unwrap()).to_owned()),
            Kind::TwoWords => {
                text(format!("{} {}", COMMON.choose(random).unwrap(), words.cities.choose(random).unwrap()))
            }
            Kind::Name => text(name(words, random)),
            Kind::WordInCity => {
                let word = (*COMMON.choose(random).unwrap()).to_owned();
                events(vec![("q", FilterValue::Text(word)), city(random)], "relevance")
            }
            Kind::Misspelt => text(misspelt(&name(words, random), random)),
            _ => events(vec![], "startsAt"),
        }
    }
}

/// The last two words of a title: mostly who is on stage.
fn name(words: &Vocabulary, random: &mut StdRng) -> String {
    let title: Vec<&str> = words.titles.choose(random).unwrap().split_whitespace().collect();
    title[title.len().saturating_sub(2)..].join(" ")
}

/// Two neighbouring letters in each other's place.
fn misspelt(text: &str, random: &mut StdRng) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let at = random.random_range(0..letters.len().saturating_sub(1).max(1));
    if at + 1 < letters.len() {
        letters.swap(at, at + 1);
    }
    letters.into_iter().collect()
}

async fn vocabulary(database: &Database, config: &Config) -> Vocabulary {
    let client = database.connect(config).await.unwrap();
    let texts = async |query: &str| -> Vec<String> {
        client.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    let published = "FROM events WHERE status = 'PUBLISHED' ORDER BY md5(slug) LIMIT 2000";
    let ids = async |query: &str| -> Vec<uuid::Uuid> {
        client.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    Vocabulary {
        titles: texts(&format!("SELECT title {published}")).await,
        slugs: texts(&format!("SELECT slug {published}")).await,
        events: ids(&format!("SELECT id {published}")).await.into_iter().map(EventId).collect(),
        venues: ids("SELECT id FROM venues").await.into_iter().map(VenueId).collect(),
        cities: texts("SELECT DISTINCT city FROM venues").await,
        categories: texts("SELECT DISTINCT category FROM events").await,
        tags: texts("SELECT slug FROM tags").await,
    }
}

fn quantile(sorted: &[Duration], share: f64) -> Duration {
    sorted
        .get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

fn print(name: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let of = |share| quantile(&took, share).as_secs_f64() * 1e3;
    println!("{name:<36} {:>8.2} {:>8.2} {:>8.2} {:>7}", of(0.5), of(0.99), of(1.0), took.len());
}

async fn measure(store: &PgStore, words: &Vocabulary, rounds: u32) {
    let mut random = StdRng::seed_from_u64(7);
    println!("{:<36} {:>8} {:>8} {:>8} {:>7}", "milliseconds", "p50", "p99", "slowest", "asked");
    let mut mixed = Vec::new();
    for (kind, name, share) in KINDS {
        let mut took = Vec::new();
        for round in 0..rounds + rounds / 10 {
            let start = Instant::now();
            kind.ask(store, words, &mut random).await;
            // The first ones warm the connection up.
            if round >= rounds / 10 {
                took.push(start.elapsed());
            }
        }
        // Each kind has as many samples as its share of the mix.
        mixed.extend(took.iter().take((rounds * share / 14) as usize).copied());
        print(name, took);
    }
    print("all, as visitors mix them", mixed);
}

fn number(name: &str, default: u32) -> u32 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().map_or(default, |value| value.parse().unwrap())
}

#[tokio::main]
async fn main() {
    // Without it this is a test of whether benchmarks run, and needs no database for that.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let (count, rounds) = (number("--events", 100_000), number("--rounds", 500));
    let folder = tempfile::Builder::new().prefix("boxoffice-bench-").tempdir().unwrap();
    // PostgreSQL runs as an ordinary user and must be able to pass.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let private = match std::env::var("DATABASE_URL") {
        Ok(_) => None,
        Err(_) => Some(PrivatePostgres::start(PrivatePostgresSettings::new(folder.path())).await.unwrap()),
    };
    let url =
        private.as_ref().map_or_else(|| std::env::var("DATABASE_URL").unwrap(), |private| private.url().to_owned());
    let variables = BTreeMap::from([("DATABASE_URL".to_owned(), url)]);
    let config = Config::load(&Sources { variables, folder: "/nonexistent".into() }).unwrap();
    let database = Database::own(&config).await.unwrap();
    let mut client = database.connect(&config).await.unwrap();
    Migrator::embedded().unwrap().up(&mut client).await.unwrap();
    let start = Instant::now();
    let made = boxoffice_seed::catalogue(&mut client, Timestamp::now(), count, "").await.unwrap();
    println!("{} events seeded in {:.1} s", made.events, start.elapsed().as_secs_f64());
    let store = PgStore::new(database.pools(&config).unwrap().requests);
    measure(&store, &vocabulary(&database, &config).await, rounds).await;
    if let Some(private) = private {
        private.stop().await;
    }
}
