//! What Redis keeps and gives, asked of the adapter itself.

use std::{sync::Arc, time::Duration};

use boxoffice::infrastructure::cache::RedisCache;
use domain::cache::{Change, Look, Moment, SharedAnswer, SharedCache, Tag};
use secrecy::SecretString;

use crate::support::{TestRedis, until};

const HOUR: Duration = Duration::from_secs(3600);

async fn cache(redis: &TestRedis) -> Arc<RedisCache> {
    // Nothing here is about being late.
    let cache = RedisCache::connect(&SecretString::from(redis.url()), Duration::from_secs(5)).unwrap();
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
    assert!(number(&format!("HSTRLEN {key} body")) < 1000);
    assert!((1..=60).contains(&number(&format!("TTL {key}"))));
}
