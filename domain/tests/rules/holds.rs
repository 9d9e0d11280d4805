//! Holds: how long they keep places, and how they become bookings.

use domain::{
    bookings::{BookingStatus, Hold, HolderId},
    events::{EventStatus, SalePlan, TicketType},
    ids::HoldId,
    inventory::{Command, Inventory},
    ledger::{Entry, LoadedInventory, QuotaCount},
    refusal::Refusal,
};
use rust_decimal::Decimal;

use crate::support::builders::{
    ALICE, BOB, at, book, book_hold, fresh, hold, inventory, plan, quantity, quota_id, run, seated_plan, seats,
    selection, ticket_type,
};

fn held(inventory: &mut Inventory, command: &Command, second: i64) -> Hold {
    match run(inventory, command, at(second)).unwrap() {
        Entry::Hold(hold) => Hold::clone(&hold),
        other => panic!("{other:?}"),
    }
}

/// Guards: `now < expires_at` in `open_hold`, `<= now` in `expired` and `expire`.
#[test]
fn a_hold_is_gone_at_the_very_instant_it_expires() {
    let mut inventory = inventory(plan(10));
    let id = held(&mut inventory, &hold(ALICE, selection([quantity(0, 3)])), 0).id;
    let (last, end) = (at(600) - jiff::SignedDuration::from_micros(1), at(600));

    assert_eq!(inventory.next_expiry(), Some(end));
    assert!(inventory.decide(&book_hold(ALICE, id), last).is_ok());
    assert!(inventory.decide(&Command::Release { hold_id: id, account_id: ALICE }, last).is_ok());
    assert_eq!(inventory.expired(last, 10), []);
    assert!(inventory.decide(&Command::Expire(HolderId::Hold(id)), last).is_err());

    assert_eq!(inventory.decide(&book_hold(ALICE, id), end).unwrap_err(), Refusal::HoldGone);
    let release = Command::Release { hold_id: id, account_id: ALICE };
    assert_eq!(inventory.decide(&release, end).unwrap_err(), Refusal::HoldGone);
    assert_eq!(inventory.expired(end, 10), [HolderId::Hold(id)]);
    run(&mut inventory, &Command::Expire(HolderId::Hold(id)), end).unwrap();
    assert!(inventory.decide(&book(BOB, selection([quantity(0, 10)])), end).is_ok(), "its places are free again");
}

/// Guards: the account in `open_hold`.
#[test]
fn a_hold_is_its_owners() {
    let mut inventory = inventory(plan(10));
    let id = held(&mut inventory, &hold(ALICE, selection([quantity(0, 1)])), 0).id;
    assert_eq!(inventory.decide(&book_hold(BOB, id), at(1)).unwrap_err(), Refusal::HoldGone);
    let release = Command::Release { hold_id: id, account_id: BOB };
    assert_eq!(inventory.decide(&release, at(1)).unwrap_err(), Refusal::HoldGone);
    assert_eq!(inventory.decide(&book_hold(ALICE, HoldId::generate()), at(1)).unwrap_err(), Refusal::HoldGone);
}

/// Guards: `book` takes the items of the hold instead of choosing again.
#[test]
fn a_booking_from_a_hold_has_its_places_and_price() {
    let mut types = seated_plan(&[3, 2]).ticket_types;
    types[1].price = "12.50".parse().unwrap();
    let mut inventory = inventory(SalePlan { ticket_types: types, ..seated_plan(&[3, 2]) });
    let hold = held(&mut inventory, &hold(ALICE, selection([seats(0, &[1]), seats(1, &[3, 4])])), 0);
    assert_eq!(hold.total.to_string(), "25.00 EUR");

    let entry = inventory.decide(&book_hold(ALICE, hold.id), at(599)).unwrap();
    let Entry::Book { booking, from } = &entry else { panic!("{entry:?}") };
    assert_eq!((&booking.items, booking.total), (&hold.items, hold.total));
    assert_eq!((booking.status, booking.hold_id), (BookingStatus::PendingPayment, Some(hold.id)));
    assert_eq!(booking.expires_at, Some(at(599 + 900)));
    assert_eq!(from.as_ref().map(|from| from.id), Some(hold.id));
}

/// Guards: `closing` in `open`.
#[test]
fn a_hold_that_is_being_closed_can_not_be_used_again() {
    let mut inventory = inventory(plan(10));
    let id = held(&mut inventory, &hold(ALICE, selection([quantity(0, 1)])), 0).id;
    let release = Command::Release { hold_id: id, account_id: ALICE };
    let entry = inventory.decide(&release, at(1)).unwrap();
    inventory.apply(&entry);
    assert_eq!(inventory.decide(&book_hold(ALICE, id), at(1)).unwrap_err(), Refusal::HoldGone);
    assert_eq!(inventory.expired(at(600), 10), []);
    // The ledger could not do it: the hold is as it was.
    inventory.revert(&entry);
    assert!(inventory.decide(&book_hold(ALICE, id), at(1)).is_ok());
}

/// Guards: `published` in `book` for a hold, not only for a selection.
#[test]
fn a_hold_of_a_cancelled_event_can_be_released_but_not_booked() {
    let mut before = inventory(plan(10));
    let hold = held(&mut before, &hold(ALICE, selection([quantity(0, 2)])), 0);
    let counts = vec![QuotaCount { quota_id: quota_id(0), held: 2, sold: 0, version: 1 }];
    let cancelled = SalePlan { status: EventStatus::Cancelled, ..plan(10) };
    let rows = LoadedInventory { counts, holds: vec![hold.clone()], ..fresh(cancelled) };
    let after = Inventory::load(rows).unwrap();
    assert!(matches!(after.decide(&book_hold(ALICE, hold.id), at(1)), Err(Refusal::NotOnSale(_))));
    assert!(after.decide(&Command::Release { hold_id: hold.id, account_id: ALICE }, at(1)).is_ok());
}

/// Guards: the order of `expiries`, `take(limit)`, and the filter of what is being closed.
#[test]
fn what_has_expired_comes_soonest_first_and_limited() {
    let priced = TicketType { price: Decimal::ONE, ..ticket_type(1) };
    let mut inventory = inventory(SalePlan { ticket_types: vec![ticket_type(0), priced], ..plan(10) });
    // An unpaid booking lasts 900 s, a hold 600 s.
    let booking = run(&mut inventory, &book(BOB, selection([quantity(1, 1)])), at(0)).unwrap();
    let late = held(&mut inventory, &hold(ALICE, selection([quantity(0, 1)])), 20).id;
    let early = held(&mut inventory, &hold(ALICE, selection([quantity(0, 1)])), 10).id;
    let all = [HolderId::Hold(early), HolderId::Hold(late), HolderId::from(&booking)];

    assert_eq!(inventory.next_expiry(), Some(at(610)));
    assert_eq!(inventory.expired(at(609), 10), []);
    assert_eq!(inventory.expired(at(620), 10), all[..2]);
    assert_eq!(inventory.expired(at(900), 10), all);
    assert_eq!(inventory.expired(at(900), 2), all[..2]);
    let closing = inventory.decide(&Command::Expire(HolderId::Hold(early)), at(900)).unwrap();
    inventory.apply(&closing);
    assert_eq!(inventory.expired(at(900), 2), all[1..], "what is being closed does not count");
}

/// Guards: `hold_cap`, and that the former end is forgotten.
#[test]
fn a_hold_is_extended_up_to_the_cap() {
    let mut inventory = inventory(plan(10));
    let held = held(&mut inventory, &hold(ALICE, selection([quantity(0, 2)])), 0);
    let extend = |account_id| Command::Extend { hold_id: held.id, account_id };
    for (now, until) in [(500, 1100), (1000, 1600), (1500, 1800)] {
        let entry = run(&mut inventory, &extend(ALICE), at(now)).unwrap();
        assert!(matches!(entry, Entry::ExtendHold { hold, .. } if hold.ends_at() == Some(at(until))));
        assert_eq!(inventory.next_expiry(), Some(at(until)));
    }
    assert_eq!(inventory.decide(&extend(ALICE), at(1700)).unwrap_err(), Refusal::HoldAtCap);
    assert_eq!(inventory.decide(&extend(BOB), at(1700)).unwrap_err(), Refusal::HoldGone);
    assert_eq!(inventory.decide(&extend(ALICE), at(1800)).unwrap_err(), Refusal::HoldGone);
    let counts = inventory.counts()[0];
    assert_eq!((counts.held, inventory.expired(at(1799), 9).len(), inventory.expired(at(1800), 9).len()), (2, 0, 1));
}
