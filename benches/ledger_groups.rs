//! What a group of bookings costs the database, by its own accounts: bytes of its log, pages looked at, and time within the function
//! `ledger_commit`, for groups of 1, 16 and 256 bookings of one event.
//!
//! `make bench-ledger`. The time depends on the machine and the hour, the rest hardly.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark fails loudly and prints")]

#[path = "support/private_ledger.rs"]
mod private_ledger;

use std::time::Duration;

use boxoffice_seed::{House, Kind};
use domain::{
    bookings::{Fingerprint, IdempotencyKey, Source},
    ids::{AccountId, BookingId, EventId},
    inventory::{Command, Inventory, NewBooking},
    ledger::{EventBatch, Ledger},
    selection::{RawLine, Selection},
};
use jiff::Timestamp;
use private_ledger::PrivateLedger;
use uuid::Uuid;

/// Bookings a group, and how many groups are measured.
const GROUPS: [(usize, usize); 3] = [(1, 4000), (16, 1000), (256, 300)];
/// An idle back end reports what it did after ten seconds at the latest.
const REPORTED: Duration = Duration::from_secs(11);

/// Bytes of log, pages and milliseconds so far.
const SO_FAR: &str = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8, \
    (SELECT (blks_hit + blks_read)::float8 FROM pg_stat_database WHERE datname = current_database()), \
    coalesce((SELECT total_time FROM pg_stat_user_functions WHERE funcname = 'ledger_commit'), 0)";

async fn so_far(private: &PrivateLedger) -> [f64; 3] {
    tokio::time::sleep(REPORTED).await;
    private.numbers(SO_FAR).await
}

/// Decides bookings in memory and commits them, a group at a time.
struct Buyers<'a> {
    private: &'a PrivateLedger,
    event: EventId,
    source: Source,
    accounts: Vec<AccountId>,
    inventory: Inventory,
}

impl<'a> Buyers<'a> {
    async fn new(private: &'a PrivateLedger) -> Self {
        let (event, ticket_type) = private.event(Kind::HotGa);
        let source = Source::Selection(Selection::parse(vec![RawLine::of_quantity(ticket_type, 1)]).unwrap());
        let accounts = private.fixture.users.iter().map(|user| user.id).collect();
        let inventory = Inventory::load(private.ledger.load(event, false).await.unwrap()).unwrap();
        Self { private, event, source, accounts, inventory }
    }

    async fn commit(&mut self, bookings: usize) {
        let mut batch = EventBatch { event_id: self.event, versions: self.inventory.versions(), entries: Vec::new() };
        for number in 0..bookings {
            let command = Command::Book(NewBooking {
                id: BookingId::generate(),
                account_id: self.accounts[number % self.accounts.len()],
                key: IdempotencyKey::parse(&Uuid::now_v7().to_string()).unwrap(),
                fingerprint: Fingerprint::of(self.event, &self.source),
                source: self.source.clone(),
                promo_code: None,
                attendees: Default::default(),
            });
            let entry = self.inventory.decide(&command, Timestamp::now()).unwrap();
            self.inventory.apply(&entry);
            batch.entries.push(entry);
        }
        self.private.ledger.commit(std::slice::from_ref(&batch)).await.unwrap();
        batch.entries.iter().for_each(|entry| self.inventory.settle(entry));
        let versions: Vec<_> = batch.versions.iter().map(|(quota, version)| (*quota, version + 1)).collect();
        self.inventory.set_versions(&versions);
    }

    async fn commits(&mut self, bookings: usize, groups: usize) {
        for _ in 0..groups {
            self.commit(bookings).await;
        }
    }
}

async fn run() {
    let private = PrivateLedger::start(House::Arena, 0).await;
    // Nothing else writes, and a page's first change costs no more than its others.
    private.configure(&["track_functions = 'pl'", "autovacuum = off", "full_page_writes = off"]).await;
    let mut buyers = Buyers::new(&private).await;
    println!("{:>8} {:>20} {:>18} {:>18}", "group", "WAL bytes a booking", "pages a booking", "µs a booking");
    for (bookings, groups) in GROUPS {
        buyers.commits(bookings, groups / 10).await;
        let before = so_far(&private).await;
        buyers.commits(bookings, groups).await;
        let after = so_far(&private).await;
        let each = (bookings * groups) as f64;
        let [wal, pages, milliseconds] = std::array::from_fn(|index| (after[index] - before[index]) / each);
        println!("{bookings:>8} {wal:>20.0} {pages:>18.1} {:>18.1}", milliseconds * 1000.0);
    }
    drop(buyers);
    private.stop().await;
}

fn main() {
    // Without it this is a test of whether benchmarks run, and needs no database for that.
    if std::env::args().any(|argument| argument == "--bench") {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
    }
}
