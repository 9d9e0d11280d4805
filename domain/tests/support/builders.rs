//! Plans and commands with sensible defaults; a test changes what it is about.

use std::sync::Arc;

use domain::{
    bookings::{Attendees, Fingerprint, IdempotencyKey, Source},
    events::{EventStatus, PlannedCode, Quota, SalePlan, SaleWindow, TicketType},
    ids::{
        AccountId, BookingId, EventId, HoldId, PromoCodeId, QuotaId, SeatId, SeatMapVersionId, SectionId, TicketTypeId,
    },
    inventory::{Command, Inventory, NewBooking, NewHold},
    ledger::{Entry, LoadedInventory, QuotaCount},
    pricing::terms::SaleTerms,
    promo_codes::{CodeName, Discount, PromoCode},
    refusal::Refusal,
    seat_maps::{Seat, SeatMap},
    selection::{RawLine, Selection},
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

pub const EVENT: EventId = EventId(Uuid::from_u128(1));
pub const ALICE: AccountId = AccountId(Uuid::from_u128(0xa11ce));
pub const BOB: AccountId = AccountId(Uuid::from_u128(0xb0b));
pub const CAROL: AccountId = AccountId(Uuid::from_u128(0xca201));

/// Second 0 of every test.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub fn quota_id(n: usize) -> QuotaId {
    QuotaId(Uuid::from_u128(0x100 + n as u128))
}

pub fn type_id(n: usize) -> TicketTypeId {
    TicketTypeId(Uuid::from_u128(0x200 + n as u128))
}

pub fn section_id(n: usize) -> SectionId {
    SectionId(Uuid::from_u128(0x300 + n as u128))
}

pub fn seat_id(n: usize) -> SeatId {
    SeatId(Uuid::from_u128(0x400 + n as u128))
}

/// A free ticket type of general admission that draws on quota 0.
pub fn ticket_type(n: usize) -> TicketType {
    TicketType {
        id: type_id(n),
        quota_id: quota_id(0),
        name: format!("type {n}"),
        description: String::new(),
        price: Decimal::ZERO,
        seated: false,
        sections: Vec::new(),
        min_per_booking: 1,
        max_per_booking: 100,
        sale: SaleWindow { starts_at: at(0), ends_at: at(100_000) },
        hidden: false,
        tax_rate: None,
    }
}

/// One quota of `capacity` places, one ticket type, no seats; on sale from second 0.
pub fn plan(capacity: u32) -> SalePlan {
    SalePlan {
        event_id: EVENT,
        status: EventStatus::Published,
        starts_at: at(50_000),
        currency: "EUR".parse().unwrap(),
        max_per_account: None,
        ticket_types: vec![ticket_type(0)],
        quotas: vec![Quota { id: quota_id(0), capacity }],
        seat_map: None,
        hold_for: SignedDuration::from_secs(600),
        terms: SaleTerms {
            hold_cap: SignedDuration::from_secs(1800),
            payment_window: SignedDuration::from_secs(900),
            ..SaleTerms::default()
        },
        promo_codes: Vec::new(),
        minimum: None,
        unpaid: None,
    }
}

/// A plan whose ticket type `n` sells the seats of section `n`; seats are numbered through all sections.
pub fn seated_plan(seats_per_section: &[usize]) -> SalePlan {
    let total: usize = seats_per_section.iter().sum();
    SalePlan {
        ticket_types: (0..seats_per_section.len())
            .map(|n| TicketType { seated: true, sections: vec![section_id(n)], ..ticket_type(n) })
            .collect(),
        seat_map: Some(Arc::new(seat_map(seats_per_section))),
        ..plan(total as u32)
    }
}

pub fn seat_map(seats_per_section: &[usize]) -> SeatMap {
    let sections = seats_per_section.iter().enumerate().flat_map(|(n, seats)| std::iter::repeat_n(n, *seats));
    let seat = |(index, section): (usize, usize)| Seat {
        id: seat_id(index),
        section_id: section_id(section),
        section: format!("section {section}").into(),
        row: "A".into(),
        label: index.to_string().into(),
        accessible: false,
    };
    SeatMap::new(SeatMapVersionId(Uuid::from_u128(2)), sections.enumerate().map(seat).collect())
}

/// What the ledger has of an event that has sold nothing.
pub fn fresh(plan: SalePlan) -> LoadedInventory {
    LoadedInventory {
        version_base: 0,
        counts: plan
            .quotas
            .iter()
            .map(|quota| QuotaCount { quota_id: quota.id, held: 0, sold: 0, version: 0 })
            .collect(),
        claims: Vec::new(),
        holds: Vec::new(),
        pending: Vec::new(),
        by_account: Vec::new(),
        code_uses: Vec::new(),
        now: at(0),
        plan,
    }
}

pub fn inventory(plan: SalePlan) -> Inventory {
    Inventory::load(fresh(plan)).unwrap()
}

pub fn quantity(ticket_type: usize, quantity: u32) -> RawLine {
    RawLine::of_quantity(type_id(ticket_type), quantity)
}

pub fn seats(ticket_type: usize, seats: &[usize]) -> RawLine {
    RawLine::of_seats(type_id(ticket_type), seats.iter().map(|n| seat_id(*n)).collect())
}

pub fn selection(lines: impl IntoIterator<Item = RawLine>) -> Selection {
    Selection::parse(lines.into_iter().collect()).unwrap()
}

/// A key that no other request has.
pub fn new_key() -> IdempotencyKey {
    IdempotencyKey::parse(&Uuid::now_v7().to_string()).unwrap()
}

pub fn hold(account_id: AccountId, selection: Selection) -> Command {
    let fingerprint = Fingerprint::of(EVENT, &Source::Selection(selection.clone()));
    let (id, key) = (HoldId::generate(), new_key());
    Command::Hold(NewHold { id, account_id, key, fingerprint, selection, promo_code: None })
}

pub fn block(account_id: AccountId, selection: Selection) -> Command {
    match hold(account_id, selection) {
        Command::Hold(new) => Command::Block(new),
        other => other,
    }
}

pub fn book(account_id: AccountId, selection: Selection) -> Command {
    book_source(account_id, Source::Selection(selection))
}

pub fn book_hold(account_id: AccountId, hold: HoldId) -> Command {
    book_source(account_id, Source::Hold(hold))
}

fn book_source(account_id: AccountId, source: Source) -> Command {
    let fingerprint = Fingerprint::of(EVENT, &source);
    let (id, key, attendees) = (BookingId::generate(), new_key(), Attendees::default());
    Command::Book(NewBooking { id, account_id, key, fingerprint, source, promo_code: None, attendees })
}

/// The same request with a promo code.
pub fn with_code(command: Command, name: &str) -> Command {
    let promo_code = Some(CodeName::parse("promoCode", name).unwrap());
    match command {
        Command::Hold(new) => Command::Hold(NewHold { promo_code, ..new }),
        Command::Book(new) => Command::Book(NewBooking { promo_code, ..new }),
        other => other,
    }
}

/// A code for everything, at any time and as often as anybody likes.
pub fn code(n: usize, name: &str, discount: Discount) -> PlannedCode {
    let code = PromoCode {
        code: CodeName::parse("code", name).unwrap(),
        discount,
        uses: None,
        uses_per_account: None,
        ticket_type_ids: Vec::new(),
        starts_at: None,
        ends_at: None,
    };
    PlannedCode { id: PromoCodeId(Uuid::from_u128(0x500 + n as u128)), code }
}

/// Decides, applies and settles: what happens when the ledger agrees at once.
pub fn run(inventory: &mut Inventory, command: &Command, now: Timestamp) -> Result<Entry, Refusal> {
    let entry = inventory.decide(command, now)?;
    inventory.apply(&entry);
    inventory.settle(&entry);
    Ok(entry)
}
