//! What Redis keeps and gives, asked of the adapter itself.

use std::{sync::Arc, time::Duration};

use boxoffice::infrastructure::cache::RedisCache;
use domain::cache::{Change, Look, Moment, SharedAnswer, SharedCache, Tag};
use secrecy::SecretString;

use crate::support::{TestRedis, until};

const HOUR: Duration = Duration::from_secs(3600);

async fn cache(redis: &TestRedis) -> Arc<RedisCache> {
    // Most of what is here is not about being late.
    cache_with(redis, Duration::from_secs(5)).await
}

async fn cache_with(redis: &TestRedis, answer_timeout: Duration) -> Arc<RedisCache> {
    let cache = RedisCache::connect(&SecretString::from(redis.url()), answer_timeout).unwrap();
    let tended = cache.clone();
    tokio::spawn(async move { tended.tend().await });
    until("it is connected", async || cache.is_reachable()).await;
    cache
}

fn answer() -> SharedAnswer {
    SharedAnswer {
        body: b"{\"a\":1}".repeat(100),
        links: Some(b"</a>; rel=\"first\"".to_vec()),
        slots: vec![Tag::Events.slot(), Tag::Settings.slot()],
    }
}

async fn missing(cache: &RedisCache, key: &str) -> Moment {
    match cache.look(key).await.unwrap() {
        Look::Missing(moment) => moment,
        found => panic!("{found:?}"),
    }
}

fn tags(tag: Tag) -> Change {
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
    assert_eq!(redis.ask("DEL boxoffice:{cache}:changes"), ":1\r\n");
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
            let one = SharedAnswer { body: b"x".to_vec(), links: None, slots };
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
    let large = SharedAnswer { body, links: None, slots: Vec::new() };
    let moment = missing(&cache, "events").await;
    assert!(cache.keep("events", &large, moment, Duration::from_secs(60)).await.unwrap());
    assert_eq!(cache.look("events").await.unwrap(), Look::Found(large));
    let keys = redis.ask("KEYS boxoffice:{cache}:*:events");
    let key = keys.lines().nth(2).unwrap();
    let number = |command: &str| redis.ask(command).trim().trim_start_matches(':').parse::<u64>().unwrap();
    // Releases do not share answers: each may show a thing in another way.
    assert_eq!(key, format!("boxoffice:{{cache}}:1-{}:events", env!("CARGO_PKG_VERSION")));
    assert!(number(&format!("HSTRLEN {key} body")) < 1000);
    assert!((1..=60).contains(&number(&format!("TTL {key}"))));
}

/// Watches that the order of changes is kept by a number, not by a clock: here it runs an hour behind what was noted last, as after
/// it was set back.
#[tokio::test]
async fn a_clock_that_is_set_back_makes_nothing_wrong() {
    let redis = TestRedis::start();
    let cache = cache(&redis).await;
    let Moment(now) = missing(&cache, "events").await;
    redis.ask(&format!("HSET boxoffice:{{cache}}:changes last {}", now + 3_600_000_000));
    for _ in 0..3 {
        let moment = missing(&cache, "events").await;
        assert!(cache.keep("events", &answer(), moment, HOUR).await.unwrap(), "read after the last change");
        assert_eq!(cache.look("events").await.unwrap(), Look::Found(answer()));
        cache.tell(&tags(Tag::Events)).await.unwrap();
        assert!(!cache.keep("events", &answer(), moment, HOUR).await.unwrap(), "read before it");
    }
    // A moment that is yet to come was given before the clock was set back, whatever has changed since.
    let Moment(now) = missing(&cache, "events").await;
    assert!(!cache.keep("events", &answer(), Moment(now + 60_000_000), HOUR).await.unwrap());
}

/// Watches the breaker: nobody asks a Redis that hangs, until it answers again.
#[tokio::test]
async fn a_redis_that_hangs_is_given_up_until_it_goes_on() {
    let redis = TestRedis::start();
    let cache = cache_with(&redis, Duration::from_millis(50)).await;
    redis.hang();
    let mut asked = 0;
    until("it is given up", async || {
        asked += u32::from(cache.is_reachable());
        let _ = cache.look("events").await;
        !cache.is_reachable()
    })
    .await;
    assert!(asked <= 3, "{asked} questions waited for nothing");
    redis.go_on();
    until("it is asked again", async || cache.is_reachable() && cache.look("events").await.is_ok()).await;
}

/// Watches the bound of what a Redis that hangs can hold up: further questions are not even asked.
#[tokio::test]
async fn only_so_many_wait_for_a_redis_that_hangs() {
    let redis = TestRedis::start();
    let cache = cache_with(&redis, Duration::from_secs(30)).await;
    redis.hang();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let cache = cache.clone();
        asking.spawn(async move { cache.look("events").await });
    }
    for _ in 0..300 - 256 {
        assert_eq!(asking.join_next().await.unwrap().unwrap(), Err(domain::cache::Away));
    }
    assert_eq!(asking.len(), 256);
    redis.go_on();
    assert!(asking.join_all().await.iter().all(Result::is_ok));
}
