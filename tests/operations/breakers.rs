//! Circuit breakers of whole servers: two nodes on one Redis, and what operators see.

use actors::breakers::{Breaker, BreakerState, CallOutcome, RunningBreakers, Service, ServiceError};
use boxoffice::serve::{self, Running};
use serde_json::Value;
use tokio::time::{Duration, Instant, sleep};

use crate::support::{Api, Settings, TestDatabase, TestRedis, TestServer, until};

struct Fault;

impl ServiceError for Fault {
    fn outcome(&self) -> CallOutcome {
        CallOutcome::Failed
    }
}

fn settings(redis: &TestRedis) -> Settings {
    Settings::default().set("REDIS_URL", redis.url()).set("BOXOFFICE__BREAKERS__OPEN_FOR", "1s")
}

/// Two servers on one database and one Redis.
async fn nodes(redis: &TestRedis) -> (TestServer, Running) {
    let one = TestServer::on(TestDatabase::migrated().await, &settings(redis)).await;
    let two = serve::start(settings(redis).node("two").config(&one.db)).await.unwrap();
    until("both have their Redis", async || {
        let ready = async |node: &Running| detailed(node).await["checks"][2]["ok"] == true;
        ready(&one.running).await && ready(&two).await
    })
    .await;
    (one, two)
}

async fn detailed(node: &Running) -> Value {
    Api::of_operators(node.operations_address).get("/health/detailed").await.ok()
}

fn payment(of: &RunningBreakers) -> &Breaker {
    of.breakers.of(Service::Payment)
}

async fn call(breaker: &Breaker, outcome: Result<(), Fault>) -> bool {
    breaker.call(Duration::from_secs(1), async { outcome }).await.is_ok()
}

async fn open(breaker: &Breaker) {
    for _ in 0..5 {
        assert!(!call(breaker, Err(Fault)).await);
    }
    until("it is open", async || breaker.state() == BreakerState::Open).await;
}

/// Guards: the exchange through Redis. Without telling or without following, the other stays closed. And that each comes back by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_server_opens_the_other_opens_within_a_second_and_both_close_by_themselves() {
    let redis = TestRedis::start();
    let (one, two) = nodes(&redis).await;
    let [first, second] = [&one.running.breakers, &two.breakers].map(payment);
    open(first).await;
    let opened = Instant::now();
    until("the other follows", async || second.state() == BreakerState::Open).await;
    assert!(opened.elapsed() < Duration::from_secs(1), "{:?}", opened.elapsed());
    let shown = detailed(&two).await["breakers"][0].clone();
    assert_eq!((&shown["name"], &shown["failures"]), (&"payment".into(), &0.into()), "{shown}");
    assert!(shown["state"] != "CLOSED" && shown["since"].is_string(), "{shown}");
    for breaker in [first, second] {
        until("it closes", async || {
            call(breaker, Ok(())).await;
            breaker.state() == BreakerState::Closed
        })
        .await;
    }
    sleep(Duration::from_millis(600)).await;
    assert_eq!((first.state(), second.state()), (BreakerState::Closed, BreakerState::Closed), "old news opens nothing");
    two.stop().await;
    one.running.stop().await;
}

/// Guards: that a node decides alone without Redis, whose own breaker says so; and shares again when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_each_server_decides_alone_and_redis_is_shown_open() {
    let mut redis = TestRedis::start();
    let (one, two) = nodes(&redis).await;
    let state = |of: &RunningBreakers, service| of.breakers.of(service).state();
    redis.kill();
    until("both have given Redis up", async || {
        one.api.get("/api/v1/venues").await;
        Api::new(two.address).get("/api/v1/venues").await;
        [&one.running.breakers, &two.breakers].iter().all(|of| state(of, Service::Redis) == BreakerState::Open)
    })
    .await;
    let shown = detailed(&one.running).await["breakers"][2].clone();
    assert_eq!((&shown["name"], &shown["state"]), (&"redis".into(), &"OPEN".into()));
    open(payment(&one.running.breakers)).await;
    sleep(Duration::from_millis(700)).await;
    assert_eq!(state(&two.breakers, Service::Payment), BreakerState::Closed);
    until("it closes", async || {
        call(payment(&one.running.breakers), Ok(())).await;
        state(&one.running.breakers, Service::Payment) == BreakerState::Closed
    })
    .await;

    redis.launch();
    until("both have their Redis", async || {
        [&one.running.breakers, &two.breakers].iter().all(|of| state(of, Service::Redis) == BreakerState::Closed)
    })
    .await;
    open(payment(&two.breakers)).await;
    until("the other follows", async || state(&one.running.breakers, Service::Payment) == BreakerState::Open).await;
    two.stop().await;
    one.running.stop().await;
}
