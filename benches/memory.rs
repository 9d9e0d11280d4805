//! What events cost in memory: many are loaded through actor and ledger from PostgreSQL, and the process is as much larger.
//!
//! `cargo bench --bench memory`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark fails loudly and prints its results"
)]

#[path = "support/private_ledger.rs"]
mod private_ledger;

use std::time::Duration;

use actors::{
    engine::{Engine, EngineSettings},
    inventories::Inventories,
};
use boxoffice_seed::{House, Kind};
use domain::ids::EventId;
use private_ledger::PrivateLedger;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// General admission.
const SMALL: u32 = 5_000;
/// Of one hall.
const NIGHTS: usize = 500;
/// Each with a seat map of its own.
const HALLS: usize = 8;
/// Those loaded first fill what earlier loads freed and the allocator kept; they are not counted.
const UNCOUNTED: usize = 100;
/// Longer than any load takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than the allocator keeps what was freed.
const SETTLED: Duration = Duration::from_secs(1);

/// Bytes of this process that are in memory, once the allocator has given back what loading needed for a moment.
async fn resident() -> f64 {
    tokio::time::sleep(SETTLED).await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0
}

/// Bytes that each of these events adds.
async fn each(inventories: &Inventories, events: &[EventId]) -> f64 {
    let before = resident().await;
    for event in events {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        inventories.availability(*event, deadline).await.unwrap();
    }
    (resident().await - before) / events.len() as f64
}

async fn measure() {
    let private = PrivateLedger::start(House::Stadium, SMALL).await;
    let engine = Engine::start(private.ledger.clone(), EngineSettings::default()).await.unwrap();
    let (stadium, _) = private.event(Kind::HotSeated);
    let small: Vec<EventId> =
        private.fixture.events.iter().filter(|event| event.kind == Kind::Lukewarm).map(|event| event.id).collect();
    let (mut nights, mut halls) = (Vec::new(), Vec::new());
    for _ in 0..NIGHTS {
        nights.push(private.one_more_like(stadium).await.0);
    }
    for _ in 0..HALLS {
        halls.push(private.one_more_hall_like(stadium).await.0);
    }
    private.execute("VACUUM ANALYZE").await;

    each(&engine.inventories, &small[..UNCOUNTED]).await;
    let small = each(&engine.inventories, &small[UNCOUNTED..]).await;
    each(&engine.inventories, &[stadium]).await;
    each(&engine.inventories, &nights[..UNCOUNTED]).await;
    let night = each(&engine.inventories, &nights[UNCOUNTED..]).await;
    each(&engine.inventories, &halls[..1]).await;
    let hall = each(&engine.inventories, &halls[1..]).await;
    println!("an event with general admission: {:.1} kB ({SMALL} loaded)", small / 1e3);
    println!("an event of 100,000 seats in a hall that is in memory: {:.0} kB ({NIGHTS} loaded)", night / 1e3);
    println!("the map of a hall of 100,000 seats: {:.1} MB ({HALLS} loaded)", (hall - night) / 1e6);
    engine.stop().await;
    private.stop().await;
}

fn main() {
    // Without it this is a test of whether benchmarks run, and needs no database for that.
    if std::env::args().any(|argument| argument == "--bench") {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(measure());
    }
}
