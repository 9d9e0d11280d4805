//! A fixed load for counting instructions: so many rounds of so many bookings that are asked for at once, through the engine's
//! door, inventory actor and ledger writer, on a ledger in memory, all on one thread. The same arguments run the same work.
//!
//! `make bench-instructions` counts two runs of it under callgrind; the difference is the price of the additional rounds.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark fails loudly and prints")]

#[path = "support/memory_ledger.rs"]
mod memory_ledger;

use std::{sync::Arc, time::Duration};

use actors::{
    engine::{Engine, EngineSettings},
    inventories::Inventories,
};
use domain::{
    bookings::{Fingerprint, IdempotencyKey, Source},
    ids::{AccountId, BookingId, EventId, TicketTypeId},
    inventory::{Command, NewBooking},
    selection::{RawLine, Selection},
};
use futures_util::future::join_all;
use memory_ledger::MemoryLedger;
use tokio::time::Instant;
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Longer than an answer takes under callgrind.
const PATIENCE: Duration = Duration::from_secs(600);

async fn book(inventories: &Inventories, event: EventId, account_id: AccountId, source: &Source) {
    let command = Command::Book(NewBooking {
        id: BookingId::generate(),
        account_id,
        key: IdempotencyKey::parse(&Uuid::now_v7().to_string()).unwrap(),
        fingerprint: Fingerprint::of(event, source),
        source: source.clone(),
        promo_code: None,
        attendees: Default::default(),
    });
    let answer = inventories.ask(event, command, Instant::now() + PATIENCE).await;
    assert!(answer.is_ok_and(|answer| !answer.replayed), "a booking of a new key is granted");
}

fn source(ticket_type: TicketTypeId) -> Source {
    Source::Selection(Selection::parse(vec![RawLine::of_quantity(ticket_type, 1)]).unwrap())
}

async fn run(group: usize, rounds: usize) {
    let ledger = MemoryLedger::new();
    let (event, source) = (EventId::generate(), source(ledger.ticket_type_id));
    let engine = Engine::start(Arc::new(ledger), EngineSettings::default()).await.unwrap();
    let accounts: Vec<AccountId> = (0..group).map(|_| AccountId::generate()).collect();
    for _ in 0..rounds {
        join_all(accounts.iter().map(|account| book(&engine.inventories, event, *account, &source))).await;
    }
    engine.stop().await;
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    // Without numbers this is a test of whether it runs.
    let (group, rounds) = (numbers.first().copied().unwrap_or(16), numbers.get(1).copied().unwrap_or(4));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(group, rounds));
    println!("{rounds} rounds of {group}");
}
