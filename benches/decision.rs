//! What one decision costs, without actors, ledger and HTTP: decide, apply, settle.
//!
//! `cargo bench --bench decision`

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark fails loudly, and criterion's macros have no docs")]

use std::{hint::black_box, sync::Arc};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
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
use rust_decimal::Decimal;

const SEATS: u32 = 20_000;
const SEATS_A_ROW: u32 = 50;

fn seat_map(section: SectionId) -> SeatMap {
    let name: Arc<str> = "Floor".into();
    let seats = (0..SEATS).map(|number| Seat {
        id: SeatId::generate(),
        section_id: section,
        section: name.clone(),
        row: (number / SEATS_A_ROW).to_string().into(),
        label: (number % SEATS_A_ROW).to_string().into(),
        accessible: false,
    });
    SeatMap::new(SeatMapVersionId::generate(), seats.collect())
}

/// An event with one ticket type, seated or not.
fn inventory(seated: bool) -> (Inventory, TicketTypeId, Option<Arc<SeatMap>>) {
    let (section, ticket_type, quota) = (SectionId::generate(), TicketTypeId::generate(), QuotaId::generate());
    let seat_map = seated.then(|| Arc::new(seat_map(section)));
    let always = SaleWindow { starts_at: Timestamp::MIN, ends_at: Timestamp::MAX };
    let plan = SalePlan {
        event_id: EventId::generate(),
        status: EventStatus::Published,
        starts_at: Timestamp::MAX,
        currency: "EUR".parse().unwrap(),
        max_per_account: None,
        ticket_types: vec![TicketType {
            id: ticket_type,
            quota_id: quota,
            name: "Adult".to_owned(),
            description: String::new(),
            price: Decimal::ZERO,
            seated,
            sections: vec![section],
            min_per_booking: 1,
            max_per_booking: 10,
            sale: always,
            hidden: false,
            tax_rate: None,
        }],
        quotas: vec![Quota { id: quota, capacity: if seated { SEATS } else { 1_000_000_000 } }],
        seat_map: seat_map.clone(),
        hold_for: SignedDuration::from_mins(10),
        terms: domain::pricing::terms::SaleTerms::default(),
        promo_codes: Vec::new(),
        minimum: None,
        unpaid: None,
    };
    let loaded = LoadedInventory {
        version_base: 0,
        counts: vec![QuotaCount { quota_id: quota, held: 0, sold: 0, version: 0 }],
        plan,
        claims: vec![],
        holds: vec![],
        pending: vec![],
        by_account: vec![],
        code_uses: Vec::new(),
        now: Timestamp::now(),
    };
    (Inventory::load(loaded).unwrap(), ticket_type, seat_map)
}

fn book(event: EventId, line: RawLine) -> Command {
    let source = Source::Selection(Selection::parse(vec![line]).unwrap());
    Command::Book(NewBooking {
        id: BookingId::generate(),
        account_id: AccountId::generate(),
        key: IdempotencyKey::parse("a-key").unwrap(),
        fingerprint: Fingerprint::of(event, &source),
        source,
        promo_code: None,
        attendees: Default::default(),
    })
}

fn general_admission(criterion: &mut Criterion) {
    let (mut inventory, ticket_type_id, _) = inventory(false);
    let now = Timestamp::now();
    let mut group = criterion.benchmark_group("general admission");
    group.throughput(Throughput::Elements(1));
    group.bench_function("book one place", |bencher| {
        let event = inventory.plan().event_id;
        bencher.iter_batched(
            || book(event, RawLine::of_quantity(ticket_type_id, 1)),
            |command| {
                let entry = inventory.decide(&command, now).unwrap();
                inventory.apply(&entry);
                inventory.settle(&entry);
                black_box(entry)
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn reserved_seating(criterion: &mut Criterion) {
    let (mut inventory, ticket_type_id, seat_map) = inventory(true);
    let seat_map = seat_map.unwrap();
    let now = Timestamp::now();
    let event = inventory.plan().event_id;
    let mut next = 0;
    let mut group = criterion.benchmark_group("reserved seating, 20,000 seats");
    group.throughput(Throughput::Elements(1));
    group.bench_function("book one named seat and give it back", |bencher| {
        bencher.iter_batched(
            || {
                next = (next + 1) % seat_map.seats().len();
                let seats = vec![seat_map.seats()[next].id];
                book(event, RawLine::of_seats(ticket_type_id, seats))
            },
            |command| {
                let entry = inventory.decide(&command, now).unwrap();
                inventory.apply(&entry);
                inventory.revert(&entry);
                black_box(entry)
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("publish a snapshot", |bencher| bencher.iter(|| black_box(inventory.availability(now))));
    group.finish();
}

criterion_group!(benches, general_admission, reserved_seating);
criterion_main!(benches);
