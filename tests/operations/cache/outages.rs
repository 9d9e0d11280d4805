//! Redis hangs, dies, forgets, or is not there yet: answers stay right, nobody waits, and the nodes find together again.

use std::time::{Duration, Instant};

use super::{freshness::settings, nodes::Nodes};
use crate::support::{TestRedis, until};

/// No request takes longer. Far above what one takes on a busy machine, far below what waiting for Redis would.
const LONGEST: Duration = Duration::from_secs(5);

/// Edits and looks at the node that has edited: it shows each change at once, and no answer takes long.
async fn edits_are_seen_at_once(nodes: &Nodes, name: &str) {
    for round in 0..20 {
        let new = format!("{name} {round}");
        nodes.edit(&new).await;
        for _ in 0..3 {
            let began = Instant::now();
            assert_eq!(nodes.title(0).await, new);
            nodes.api(1).get("/api/v1/events?limit=3").await.ok();
            assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
        }
    }
}

/// Watches the time-out and the breaker; and that a change is told when Redis is back, before anybody believes Redis.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_holds_nobody_up() {
    let redis = TestRedis::start();
    let nodes = Nodes::sharing(&redis).await;
    assert_eq!(nodes.title(1).await, "Old");
    redis.hang();
    edits_are_seen_at_once(&nodes, "Hung").await;
    redis.go_on();
    until("the other hears of it", async || nodes.title(1).await == "Hung 19").await;
    nodes.share().await;
    assert_eq!(nodes.title(0).await, "Hung 19");
}

/// Watches that a node forgets what it has when it listens again: what was said meanwhile nobody repeats.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_dies_takes_no_change_with_it() {
    let mut redis = TestRedis::start();
    let nodes = Nodes::sharing(&redis).await;
    assert_eq!(nodes.title(1).await, "Old");
    redis.kill();
    edits_are_seen_at_once(&nodes, "Dead").await;
    redis.launch();
    until("the other has forgotten what it had", async || nodes.title(1).await == "Dead 19").await;
    nodes.share().await;
    assert_eq!(nodes.title(0).await, "Dead 19");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgets_everything_is_filled_again() {
    let redis = TestRedis::start();
    let nodes = Nodes::sharing(&redis).await;
    for round in 0..5 {
        let new = format!("New {round}");
        nodes.edit(&new).await;
        redis.flush();
        assert_eq!(nodes.title(0).await, new);
        until("the other hears of it", async || nodes.title(1).await == new).await;
    }
    nodes.share().await;
    until("answers are kept again", async || {
        nodes.edit("Last").await;
        nodes.title(0).await;
        redis.ask("KEYS boxoffice:{*:cache}:*:event/*").starts_with("*1")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_start_without_their_redis_and_find_it_later() {
    let mut redis = TestRedis::start();
    redis.kill();
    let nodes = Nodes::start(settings().set("REDIS_URL", redis.url())).await;
    assert_eq!(nodes.title(1).await, "Old");
    edits_are_seen_at_once(&nodes, "Alone").await;
    redis.launch();
    nodes.share().await;
    assert_eq!((nodes.title(0).await, nodes.title(1).await), ("Alone 19".to_owned(), "Alone 19".to_owned()));
}
