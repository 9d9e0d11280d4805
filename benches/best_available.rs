//! What the best available seats of a large house cost: decided alone, and decided, taken and given back.
//!
//! `cargo bench --bench best_available` prints, beside criterion's means, the slowest decisions and the memory of an event.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark fails loudly and prints its results, and criterion's macros have no docs"
)]

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use domain::{
    bookings::{Fingerprint, IdempotencyKey, Source},
    events::{EventStatus, Quota, SalePlan, SaleWindow, TicketType},
    ids::{AccountId, BookingId, EventId, QuotaId, SeatId, SeatMapVersionId, SectionId, TicketTypeId},
    inventory::{Command, Inventory, NewBooking},
    ledger::{LoadedInventory, QuotaCount},
    seat_maps::{Seat, SeatMap},
    selection::{RawLine, Selection},
};
use jiff::{SignedDuration, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rust_decimal::Decimal;

const HOUSES: [u32; 2] = [20_000, 100_000];
const ROWS_A_SECTION: u32 = 100;
const SEATS_A_ROW: u32 = 50;
const GROUPS: [u32; 4] = [1, 2, 4, 10];
/// How often each decision is timed on its own.
const TIMED: usize = 20_000;

/// Which seats are taken before anybody asks.
#[derive(Clone, Copy, Debug)]
enum Sold {
    Nothing,
    /// Every seat with this probability.
    Scattered(f64),
    /// All but the last seats of the map.
    AllButLast(usize),
}

fn seat_map(seats: u32) -> SeatMap {
    let mut rows = Vec::new();
    let mut section: (SectionId, Arc<str>) = (SectionId::generate(), "".into());
    for row in 0..seats / SEATS_A_ROW {
        if row % ROWS_A_SECTION == 0 {
            section = (SectionId::generate(), format!("Section {}", row / ROWS_A_SECTION).into());
        }
        let label: Arc<str> = (row % ROWS_A_SECTION).to_string().into();
        let seat = |number: u32| Seat {
            id: SeatId::generate(),
            section_id: section.0,
            section: section.1.clone(),
            row: label.clone(),
            label: number.to_string().into(),
            // Four spaces for wheelchairs at the ends of every tenth row.
            accessible: row % 10 == 9 && (number % 48) < 2,
        };
        rows.push((0..SEATS_A_ROW).map(|number| (number as i32, seat(number))).collect());
    }
    SeatMap::of_rows(SeatMapVersionId::generate(), rows)
}

/// An event that sells the whole house as one ticket type.
fn inventory(map: &Arc<SeatMap>, sold: Sold) -> Inventory {
    let mut random = StdRng::seed_from_u64(7);
    let last = |count: usize| map.seats().len() - count;
    let is_sold = |index: usize| match sold {
        Sold::Nothing => false,
        Sold::Scattered(part) => random.random_bool(part),
        Sold::AllButLast(count) => index < last(count),
    };
    let taken: Vec<bool> = (0..map.seats().len()).map(is_sold).collect();
    let claims: Vec<_> =
        map.seats().iter().zip(taken).filter(|(_, taken)| *taken).map(|(seat, _)| (seat.id, true)).collect();
    let mut sections: Vec<SectionId> = map.seats().iter().map(|seat| seat.section_id).collect();
    sections.dedup();
    sections.shrink_to_fit();
    let quota = QuotaId::generate();
    let plan = SalePlan {
        event_id: EventId::generate(),
        status: EventStatus::Published,
        starts_at: Timestamp::MAX,
        currency: "EUR".parse().unwrap(),
        max_per_account: None,
        ticket_types: vec![TicketType {
            id: TicketTypeId::generate(),
            quota_id: quota,
            name: "Adult".to_owned(),
            description: String::new(),
            price: Decimal::ZERO,
            seated: true,
            sections,
            min_per_booking: 1,
            max_per_booking: 100,
            sale: SaleWindow { starts_at: Timestamp::MIN, ends_at: Timestamp::MAX },
            hidden: false,
            tax_rate: None,
        }],
        quotas: vec![Quota { id: quota, capacity: map.seats().len() as u32 }],
        seat_map: Some(map.clone()),
        hold_for: SignedDuration::from_mins(10),
        terms: domain::pricing::terms::SaleTerms::default(),
        promo_codes: Vec::new(),
        minimum: None,
        unpaid: None,
    };
    let counts = vec![QuotaCount { quota_id: quota, held: 0, sold: claims.len() as u32, version: 0 }];
    let now = Timestamp::now();
    let loaded = LoadedInventory {
        counts,
        version_base: 0,
        plan,
        claims,
        holds: vec![],
        pending: vec![],
        by_account: vec![],
        code_uses: Vec::new(),
        now,
    };
    Inventory::load(loaded).unwrap()
}

fn command(inventory: &Inventory, quantity: u32) -> Command {
    let line = RawLine::of_best(inventory.plan().ticket_types[0].id, quantity, None);
    let source = Source::Selection(Selection::parse(vec![line]).unwrap());
    Command::Book(NewBooking {
        id: BookingId::generate(),
        account_id: AccountId::generate(),
        key: IdempotencyKey::parse("a-key").unwrap(),
        fingerprint: Fingerprint::of(inventory.plan().event_id, &source),
        source,
        promo_code: None,
        attendees: Default::default(),
    })
}

fn scenarios() -> [(&'static str, Sold); 4] {
    [
        ("empty", Sold::Nothing),
        ("half full, scattered", Sold::Scattered(0.5)),
        ("99 % full, scattered", Sold::Scattered(0.99)),
        ("full but for the last 200", Sold::AllButLast(200)),
    ]
}

fn means(criterion: &mut Criterion) {
    for house in HOUSES {
        let map = Arc::new(seat_map(house));
        let mut group = criterion.benchmark_group(format!("best available, {house} seats"));
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(700)).sample_size(20);
        for (name, sold) in scenarios() {
            let mut inventory = inventory(&map, sold);
            let (now, four) = (Timestamp::now(), command(&inventory, 4));
            group.bench_function(format!("{name}: decide 4"), |bencher| {
                bencher.iter(|| black_box(inventory.decide(&four, now)));
            });
            group.bench_function(format!("{name}: decide, take and give back 4"), |bencher| {
                bencher.iter(|| {
                    let entry = inventory.decide(&four, now).unwrap();
                    inventory.apply(&entry);
                    inventory.revert(&entry);
                });
            });
        }
        group.finish();
    }
}

/// Each decision on its own, with the house changing under it: every group is taken, and given back after the next.
fn tails(_: &mut Criterion) {
    println!("\nseats    sold                       group      p50       p99   slowest of {TIMED}");
    for house in HOUSES {
        let map = Arc::new(seat_map(house));
        for (name, sold) in scenarios() {
            let mut inventory = inventory(&map, sold);
            for quantity in GROUPS {
                let (now, command) = (Timestamp::now(), command(&inventory, quantity));
                let mut taken = std::collections::VecDeque::new();
                let mut times = Vec::with_capacity(TIMED);
                for _ in 0..TIMED {
                    let start = Instant::now();
                    let entry = inventory.decide(&command, now).unwrap();
                    times.push(start.elapsed());
                    inventory.apply(&entry);
                    taken.push_back(entry);
                    if taken.len() > 5
                        && let Some(oldest) = taken.pop_front()
                    {
                        inventory.revert(&oldest);
                    }
                }
                taken.drain(..).for_each(|entry| inventory.revert(&entry));
                times.sort_unstable();
                let (p50, p99, max) = (times[TIMED / 2], times[TIMED * 99 / 100], times[TIMED - 1]);
                println!("{house:<8} {name:<26} {quantity:>5} {p50:>9.1?} {p99:>9.1?} {max:>9.1?}");
            }
        }
    }
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0) * 1024
}

fn memory(_: &mut Criterion) {
    const EVENTS: usize = 100;
    for house in HOUSES {
        let before = resident();
        let map = Arc::new(seat_map(house));
        let mapped = resident();
        let start = Instant::now();
        let events: Vec<_> = (0..EVENTS).map(|_| inventory(&map, Sold::Nothing)).collect();
        let (each, loaded) = (start.elapsed() / EVENTS as u32, resident());
        println!(
            "{house} seats: the map, which events share, {} kB; each event {} kB, made in {each:.1?}",
            mapped.saturating_sub(before) / 1024,
            loaded.saturating_sub(mapped) / EVENTS / 1024,
        );
        drop(events);
    }
}

criterion_group!(benches, memory, means, tails);
criterion_main!(benches);
