//! How long the first answer about an event of 100,000 seats takes, whose inventory is not in memory, through actor and ledger
//! from a durable PostgreSQL.
//!
//! `cargo bench --bench cold_load` prints, beside criterion's means, the slowest.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark fails loudly and prints its results, and criterion's macros have no docs"
)]

#[path = "support/private_ledger.rs"]
mod private_ledger;

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use actors::{
    engine::{Engine, EngineSettings},
    inventories::{AskError, Inventories},
    inventory::Denial,
};
use boxoffice::infrastructure::postgres::{
    ledger::PgLedger,
    seed::{House, Kind},
};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use domain::{
    bookings::{Fingerprint, IdempotencyKey, Source},
    ids::{AccountId, BookingId, EventId, TicketTypeId},
    inventory::{Command, NewBooking},
    selection::{RawLine, Selection},
};
use private_ledger::PrivateLedger;
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is asked first.
#[derive(Clone, Copy)]
enum Question {
    Availability,
    /// The best free seat.
    Booking,
}

/// An event to be loaded, and who books there.
#[derive(Clone, Copy)]
struct Night {
    event: EventId,
    ticket_type: TicketTypeId,
    account: AccountId,
}

impl Night {
    async fn ask(self, inventories: &Inventories, question: Question) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let Question::Booking = question else {
            inventories.availability(self.event, deadline).await.unwrap();
            return;
        };
        let lines = vec![RawLine::of_best(self.ticket_type, 1, None)];
        let source = Source::Selection(Selection::parse(lines).unwrap());
        let command = Command::Book(NewBooking {
            id: BookingId::generate(),
            account_id: self.account,
            key: IdempotencyKey::parse(&Uuid::now_v7().to_string()).unwrap(),
            fingerprint: Fingerprint::of(self.event, &source),
            source,
        });
        let answer = inventories.ask(self.event, command, deadline).await;
        // A house that is sold out says so, and that is an answer.
        assert!(matches!(answer, Ok(_) | Err(AskError::Denied(Denial::Refused(_)))), "{answer:?}");
    }

    /// From an engine that has not loaded the event to the first answer.
    async fn first_answer(self, ledger: Arc<PgLedger>, question: Question) -> Duration {
        let engine = Engine::start(ledger, EngineSettings::default()).await.unwrap();
        let start = Instant::now();
        self.ask(&engine.inventories, question).await;
        let took = start.elapsed();
        engine.stop().await;
        took
    }
}

fn cold_load(criterion: &mut Criterion) {
    // Without it this is a test of whether benchmarks run, and needs no database for that.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let private = runtime.block_on(PrivateLedger::start(House::Stadium, 0));
    let (nights, other) = runtime.block_on(async {
        let (event, ticket_type) = private.event(Kind::HotSeated);
        let account = private.fixture.users[0].id;
        let mut nights = Vec::new();
        for (name, share) in
            [("nothing sold", 0.0), ("half sold", 0.5), ("all sold", 1.0), ("all sold, with a limit an account", 1.0)]
        {
            let (event, ticket_type) = private.one_more_like(event).await;
            if share > 0.0 {
                private.sell(event, share).await;
            }
            if name.ends_with("account") {
                private.execute(&format!("UPDATE events SET max_per_account = 1000 WHERE id = '{event}'")).await;
            }
            nights.push((name, Night { event, ticket_type, account }));
        }
        private.execute("VACUUM ANALYZE").await;
        (nights, Night { event, ticket_type, account })
    });

    let mut slowest = Vec::new();
    for hall_known in [false, true] {
        // An event of the same hall, in memory all the time, keeps the hall's map there.
        let keeper = hall_known.then(|| {
            runtime.block_on(async {
                let engine = Engine::start(private.ledger.clone(), EngineSettings::default()).await.unwrap();
                other.ask(&engine.inventories, Question::Availability).await;
                engine
            })
        });
        let what = if hall_known { "its hall in memory" } else { "nothing in memory" };
        let mut group = criterion.benchmark_group(format!("cold load, 100,000 seats, {what}"));
        group.sampling_mode(SamplingMode::Flat).sample_size(20);
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(5));
        for (sold, night) in &nights {
            for (name, question) in [("availability", Question::Availability), ("booking", Question::Booking)] {
                let longest = RefCell::new(Duration::ZERO);
                group.bench_function(format!("{sold}: first {name}"), |bencher| {
                    bencher.iter_custom(|rounds| {
                        let mut total = Duration::ZERO;
                        for _ in 0..rounds {
                            let took = runtime.block_on(night.first_answer(private.ledger.clone(), question));
                            longest.replace_with(|longest| took.max(*longest));
                            total += took;
                        }
                        total
                    });
                });
                slowest.push(format!("{what}, {sold}: first {name}: {:.0?}", longest.take()));
            }
        }
        group.finish();
        if let Some(engine) = keeper {
            runtime.block_on(engine.stop());
        }
    }
    println!("\nslowest of each");
    slowest.iter().for_each(|line| println!("{line}"));
    runtime.block_on(private.stop());
}

criterion_group!(benches, cold_load);
criterion_main!(benches);
