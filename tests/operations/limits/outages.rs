//! Redis hangs, dies, forgets, or is not there yet: nobody is refused for it or waits for it, each node limits by itself, and
//! they find together again.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{
    clients::{PUBLIC, Visitor, retry_after, servers, settings},
    shared::{shares, somebody},
};
use crate::support::{ChildServer, TestDatabase, TestRedis, TestServer, relay::Relay, until};

/// No request of a storm takes longer. Far above what one takes on a busy machine, far below what waiting for Redis would.
const LONGEST: Duration = Duration::from_secs(5);
/// A small limit: every request asks Redis. If all of a storm's waited so long for a Redis that hangs, it would take longer than
/// the patience of a test.
const LIMITS: [(&str, &str); 3] = [("PUBLIC", "5/1h"), ("AUTH", "5/1h"), ("REDIS_TIMEOUT", "1s")];

/// Clients that each ask once, and are served.
struct Storm {
    tasks: JoinSet<Duration>,
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU32>,
}

impl Storm {
    fn begin(servers: &[SocketAddr]) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let mut tasks = JoinSet::new();
        for task in 0..4_u32 {
            // Nobody asks twice, so nobody is refused.
            let visitor = Visitor::new(servers[task as usize % servers.len()], 0);
            let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
            tasks.spawn(async move {
                let (mut longest, mut number) = (Duration::ZERO, 1 << 10 | task << 20);
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    visitor.at(number).get(PUBLIC).await.ok();
                    longest = longest.max(began.elapsed());
                    number += 1;
                    served.fetch_add(1, Ordering::Relaxed);
                }
                longest
            });
        }
        Self { tasks, stop, served }
    }

    /// Waits until so many more were served.
    async fn goes_on(&self, requests: u32) {
        let until_now = self.served.load(Ordering::Relaxed);
        until("the storm goes on", async || self.served.load(Ordering::Relaxed) >= until_now + requests).await;
    }

    /// Every one was served, and in time.
    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let longest = self.tasks.join_all().await.into_iter().max().unwrap();
        assert!(longest < LONGEST, "a request took {longest:?}");
    }
}

/// Each node by itself admits as many as the limit says, and no more.
async fn each_node_limits(servers: &[SocketAddr], number: u32) {
    for server in servers {
        assert_eq!(Visitor::new(*server, number).until_refused(PUBLIC).await, 5);
    }
}

/// Waits until a client that has used up its limit on one node is refused by the other.
async fn they_limit_together(servers: &[SocketAddr]) {
    until("the nodes limit together", async || {
        let client = Visitor::new(servers[0], somebody());
        assert_eq!(client.until_refused(PUBLIC).await, 5);
        client.of(servers[1]).get(PUBLIC).await.status == 429
    })
    .await;
}

/// Watches the time-out of questions and the breaker: without them, requests wait for as long as Redis hangs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_holds_nobody_up() {
    let redis = TestRedis::start();
    let (children, _database) = servers(2, &redis, &LIMITS).await;
    let servers: Vec<SocketAddr> = children.iter().map(|server| server.address).collect();
    they_limit_together(&servers).await;
    let storm = Storm::begin(&servers);
    storm.goes_on(20).await;
    redis.hang();
    storm.goes_on(400).await;
    each_node_limits(&servers, 2).await;
    redis.go_on();
    they_limit_together(&servers).await;
    storm.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_dies_takes_nothing_with_it_and_is_used_again_when_it_is_back() {
    let mut redis = TestRedis::start();
    let (children, _database) = servers(2, &redis, &LIMITS).await;
    let servers: Vec<SocketAddr> = children.iter().map(|server| server.address).collect();
    they_limit_together(&servers).await;
    let storm = Storm::begin(&servers);
    storm.goes_on(20).await;
    redis.kill();
    storm.goes_on(200).await;
    each_node_limits(&servers, 2).await;
    redis.launch();
    they_limit_together(&servers).await;
    storm.end().await;
    // Who was refused meanwhile still is.
    retry_after(&Visitor::new(servers[0], 2).get(PUBLIC).await);
}

/// Watches that scripts are loaded again, and that nodes tell what they know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgets_everything_is_told_again() {
    let redis = TestRedis::start();
    let (children, _database) = servers(2, &redis, &LIMITS).await;
    let servers: Vec<SocketAddr> = children.iter().map(|server| server.address).collect();
    they_limit_together(&servers).await;
    let client = Visitor::new(servers[0], 9);
    for _ in 0..3 {
        client.get(PUBLIC).await.ok();
    }
    let storm = Storm::begin(&servers);
    storm.goes_on(20).await;
    redis.flush();
    storm.goes_on(20).await;
    // The fourth is asked for with what its node knows of the first three, so the other node may admit one more.
    client.get(PUBLIC).await.ok();
    assert_eq!(client.of(servers[1]).until_refused(PUBLIC).await, 1);
    they_limit_together(&servers).await;
    storm.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_without_its_redis_and_finds_it_later() {
    let mut redis = TestRedis::start();
    redis.kill();
    let server: TestServer =
        settings().set("REDIS_URL", redis.url()).set("BOXOFFICE__RATE_LIMIT__PUBLIC", "5/1h").start().await;
    let visitor = Visitor::new(server.running.address, 1);
    assert_eq!(visitor.until_refused(PUBLIC).await, 5);
    // It is ready, and says what is missing.
    let redis_works = async || {
        let health = visitor.get("/health/ready").await.ok();
        let checks = health["checks"].as_array().unwrap().iter().find(|check| check["name"] == "redis").cloned();
        checks.unwrap()["ok"].as_bool().unwrap()
    };
    assert!(!redis_works().await);
    redis.launch();
    shares(&visitor, &redis).await;
    assert!(redis.keys() > 0);
    until("health knows of it", redis_works).await;
}

/// Guards: that an address which never led to a Redis is mentioned, once and with the reason.
#[tokio::test]
async fn a_redis_that_was_never_there_is_mentioned() {
    let database = TestDatabase::migrated().await;
    let nowhere = Relay::closed().address;
    let settings = settings().set("DATABASE_URL", database.url()).set("REDIS_URL", format!("redis://{nowhere}/0"));
    let server = ChildServer::start(settings).await;
    const SAID: &str = "each node limits by itself";
    until("it says so", async || server.log().contains(SAID)).await;
    let log = server.log();
    let line = log.lines().find(|line| line.contains(SAID)).unwrap();
    assert!(line.contains("refused"), "the reason: {line}");
    assert_eq!(log.matches(SAID).count(), 1, "{log}");
}
