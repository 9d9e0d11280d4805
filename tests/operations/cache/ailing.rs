//! A Redis that hangs, goes back or is full, asked of the adapter itself.

use std::time::Duration;

use domain::cache::{Look, SharedCache, Tag};

use super::redis::{HOUR, answer, cache, cache_with, keep, missing, tags};
use crate::support::{TestRedis, until};

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

/// Watches the name of the process that changes were noted in: answers and changes of a snapshot agree, and both are of the past.
#[tokio::test]
async fn what_a_snapshot_brings_back_is_not_given() {
    let mut redis = TestRedis::start();
    let cache = cache(&redis).await;
    let read_before = missing(&cache, "event/2").await;
    assert!(keep(&cache, "event/1", &answer()).await);
    assert_eq!(redis.ask("SAVE"), "+OK\r\n");
    cache.tell(&tags(Tag::Events)).await.unwrap();
    redis.kill();
    redis.launch();
    assert!(redis.keys() > 2, "it has started from its snapshot");
    until("it is connected", async || cache.look("event/3").await.is_ok()).await;
    missing(&cache, "event/1").await;
    assert!(!cache.keep("event/2", &answer(), read_before, HOUR).await.unwrap(), "read before it died");
    assert!(keep(&cache, "event/1", &answer()).await);
    assert_eq!(cache.look("event/1").await, Ok(Look::Found(answer())));
}

/// The same in a process that goes on without a look in between: what was noted in the past is noted there no more. Watches that a
/// change makes nothing of another process's memory true.
#[tokio::test]
async fn a_change_that_is_told_first_after_a_snapshot_ends_all_that_it_brought_back() {
    let mut redis = TestRedis::start();
    let cache = cache(&redis).await;
    assert!(keep(&cache, "event/1", &answer()).await);
    assert_eq!(redis.ask("SAVE"), "+OK\r\n");
    cache.tell(&tags(Tag::Events)).await.unwrap();
    redis.kill();
    redis.launch();
    until("it is told", async || cache.tell(&tags(Tag::Venues)).await.is_ok()).await;
    missing(&cache, "event/1").await;
}

/// Full, as Redis is by default when it is: it reads, and refuses to write. Watches that a change is told first and noted then, and that
/// what can't be noted is forgotten.
#[tokio::test]
async fn a_redis_that_is_full_gives_nothing_that_has_changed() {
    let redis = TestRedis::start();
    let cache = cache(&redis).await;
    assert!(keep(&cache, "event/1", &answer()).await);
    assert!(redis.ask("CONFIG SET maxmemory 1").starts_with("+OK"));
    assert!(redis.ask("SET x 1").starts_with("-OOM"));
    assert_eq!(cache.look("event/1").await, Ok(Look::Found(answer())), "it still reads");
    let moment = missing(&cache, "event/2").await;
    assert_eq!(cache.keep("event/2", &answer(), moment, HOUR).await, Ok(false), "there is no room");
    assert_eq!(cache.tell(&tags(Tag::Events)).await, Ok(()));
    missing(&cache, "event/1").await;
    assert!(cache.is_reachable(), "a refusal is an answer");
    redis.ask("CONFIG SET maxmemory 0");
    assert!(keep(&cache, "event/1", &answer()).await);
}
