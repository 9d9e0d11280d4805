//! Bookings that end: cancelled, or not paid in time.

use std::sync::Arc;

use domain::{
    bookings::{Booking, BookingStatus},
    events::{EventStatus, SalePlan, TicketType},
    inventory::{Command, Inventory},
    ledger::Entry,
    refusal::Refusal,
};
use rust_decimal::Decimal;

use crate::support::builders::{ALICE, at, book, fresh, inventory, plan, quantity, run, selection, ticket_type};

fn booked(inventory: &mut Inventory, places: u32) -> Arc<Booking> {
    match run(inventory, &book(ALICE, selection([quantity(0, places)])), at(1)).unwrap() {
        Entry::Book { booking, .. } => booking,
        other => panic!("{other:?}"),
    }
}

fn priced() -> SalePlan {
    SalePlan { ticket_types: vec![TicketType { price: Decimal::TEN, ..ticket_type(0) }], ..plan(10) }
}

/// Guards: `now >= starts_at` in `cancel`.
#[test]
fn nothing_is_cancelled_once_the_event_has_begun() {
    let mut inventory = inventory(plan(10));
    let cancel = Command::Cancel { booking: booked(&mut inventory, 2), money: None };
    let begun = Refusal::NotCancellable("the event has begun");
    assert_eq!(inventory.decide(&cancel, at(50_000)).unwrap_err(), begun);
    assert!(inventory.decide(&cancel, at(49_999)).is_ok());
}

/// Guards: the booking's status in `cancel`.
#[test]
fn what_is_closed_is_not_cancelled_again() {
    let mut inventory = inventory(plan(10));
    let booking = booked(&mut inventory, 2);
    for status in [BookingStatus::Cancelled, BookingStatus::Expired] {
        let closed = Arc::new(Booking { status, ..Booking::clone(&booking) });
        assert!(matches!(
            inventory.decide(&Command::Cancel { booking: closed, money: None }, at(2)),
            Err(Refusal::NotCancellable(_))
        ));
    }
}

/// Guards: `open` for unpaid bookings in `cancel`.
#[test]
fn an_unpaid_booking_is_closed_once() {
    let mut inventory = inventory(priced());
    let booking = booked(&mut inventory, 2);
    assert_eq!(inventory.counts()[0].held, 2);
    let cancel = Command::Cancel { booking, money: None };
    let entry = inventory.decide(&cancel, at(2)).unwrap();
    inventory.apply(&entry);
    assert!(matches!(inventory.decide(&cancel, at(2)), Err(Refusal::NotCancellable(_))), "it is being cancelled");
    inventory.settle(&entry);
    assert!(matches!(inventory.decide(&cancel, at(2)), Err(Refusal::NotCancellable(_))), "it is cancelled");
    let counts = inventory.counts()[0];
    assert_eq!((counts.held, counts.sold, inventory.next_expiry()), (0, 0, None));
}

/// Guards: `closing` for confirmed bookings, which are no holders: two decisions would give the same places back twice.
#[test]
fn a_confirmed_booking_that_is_being_cancelled_is_not_cancelled_beside() {
    let mut inventory = inventory(plan(10));
    let cancel = Command::Cancel { booking: booked(&mut inventory, 2), money: None };
    let entry = inventory.decide(&cancel, at(2)).unwrap();
    inventory.apply(&entry);
    assert!(matches!(inventory.decide(&cancel, at(2)), Err(Refusal::NotCancellable(_))));
    inventory.revert(&entry);
    assert!(inventory.decide(&cancel, at(2)).is_ok(), "the ledger has refused, so it may be tried again");
    inventory.apply(&entry);
    inventory.settle(&entry);
    assert_eq!(inventory.counts()[0].sold, 0);
}

/// Guards: what can be bought, by the event's status; and that the status is in pictures and changes.
#[test]
fn nothing_of_a_cancelled_event_can_be_bought() {
    let on_sale = inventory(plan(10)).availability(at(1));
    assert_eq!((on_sale.ticket_types[0].available, on_sale.status), (10, EventStatus::Published));
    let cancelled = SalePlan { status: EventStatus::Cancelled, ..plan(10) };
    let mut rows = fresh(cancelled);
    rows.counts[0].version = 1;
    let cancelled = Inventory::load(rows).unwrap().availability(at(2));
    assert_eq!((cancelled.ticket_types[0].available, cancelled.ticket_types[0].capacity), (0, 10));
    let changes = cancelled.changes_since(&on_sale).unwrap();
    assert_eq!((changes.status, changes.ticket_types.len()), (EventStatus::Cancelled, 1));
}

/// Guards: `version_base`. A quota that is deleted takes its versions away, and the event's version grows all the same.
#[test]
fn the_version_of_an_event_counts_the_quotas_that_were_deleted() {
    let mut rows = fresh(plan(10));
    (rows.counts[0].version, rows.version_base) = (3, 40);
    assert_eq!(Inventory::load(rows).unwrap().availability(at(1)).version, 43);
}

/// Guards: places are given back by `settle`, not by `apply`.
#[test]
fn places_are_free_only_once_the_ledger_has_freed_them() {
    let mut inventory = inventory(plan(10));
    let booking = booked(&mut inventory, 10);
    let entry = inventory.decide(&Command::Cancel { booking, money: None }, at(2)).unwrap();
    let ask = book(ALICE, selection([quantity(0, 1)]));
    inventory.apply(&entry);
    assert!(matches!(inventory.decide(&ask, at(2)), Err(Refusal::SoldOut { left: 0, .. })));
    inventory.settle(&entry);
    assert!(inventory.decide(&ask, at(2)).is_ok());
}
