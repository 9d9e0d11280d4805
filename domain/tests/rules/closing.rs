//! Bookings that end: cancelled, or not paid in time.

use std::sync::Arc;

use domain::{
    bookings::{Booking, BookingStatus},
    events::{SalePlan, TicketType},
    inventory::{Command, Inventory},
    ledger::Entry,
    refusal::Refusal,
};
use rust_decimal::Decimal;

use crate::support::builders::{ALICE, at, book, inventory, plan, quantity, run, selection, ticket_type};

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
    let cancel = Command::Cancel { booking: booked(&mut inventory, 2) };
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
            inventory.decide(&Command::Cancel { booking: closed }, at(2)),
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
    let cancel = Command::Cancel { booking };
    let entry = inventory.decide(&cancel, at(2)).unwrap();
    inventory.apply(&entry);
    assert!(matches!(inventory.decide(&cancel, at(2)), Err(Refusal::NotCancellable(_))), "it is being cancelled");
    inventory.settle(&entry);
    assert!(matches!(inventory.decide(&cancel, at(2)), Err(Refusal::NotCancellable(_))), "it is cancelled");
    let counts = inventory.counts()[0];
    assert_eq!((counts.held, counts.sold, inventory.next_expiry()), (0, 0, None));
}

/// Guards: places are given back by `settle`, not by `apply`.
#[test]
fn places_are_free_only_once_the_ledger_has_freed_them() {
    let mut inventory = inventory(plan(10));
    let booking = booked(&mut inventory, 10);
    let entry = inventory.decide(&Command::Cancel { booking }, at(2)).unwrap();
    let ask = book(ALICE, selection([quantity(0, 1)]));
    inventory.apply(&entry);
    assert!(matches!(inventory.decide(&ask, at(2)), Err(Refusal::SoldOut { left: 0, .. })));
    inventory.settle(&entry);
    assert!(inventory.decide(&ask, at(2)).is_ok());
}
