//! What Redis keeps and gives, asked of the adapter itself.

use std::{sync::Arc, time::Duration};

use boxoffice_store::cache::RedisCache;
use domain::cache::{Change, Look, Moment, SharedAnswer, SharedCache, Tag};
use secrecy::SecretString;
use uuid::Uuid;

use crate::support::{TestRedis, until};

/// Whose answers they are.
pub(crate) const INSTALLATION: Uuid = Uuid::from_u128(0xa5);
/// Much more than any test keeps.
pub(crate) const BYTES_MAX: u64 = 256 << 20;
const CHANGES: &str = "boxoffice:{000000000000000000000000000000a5:cache}:changes";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) async fn cache(redis: &TestRedis) -> Arc<RedisCache> {
    // Most of what is here is not about being late.
    cache_with(redis, Duration::from_secs(5)).await
}

pub(crate) async fn cache_with(redis: &TestRedis, answer_timeout: Duration) -> Arc<RedisCache> {
    connected(redis, answer_timeout, INSTALLATION, BYTES_MAX).await
}

async fn connected(redis: &TestRedis, answer_timeout: Duration, installation: Uuid, bytes: u64) -> Arc<RedisCache> {
    let url = SecretString::from(redis.url());
    let cache = RedisCache::connect(&url, answer_timeout, installation, bytes).unwrap();
    let tended = cache.clone();
    tokio::spawn(async move { tended.tend().await });
    until("it is connected", async || cache.is_reachable()).await;
    cache
}

pub(crate) fn answer() -> SharedAnswer {
    SharedAnswer {
        body: b"{\"a\":1}".repeat(100),
        links: Some(b"</a>; rel=\"first\"".to_vec()),
        slots: vec![Tag::Events.slot(), Tag::Settings.slot()],
        valid_for: None,
    }
}

/// Keeps an answer that was read now.
pub(crate) async fn keep(cache: &RedisCache, key: &str, answer: &SharedAnswer) -> bool {
    let moment = missing(cache, key).await;
    cache.keep(key, answer, moment, HOUR).await.unwrap()
}

/// How much Redis counts of all answers.
fn bytes(redis: &TestRedis) -> u64 {
    let counted = redis.ask(&format!("GET {}", CHANGES.replace("changes", "bytes")));
    counted.lines().nth(1).map_or(0, |bytes| bytes.parse().unwrap())
}

pub(crate) async fn missing(cache: &RedisCache, key: &str) -> Moment {
    match cache.look(key).await.unwrap() {
        Look::Missing(moment) => moment,
        found => panic!("{found:?}"),
    }
}

pub(crate) fn tags(tag: Tag) -> Change {
    Change::Tags(vec![tag.slot()])
}

#[tokio::test]
async fn an_answer_comes_back_until_something_changes_that_it_shows() {
    let redis = TestRedis::start();
    let cache = cache(&redis).await;
    for (key, change, ends) in [
        ("events", tags(Tag::Venues), false),
        ("events", tags(Tag::Settings), true),
        ("events", Change::Everything, true),
        ("events?limit=3", Change::Key("events".to_owned()), false),
        ("events?limit=3", Change::Key("events?limit=3".to_owned()), true),
        ("events?limit=3", Change::Pattern("event/*".to_owned()), false),
        ("events?limit=3", Change::Pattern("ev*=3".to_owned()), true),
    ] {
        let moment = missing(&cache, key).await;
        assert!(cache.keep(key, &answer(), moment, HOUR).await.unwrap());
        assert_eq!(cache.look(key).await.unwrap(), Look::Found(answer()), "{change:?}");
        cache.tell(&change).await.unwrap();
        let found = cache.look(key).await.unwrap() == Look::Found(answer());
        assert_eq!(found, !ends, "{change:?}");
        cache.tell(&Change::Everything).await.unwrap();
    }
}

/// The classic fault, on two nodes. Watches the moment: what was read before a change is not kept after it.
#[tokio::test]
async fn what_was_read_before_a_change_is_not_kept_after_it() {
    let redis = TestRedis::start();
    let (one, two) = (cache(&redis).await, cache(&redis).await);
    for (change, keeps) in [
        (tags(Tag::Venues), true),
        (tags(Tag::Events), false),
        (Change::Everything, false),
        (Change::Key("events".to_owned()), false),
        (Change::Pattern("x*".to_owned()), false),
    ] {
        one.tell(&Change::Everything).await.unwrap();
        let moment = missing(&one, "events").await;
        two.tell(&change).await.unwrap();
        assert_eq!(one.keep("events", &answer(), moment, HOUR).await.unwrap(), keeps, "{change:?}");
        assert_eq!(two.look("events").await.unwrap() == Look::Found(answer()), keeps, "{change:?}");
    }
    // What is forgotten may have been a change.
    let moment = missing(&one, "event/1").await;
    redis.flush();
    assert!(!one.keep("event/1", &answer(), moment, HOUR).await.unwrap());
    let moment = missing(&one, "event/1").await;
    assert!(one.keep("event/1", &answer(), moment, HOUR).await.unwrap());
}

/// Watches that nothing is given once it is not known what has changed.
#[tokio::test]
async fn without_the_changes_no_answer_is_believed() {
    let redis = TestRedis::start();
    let cache = cache(&redis).await;
    let moment = missing(&cache, "events").await;
    assert!(cache.keep("events", &answer(), moment, HOUR).await.unwrap());
    assert_eq!(redis.ask(&format!("DEL {CHANGES}")), ":1\r\n");
    missing(&cache, "events").await;
}

#[tokio::test]
async fn a_walk_deletes_what_is_meant_and_counts_it() {
    let redis = TestRedis::start();
    let cache = cache(&redis).await;
    let fill = async || {
        for number in 0..700 {
            let key = format!("event/{number}");
            let slots = vec![if number % 7 == 0 { Tag::Venues.slot() } else { Tag::Events.slot() }];
            let moment = missing(&cache, &key).await;
            let one = SharedAnswer { body: b"x".to_vec(), links: None, slots, valid_for: None };
            assert!(cache.keep(&key, &one, moment, HOUR).await.unwrap());
        }
    };
    fill().await;
    assert_eq!(cache.delete(&tags(Tag::Venues)).await, Ok(100));
    assert_eq!(cache.delete(&Change::Key("event/1".to_owned())).await, Ok(1));
    assert_eq!(cache.delete(&Change::Pattern("event/2?".to_owned())).await, Ok(8), "20 to 29 without 21 and 28");
    assert_eq!(cache.delete(&Change::Everything).await, Ok(700 - 100 - 1 - 8));
    // Nobody else's keys.
    assert_eq!(redis.ask("SET stranger 1"), "+OK\r\n");
    fill().await;
    cache.delete(&Change::Pattern("*".to_owned())).await.unwrap();
    assert_eq!(redis.ask("GET stranger"), "$1\r\n1\r\n");
}

/// What is stored is small, and has an end.
#[tokio::test]
async fn answers_are_compressed_and_end() {
    let redis = TestRedis::start();
    let cache = cache(&redis).await;
    let body = b"{\"a\":1}".repeat(10_000);
    let large = SharedAnswer { body, links: None, slots: Vec::new(), valid_for: None };
    let moment = missing(&cache, "events").await;
    assert!(cache.keep("events", &large, moment, Duration::from_secs(60)).await.unwrap());
    assert_eq!(cache.look("events").await.unwrap(), Look::Found(large));
    let keys = redis.ask("KEYS boxoffice:{*:cache}:*:events");
    let key = keys.lines().nth(2).unwrap();
    let number = |command: &str| redis.ask(command).trim().trim_start_matches(':').parse::<u64>().unwrap();
    // Neither installations nor builds share answers: each may show a thing in another way.
    let build = key.strip_prefix(CHANGES.trim_end_matches("changes")).and_then(|rest| rest.strip_suffix(":events"));
    assert!(build.is_some_and(|build| u64::from_str_radix(build, 16).is_ok() && build.len() == 16), "{key}");
    assert!(number(&format!("HSTRLEN {key} body")) < 1000);
    assert!((1..=60).contains(&number(&format!("TTL {key}"))));
}

/// Watches that the order of changes is kept by a number, not by a clock: here it runs an hour behind what was noted last, as after
/// it was set back.
#[tokio::test]
async fn a_clock_that_is_set_back_makes_nothing_wrong() {
    let redis = TestRedis::start();
    let cache = cache(&redis).await;
    let Moment { at: now, .. } = missing(&cache, "events").await;
    redis.ask(&format!("HSET {CHANGES} last {}", now + 3_600_000_000));
    for _ in 0..3 {
        let moment = missing(&cache, "events").await;
        assert!(cache.keep("events", &answer(), moment, HOUR).await.unwrap(), "read after the last change");
        assert_eq!(cache.look("events").await.unwrap(), Look::Found(answer()));
        cache.tell(&tags(Tag::Events)).await.unwrap();
        assert!(!cache.keep("events", &answer(), moment, HOUR).await.unwrap(), "read before it");
    }
    // A moment that is yet to come was given before the clock was set back, whatever has changed since.
    let Moment { life, at } = missing(&cache, "events").await;
    let later = Moment { life, at: at + 60_000_000 };
    assert!(!cache.keep("events", &answer(), later, HOUR).await.unwrap());
}

/// Watches the names: a rehearsal beside production must not put its events on production's pages.
#[tokio::test]
async fn installations_on_one_redis_share_nothing() {
    let redis = TestRedis::start();
    let here = cache(&redis).await;
    let there = connected(&redis, Duration::from_secs(5), Uuid::from_u128(0xb6), BYTES_MAX).await;
    assert!(keep(&here, "events", &answer()).await);
    missing(&there, "events").await;
    let moment = missing(&here, "event/1").await;
    there.tell(&Change::Everything).await.unwrap();
    assert_eq!(there.delete(&Change::Pattern("*".to_owned())).await, Ok(0));
    assert_eq!(here.look("events").await, Ok(Look::Found(answer())));
    assert!(here.keep("event/1", &answer(), moment, HOUR).await.unwrap());
}

/// Watches the index: a walk over all that lies in Redis takes as long as there are clients that are limited, or other programs.
#[tokio::test]
async fn a_walk_passes_nobody_elses_keys() {
    let redis = TestRedis::start();
    let cache = cache(&redis).await;
    assert!(keep(&cache, "events", &answer()).await && keep(&cache, "event/1", &answer()).await);
    redis.ask("EVAL \"for n = 1, 30000 do redis.call('SET', 'boxoffice:limit:' .. n, 1) end\" 0");
    let before = redis.scripts_run();
    assert_eq!(cache.delete(&Change::Key("events".to_owned())).await, Ok(1));
    cache.tell(&Change::Pattern("event/*".to_owned())).await.unwrap();
    assert!(redis.scripts_run() - before < 10, "{} steps", redis.scripts_run() - before);
    assert_eq!((redis.keys(), bytes(&redis)), (30_000 + 2, 0), "and changes and bytes");
}

/// Watches the bound of all answers together: those that end first make room.
#[tokio::test]
async fn answers_take_no_more_room_than_they_are_given() {
    let redis = TestRedis::start();
    let (least, most) = (40 << 10, 100 << 10);
    let cache = connected(&redis, Duration::from_secs(5), INSTALLATION, most).await;
    let large = |seed: u64| {
        // Nothing that could be compressed.
        let mut number = seed;
        let body = (0..8 << 10).map(|_| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (number >> 56) as u8
        });
        SharedAnswer { body: body.collect(), links: None, slots: vec![Tag::Events.slot()], valid_for: None }
    };
    for number in 0..100 {
        let (key, moment) = (format!("events?from={number}"), missing(&cache, "x").await);
        let ttl = Duration::from_secs(3600 + number);
        assert!(cache.keep(&key, &large(number), moment, ttl).await.unwrap());
        // Again, which takes no room of its own.
        assert!(cache.keep(&key, &large(number), moment, ttl).await.unwrap());
        assert!(bytes(&redis) <= most, "{}", bytes(&redis));
    }
    assert!(bytes(&redis) > least && redis.keys() < 20, "{} bytes, {} keys", bytes(&redis), redis.keys());
    assert_eq!(cache.look("events?from=99").await, Ok(Look::Found(large(99))), "the last one stays");
    missing(&cache, "events?from=0").await;
    let whole: Vec<u8> = (0..20).flat_map(|seed| large(seed).body).collect();
    let moment = missing(&cache, "x").await;
    assert_eq!(
        cache.keep("x", &SharedAnswer { body: whole, ..large(1) }, moment, HOUR).await,
        Ok(false),
        "more than all"
    );
}

/// What reads otherwise after a while says so to anyone who finds it.
#[tokio::test]
async fn an_answer_that_reads_otherwise_soon_ends_soon() {
    let redis = TestRedis::start();
    let cache = cache(&redis).await;
    let soon = SharedAnswer { valid_for: Some(Duration::from_secs(60)), ..answer() };
    assert!(keep(&cache, "event/1", &soon).await);
    let Ok(Look::Found(found)) = cache.look("event/1").await else { panic!("it is kept") };
    let rest = found.valid_for.unwrap();
    assert!(rest <= Duration::from_secs(60) && rest > Duration::from_secs(30), "{rest:?}");
    let ends = SharedAnswer { valid_for: Some(Duration::from_millis(1)), ..answer() };
    assert!(keep(&cache, "event/2", &ends).await);
    until("it has ended", async || matches!(cache.look("event/2").await, Ok(Look::Missing(_)))).await;
    // Read again, it has no end.
    cache.tell(&tags(Tag::Events)).await.unwrap();
    assert!(keep(&cache, "event/1", &answer()).await);
    assert_eq!(cache.look("event/1").await, Ok(Look::Found(answer())));
}

/// Watches that what nobody can read makes room for what is read.
#[tokio::test]
async fn an_answer_that_makes_no_sense_is_replaced() {
    let redis = TestRedis::start();
    let cache = cache(&redis).await;
    assert!(keep(&cache, "events", &answer()).await);
    let keys = redis.ask("KEYS boxoffice:{*:cache}:*:events");
    let key = keys.lines().nth(2).unwrap();
    assert_eq!(redis.ask(&format!("HSET {key} body garbage")), ":0\r\n");
    assert!(keep(&cache, "events", &answer()).await, "as if there were none");
    assert_eq!(cache.look("events").await, Ok(Look::Found(answer())));
}

/// In a roll-out, servers of the release before go on for a while, with names of their own for everything.
#[tokio::test]
async fn servers_of_the_release_before_are_told() {
    let redis = TestRedis::start();
    let cache = cache(&redis).await;
    redis.ask("HSET boxoffice:{cache}:changes born 1");
    cache.tell(&tags(Tag::Events)).await.unwrap();
    assert_eq!(redis.ask("EXISTS boxoffice:{cache}:changes"), ":0\r\n", "they believe nothing that they have kept");
}
