//! What the JSON of a booking costs: reading what is asked for and writing the answer, by the server's own reader, types and
//! writer, beside the two parsers alone.
//!
//! `cargo bench --bench json`

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark fails loudly, and criterion's macros have no docs")]

use std::{hint::black_box, sync::Arc};

use boxoffice_api::bookings::dto::{BookingBody, BookingJson};
use boxoffice_http::{json, reply::Reply};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use domain::{
    bookings::{Booking, BookingRequest, BookingStatus, Fingerprint, IdempotencyKey, Item},
    ids::{AccountId, BookingId, EventId, HoldId, QuotaId, SeatId, SectionId, TicketTypeId},
    money::Money,
    repositories::EventNames,
    seat_maps::Seat,
};
use jiff::Timestamp;
use rust_decimal::Decimal;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many as one request may ask for.
const SEATS: usize = 100;

/// What clients send, from the smallest to the largest.
fn bodies() -> [(&'static str, String); 3] {
    let ticket_type = TicketTypeId::generate();
    let seats: Vec<String> = (0..SEATS).map(|_| format!("\"{}\"", SeatId::generate())).collect();
    let seats = seats.join(",");
    [
        ("a hold", format!(r#"{{"holdId":"{}"}}"#, HoldId::generate())),
        ("one place", format!(r#"{{"items":[{{"ticketTypeId":"{ticket_type}","quantity":1}}]}}"#)),
        ("100 seats", format!(r#"{{"items":[{{"ticketTypeId":"{ticket_type}","seatIds":[{seats}]}}]}}"#)),
    ]
}

fn reading(criterion: &mut Criterion) {
    for (name, body) in bodies() {
        let body = body.into_bytes();
        let mut group = criterion.benchmark_group(format!("read {name}, {} bytes", body.len()));
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("the server's reader", |bencher| {
            bencher.iter(|| black_box(json::read::<BookingBody>(&body).unwrap()));
        });
        group.bench_function("the server's reader and the checks of the domain", |bencher| {
            bencher.iter(|| black_box(BookingRequest::try_from(json::read::<BookingBody>(&body).unwrap()).unwrap()));
        });
        group.bench_function("serde_json alone", |bencher| {
            bencher.iter(|| black_box(serde_json::from_slice::<BookingBody>(&body).unwrap()));
        });
        group.bench_function("simd-json alone, its input and buffers for nothing", |bencher| {
            let mut buffers = simd_json::Buffers::new(body.len());
            bencher.iter_batched_ref(
                || body.clone(),
                |copy| {
                    let read = simd_json::serde::from_slice_with_buffers::<BookingBody>(copy, &mut buffers);
                    black_box(read.unwrap())
                },
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

fn booking(places: usize, seated: bool) -> Booking {
    let (ticket_type_id, quota_id, section_id) = (TicketTypeId::generate(), QuotaId::generate(), SectionId::generate());
    let seat = |number: usize| Seat {
        id: SeatId::generate(),
        section_id,
        section: "Lower bowl 101".into(),
        row: "12".into(),
        label: number.to_string().into(),
        accessible: false,
    };
    let item = |number| {
        let seat = seated.then(|| Arc::new(seat(number)));
        Item::at_price(ticket_type_id, quota_id, seat, Decimal::new(4500, 2))
    };
    let money = |cents| Money::new(Decimal::new(cents, 2), "EUR".parse().unwrap());
    let now = Timestamp::now();
    Booking {
        id: BookingId::generate(),
        event_id: EventId::generate(),
        account_id: AccountId::generate(),
        status: BookingStatus::Confirmed,
        items: (1..=places).map(item).collect(),
        discount: money(0),
        fees: money(0),
        tax: money(0),
        tax_included: true,
        total: money(4500),
        refunded: money(0),
        promo_code: None,
        attendees: Default::default(),
        hold_id: None,
        key: IdempotencyKey::parse("a-key").unwrap(),
        fingerprint: Fingerprint(uuid::Uuid::nil()),
        expires_at: None,
        extended_until: None,
        cancelled: Default::default(),
        created_at: now,
        updated_at: now,
    }
}

/// What the event and the ticket type of a booking are called.
fn names(booking: &Booking) -> EventNames {
    EventNames {
        slug: "rigoletto-2027".to_owned(),
        title: "Rigoletto".to_owned(),
        starts_at: booking.created_at,
        time_zone: "Europe/Berlin".to_owned(),
        venue: "Opera".to_owned(),
        ticket_types: [(booking.items[0].ticket_type_id, "Adult".to_owned())].into(),
        changed_at: booking.created_at,
    }
}

fn writing(criterion: &mut Criterion) {
    for (name, booking) in [("one place", booking(1, false)), ("100 seats", booking(SEATS, true))] {
        let names = names(&booking);
        let json = || BookingJson::new(&booking, Some(&names));
        let length = serde_json::to_vec(&json()).unwrap().len();
        let mut group = criterion.benchmark_group(format!("write {name}, {length} bytes"));
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function("the server's answer", |bencher| {
            let location = format!("/api/v1/bookings/{}", booking.id);
            bencher.iter(|| black_box(Reply::created(&location, &json()).unwrap()));
        });
        group.bench_function("serde_json alone", |bencher| {
            let json = json();
            bencher.iter(|| black_box(serde_json::to_vec(&json).unwrap()));
        });
        group.bench_function("simd-json alone", |bencher| {
            let json = json();
            bencher.iter(|| black_box(simd_json::serde::to_vec(&json).unwrap()));
        });
        group.finish();
    }
}

criterion_group!(benches, reading, writing);
criterion_main!(benches);
