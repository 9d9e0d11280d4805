//! Bookings a second without HTTP: callers who book one place of one hot event and wait for the answer, through inventory
//! actor and ledger, on a ledger in memory that commits at once and on a durable PostgreSQL.
//!
//! `cargo bench --bench engine`

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark fails loudly, and criterion's macros have no docs")]

#[path = "support/memory_ledger.rs"]
mod memory_ledger;
#[path = "support/private_ledger.rs"]
mod private_ledger;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actors::{
    engine::{Engine, EngineSettings},
    inventories::Inventories,
};
use boxoffice_seed::{House, Kind};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use domain::{
    bookings::{Fingerprint, IdempotencyKey, Source},
    ids::{AccountId, BookingId, EventId, TicketTypeId},
    inventory::{Command, NewBooking},
    ledger::Ledger,
    selection::{RawLine, Selection},
};
use memory_ledger::MemoryLedger;
use private_ledger::PrivateLedger;
use telemetry::metrics;
use tokio::runtime::Runtime;
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CALLERS: [usize; 4] = [1, 64, 256, 1000];
/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who books what.
#[derive(Clone)]
struct OnSale {
    inventories: Inventories,
    event: EventId,
    ticket_type: TicketTypeId,
    accounts: Arc<[AccountId]>,
}

impl OnSale {
    /// So many bookings of one caller, one after the other.
    async fn book(self, caller: usize, bookings: u64) {
        let account_id = self.accounts[caller % self.accounts.len()];
        let lines = vec![RawLine::of_quantity(self.ticket_type, 1)];
        let source = Source::Selection(Selection::parse(lines).unwrap());
        for _ in 0..bookings {
            let command = Command::Book(NewBooking {
                id: BookingId::generate(),
                account_id,
                key: IdempotencyKey::parse(&Uuid::now_v7().to_string()).unwrap(),
                fingerprint: Fingerprint::of(self.event, &source),
                source: source.clone(),
                promo_code: None,
                attendees: Default::default(),
            });
            let deadline = tokio::time::Instant::now() + PATIENCE;
            let answer = self.inventories.ask(self.event, command, deadline).await;
            assert!(answer.is_ok_and(|answer| !answer.replayed), "a booking of a new key is granted");
        }
    }

    /// How long it takes until all callers have their bookings.
    async fn stampede(self, callers: usize, bookings_each: u64) -> Duration {
        let start = Instant::now();
        let booking: Vec<_> =
            (0..callers).map(|caller| tokio::spawn(self.clone().book(caller, bookings_each))).collect();
        for caller in booking {
            caller.await.unwrap();
        }
        start.elapsed()
    }
}

fn measure(criterion: &mut Criterion, name: &str, runtime: &Runtime, on_sale: &OnSale) {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    for callers in CALLERS {
        // Each measurement ends with a moment in which some callers are through and others not: enough bookings each for it
        // not to matter.
        let each = (1024 / callers as u64).max(16);
        group.throughput(Throughput::Elements(each * callers as u64));
        group.bench_function(format!("{callers} at once"), |bencher| {
            bencher.to_async(runtime).iter_custom(|rounds| on_sale.clone().stampede(callers, each * rounds));
        });
    }
    group.finish();
}

async fn start<L: Ledger>(ledger: Arc<L>) -> Engine {
    Engine::start(ledger, EngineSettings::default()).await.unwrap()
}

/// The runtime and the metrics of a server.
fn server() -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let metrics = metrics::install().unwrap();
    runtime.spawn(async move { metrics.keep_up(|| {}).await });
    runtime
}

fn in_memory(criterion: &mut Criterion) {
    let runtime = server();
    let ledger = MemoryLedger::new();
    let (event, ticket_type) = (EventId::generate(), ledger.ticket_type_id);
    let engine = runtime.block_on(start(Arc::new(ledger)));
    let accounts = (0..1000).map(|_| AccountId::generate()).collect();
    let on_sale = OnSale { inventories: engine.inventories.clone(), event, ticket_type, accounts };
    measure(criterion, "engine, a ledger in memory", &runtime, &on_sale);
    runtime.block_on(engine.stop());
}

fn in_postgresql(criterion: &mut Criterion) {
    // Without it this is a test of whether benchmarks run, and needs no database for that.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = server();
    let private = runtime.block_on(PrivateLedger::start(House::Arena, 0));
    let engine = runtime.block_on(start(private.ledger.clone()));
    let (event, ticket_type) = private.event(Kind::HotGa);
    let accounts = private.fixture.users.iter().map(|user| user.id).collect();
    let on_sale = OnSale { inventories: engine.inventories.clone(), event, ticket_type, accounts };
    measure(criterion, "engine, PostgreSQL", &runtime, &on_sale);
    runtime.block_on(async {
        engine.stop().await;
        private.stop().await;
    });
}

criterion_group!(benches, in_memory, in_postgresql);
criterion_main!(benches);
