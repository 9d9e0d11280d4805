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
use boxoffice_seed::{House, Kind};
use boxoffice_store::postgres::ledger::PgLedger;
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use domain::{
    bookings::{Fingerprint, IdempotencyKey, Source},
    ids::{AccountId, BookingId, EventId, TicketTypeId},
    inventory::{Command, NewBooking},
    selection::{RawLine, Selection},
};
use private_ledger::PrivateLedger;
use tokio::runtime::Runtime;
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
            promo_code: None,
            attendees: Default::default(),
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

/// Events of one hall, each sold to another degree.
async fn nights(private: &PrivateLedger, like: Night) -> Vec<(&'static str, Night)> {
    let mut nights = Vec::new();
    for (name, share) in
        [("nothing sold", 0.0), ("half sold", 0.5), ("all sold", 1.0), ("all sold, with a limit an account", 1.0)]
    {
        let (event, ticket_type) = private.one_more_like(like.event).await;
        if share > 0.0 {
            private.sell(event, share).await;
        }
        if name.ends_with("account") {
            private.execute(&format!("UPDATE events SET max_per_account = 1000 WHERE id = '{event}'")).await;
        }
        nights.push((name, Night { event, ticket_type, ..like }));
    }
    private.execute("VACUUM ANALYZE").await;
    nights
}

/// Measures the first answers of each of `nights`, with `memory` saying what is there already.
fn measure(
    criterion: &mut Criterion,
    runtime: &Runtime,
    private: &PrivateLedger,
    memory: &str,
    nights: &[(&str, Night)],
) {
    let mut slowest = Vec::new();
    let mut group = criterion.benchmark_group(format!("cold load, 100,000 seats, {memory}"));
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(5));
    for (state, night) in nights {
        for (name, question) in [("availability", Question::Availability), ("booking", Question::Booking)] {
            let longest = RefCell::new(Duration::ZERO);
            group.bench_function(format!("{state}: first {name}"), |bencher| {
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
            // Nothing, when the command line leaves it out.
            if !longest.borrow().is_zero() {
                slowest.push(format!("the slowest, {state}: first {name}: {:.0?}", longest.take()));
            }
        }
    }
    group.finish();
    slowest.iter().for_each(|line| println!("{line}"));
}

fn cold_load(criterion: &mut Criterion) {
    // Without it this is a test of whether benchmarks run, and needs no database for that.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = Runtime::new().unwrap();
    let private = runtime.block_on(PrivateLedger::start(House::Stadium, 0));
    let (event, ticket_type) = private.event(Kind::HotSeated);
    let other = Night { event, ticket_type, account: private.fixture.users[0].id };
    let nights = runtime.block_on(nights(&private, other));
    measure(criterion, &runtime, &private, "nothing in memory", &nights);

    // An event of the same hall, in memory all the time, keeps the hall's map there.
    let engine = runtime.block_on(async {
        let engine = Engine::start(private.ledger.clone(), EngineSettings::default()).await.unwrap();
        other.ask(&engine.inventories, Question::Availability).await;
        engine
    });
    measure(criterion, &runtime, &private, "its hall in memory", &nights);
    runtime.block_on(engine.stop());

    // Last, because an engine loads an event with holds as soon as it starts. What a crash in a stampede leaves.
    runtime.block_on(private.hold_all(other.event, 4));
    measure(criterion, &runtime, &private, "nothing in memory", &[("all held, four seats a hold", other)]);
    runtime.block_on(private.stop());
}

criterion_group!(benches, cold_load);
criterion_main!(benches);
