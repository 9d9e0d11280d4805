//! Two servers on one Redis.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use super::clients::{PUBLIC, Visitor, regained, servers, standing};
use crate::support::{TestRedis, until};

/// Waits until the server asks Redis: it begins to when Redis has answered its first ping.
pub(crate) async fn shares(visitor: &Visitor, redis: &TestRedis) {
    until("the server asks Redis", async || {
        // What else the server asks of Redis makes no such key.
        let before = redis.keys_like("boxoffice:*:limit:*");
        // A network that nobody else uses.
        visitor.at(somebody()).sign_in(&format!("{}@tests.example", uuid::Uuid::now_v7())).await;
        redis.keys_like("boxoffice:*:limit:*") > before
    })
    .await;
}

/// The number of an address that nobody had before.
pub(crate) fn somebody() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1 << 16);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Watches the question to Redis: without it there would be twice as many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_limit_is_exact_on_all_nodes_together() {
    let redis = TestRedis::start();
    let (servers, _database) = servers(2, &redis, &[("AUTH", "8/1h")]).await;
    let visitor = Visitor::new(servers[0].address, 1);
    for server in &servers {
        shares(&visitor.of(server.address), &redis).await;
    }
    let mut admitted = 0;
    for number in 0..40_usize {
        let answer = visitor.of(servers[number % 2].address).sign_in(&format!("{number}@tests.example")).await;
        if answer.status == 401 {
            admitted += 1;
            assert_eq!(standing(&answer).1, 8 - admitted, "what is left is what is left on both");
        } else {
            answer.problem(429, "RATE_001");
        }
    }
    assert_eq!(admitted, 8);
    // Failures for one account are admitted in a wider measure, by all nodes together as well, but for what each has not told.
    let mut admitted = 0;
    for number in 0..220_u32 {
        let visitor = visitor.at(100 + number).of(servers[number as usize % 2].address);
        admitted += u32::from(visitor.sign_in("victim@tests.example").await.status == 401);
    }
    assert!((160..=160 + 2 * 15).contains(&admitted), "{admitted}");
}

/// Watches the bound of the overshoot, that what is told late is charged, and that few requests ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_limit_costs_a_question_in_ten_and_is_exceeded_by_no_more_than_is_said() {
    const LIMIT: u32 = 100;
    /// A tenth of the limit less the one that asks, of each of two nodes.
    const OVERSHOOT_MAX: u32 = 2 * (LIMIT / 10 - 1);
    let redis = TestRedis::start();
    let (servers, _database) = servers(2, &redis, &[("PUBLIC", "100/15m"), ("BACKOFF_MAX", "0s")]).await;
    let visitor = Visitor::new(servers[0].address, 1);
    for server in &servers {
        shares(&visitor.of(server.address), &redis).await;
    }
    let (before, began) = (redis.scripts_run(), Instant::now());
    let mut storm = tokio::task::JoinSet::new();
    for task in 0..8_usize {
        let visitor = visitor.of(servers[task % 2].address);
        storm.spawn(async move {
            let mut served = 0;
            for _ in 0..50 {
                served += u32::from(visitor.get(PUBLIC).await.status == 200);
            }
            served
        });
    }
    let served: u32 = storm.join_all().await.iter().sum();
    let regained = regained(began, Duration::from_secs(9));
    assert!(served >= LIMIT, "{served}");
    assert!(served <= LIMIT + OVERSHOOT_MAX + regained, "{served} with {regained} regained");
    let asked = redis.scripts_run() - before;
    assert!(asked > 0 && asked <= u64::from(served / 10 + 2 + 2 * regained), "{asked} questions for {served}");
}

/// A node that was asked nothing so far knows nothing of the client, and is told with its first question.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_to_another_node_finds_little_there() {
    let redis = TestRedis::start();
    let (servers, _database) = servers(2, &redis, &[("PUBLIC", "100/15m")]).await;
    let visitor = Visitor::new(servers[0].address, 1);
    for server in &servers {
        shares(&visitor.of(server.address), &redis).await;
    }
    let began = Instant::now();
    let first = visitor.until_refused(PUBLIC).await;
    let second = visitor.of(servers[1].address).until_refused(PUBLIC).await;
    assert!(first >= 100);
    let regained = regained(began, Duration::from_secs(9));
    assert!(first + second <= 118 + regained, "{first} and {second}, {regained} regained");
}
