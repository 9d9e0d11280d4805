//! A request that is given up while Redis is asked.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use application::limits::{Client, Counted, LimitRequests, Tier};
use boxoffice_store::rate_limits::{Limiter, LimiterSettings, SharedCounts};
use domain::rate_limit::Rate;
use secrecy::SecretString;
use uuid::Uuid;

use crate::support::{TestRedis, until};

const LIMIT: u32 = 5;

async fn node(redis: &TestRedis) -> Limiter {
    let url = SecretString::from(redis.url());
    let counts = SharedCounts::connect(&url, Duration::from_secs(30), Uuid::from_u128(1)).unwrap();
    let tended = Arc::clone(&counts);
    tokio::spawn(async move { tended.tend().await });
    until("it is connected", async || counts.is_reachable()).await;
    let rate = Rate::new(LIMIT, Duration::from_secs(3600)).unwrap();
    let settings = LimiterSettings {
        auth: rate,
        bookings: rate,
        api: rate,
        public: rate,
        trusted: Vec::new(),
        backoff_max: Duration::ZERO,
        max_clients: 1000,
    };
    Limiter::new(settings, Some(counts))
}

fn count(node: &Limiter, address: &str) -> Counted {
    let address: IpAddr = address.parse().unwrap();
    node.count(Tier::Auth, Client { address, account: None }, Instant::now())
}

/// Whether one more is admitted, by all nodes together.
async fn is_admitted(node: &Limiter, address: &str) -> bool {
    match count(node, address) {
        Counted::Asked(standing) => standing.await.outcome.is_ok(),
        Counted::Known(standing) => standing.outcome.is_ok(),
        Counted::Exempt => panic!("nobody is"),
    }
}

/// Who hangs up while Redis is told of his requests would have the whole limit once a node. Watches that they are told all the same.
#[tokio::test]
async fn what_a_request_has_to_tell_is_told_though_it_is_given_up() {
    let redis = TestRedis::start();
    let (one, two) = (node(&redis).await, node(&redis).await);
    assert!(is_admitted(&one, "192.0.2.1").await && is_admitted(&two, "192.0.2.1").await);
    redis.hang();
    for _ in 0..LIMIT {
        let Counted::Asked(answer) = count(&one, "192.0.2.2") else { panic!("every one of a small limit asks") };
        drop(answer);
    }
    redis.go_on();
    // Behind the others on the same connection.
    assert!(is_admitted(&one, "192.0.2.3").await);
    assert!(!is_admitted(&two, "192.0.2.2").await, "the limit is used up");
}
