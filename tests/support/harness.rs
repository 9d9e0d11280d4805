//! What the tests of whole servers share: a real PostgreSQL, a database a test, servers in this process and beside it,
//! clients, builders and the audit of the ledger.
//!
//! Include it in a root of tests as `support`, the name under which the shared PostgreSQL finds itself again:
//!
//! ```ignore
//! #[path = "../support/harness.rs"]
//! mod support;
//! ```
#![allow(dead_code, reason = "each root of tests uses its own part")]
#![allow(unused_imports, reason = "each root of tests uses its own part")]

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod child;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod document;
pub(crate) mod events;
pub(crate) mod gateway;
pub(crate) mod listener;
pub(crate) mod lists;
pub(crate) mod log;
pub(crate) mod person;
pub(crate) mod proxy;
pub(crate) mod redis;
pub(crate) mod relay;
pub(crate) mod retry;
pub(crate) mod server;
pub(crate) mod shared_postgres;
pub(crate) mod smtp;
pub(crate) mod storm;
pub(crate) mod tripwire;
pub(crate) mod wire;

use std::time::{Duration, Instant};

pub(crate) use accounts::Buyer;
pub(crate) use child::ChildServer;
pub(crate) use client::{Answer, Api};
pub(crate) use database::TestDatabase;
pub(crate) use events::{EventBuilder, TestEvent};
pub(crate) use redis::TestRedis;
pub(crate) use server::{Settings, TestServer};

/// No wait of a test is longer, so that a machine that does ten things at once fails no test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Looks every few milliseconds until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Looks every few milliseconds until there is something.
pub(crate) async fn until_some<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A generator whose seed is printed, and can be given as `BOXOFFICE_TEST_SEED` to see a failure again.
pub(crate) fn seeded() -> rand::rngs::StdRng {
    let given = std::env::var("BOXOFFICE_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = given.unwrap_or_else(rand::random);
    eprintln!("BOXOFFICE_TEST_SEED={seed}");
    rand::SeedableRng::seed_from_u64(seed)
}
