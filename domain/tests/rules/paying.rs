//! Bookings that are paid: in time, late, or twice.

use std::sync::Arc;

use domain::{
    bookings::{Booking, BookingStatus, HolderId},
    events::{EventStatus, SalePlan, TicketType},
    inventory::{Command, Inventory, SeatState},
    ledger::Entry,
    refusal::Refusal,
};
use rust_decimal::Decimal;

use crate::support::builders::{
    ALICE, BOB, at, block, book, inventory, plan, quantity, run, seated_plan, seats, selection,
};

fn priced(plan: SalePlan) -> SalePlan {
    let types = plan.ticket_types.iter().map(|of| TicketType { price: Decimal::TEN, ..of.clone() }).collect();
    SalePlan { ticket_types: types, ..plan }
}

fn unpaid(inventory: &mut Inventory, command: &Command) -> Arc<Booking> {
    match run(inventory, command, at(1)).unwrap() {
        Entry::Book { booking, .. } => booking,
        other => panic!("{other:?}"),
    }
}

/// The booking's time runs out, and the ledger has it as expired.
fn expired(inventory: &mut Inventory, booking: &Arc<Booking>) -> Arc<Booking> {
    run(inventory, &Command::Expire(HolderId::Booking(booking.id)), at(901)).unwrap();
    Arc::new(Booking { status: BookingStatus::Expired, ..Booking::clone(booking) })
}

fn counts(inventory: &Inventory) -> (u32, u32) {
    let counts = inventory.counts()[0];
    (counts.held, counts.sold)
}

fn states(inventory: &Inventory) -> Vec<SeatState> {
    inventory.availability(at(2)).seats().map(|(_, state)| state).collect()
}

/// Guards: the counters of `change_per_place`, and `forget` in `settle`.
#[test]
fn a_paid_booking_is_sold_and_expires_no_more() {
    let mut inventory = inventory(priced(seated_plan(&[3])));
    let booking = unpaid(&mut inventory, &book(ALICE, selection([seats(0, &[0, 1])])));
    assert_eq!((counts(&inventory), inventory.next_expiry()), ((2, 0), Some(at(901))));
    run(&mut inventory, &Command::Confirm { booking: booking.clone(), payment_id: None }, at(2)).unwrap();
    assert_eq!((counts(&inventory), inventory.next_expiry()), ((0, 2), None));
    assert_eq!(states(&inventory), [SeatState::Sold, SeatState::Sold, SeatState::Free]);
    let confirmed = Arc::new(Booking { status: BookingStatus::Confirmed, ..Booking::clone(&booking) });
    for again in [booking, confirmed.clone()] {
        let again = inventory.decide(&Command::Confirm { booking: again, payment_id: None }, at(3));
        assert!(matches!(again, Err(Refusal::NotConfirmable(_))), "{again:?}");
    }
    run(&mut inventory, &Command::Cancel { booking: confirmed, money: None }, at(4)).unwrap();
    assert_eq!(counts(&inventory), (0, 0));
}

/// Guards: that its time is over is for the ledger to say. As long as it keeps its places, nobody else can have them.
#[test]
fn a_payment_after_the_time_and_before_the_closing_is_in_time() {
    let mut inventory = inventory(priced(plan(2)));
    let booking = unpaid(&mut inventory, &book(ALICE, selection([quantity(0, 2)])));
    let entry = inventory.decide(&Command::Confirm { booking: booking.clone(), payment_id: None }, at(950)).unwrap();
    assert!(!entry.is_late());
    // While one of the two is on its way, the other is not decided.
    inventory.apply(&entry);
    assert_eq!(inventory.expired(at(950), 10), []);
    assert!(inventory.decide(&Command::Expire(HolderId::Booking(booking.id)), at(950)).is_err());
    inventory.revert(&entry);
    let entry = inventory.decide(&Command::Expire(HolderId::Booking(booking.id)), at(950)).unwrap();
    inventory.apply(&entry);
    assert!(matches!(
        inventory.decide(&Command::Confirm { booking, payment_id: None }, at(950)),
        Err(Refusal::NotConfirmable(_))
    ));
}

/// Guards: `free_again`. Nobody's places are sold twice, and nobody is moved.
#[test]
fn a_late_payment_gets_the_same_places_or_none() {
    let mut seated = inventory(priced(seated_plan(&[3])));
    let booking = unpaid(&mut seated, &book(ALICE, selection([seats(0, &[0, 1])])));
    let late = Command::Confirm { booking: expired(&mut seated, &booking), payment_id: None };
    let entry = seated.decide(&late, at(902)).unwrap();
    assert!(entry.is_late());
    seated.apply(&entry);
    assert_eq!(states(&seated), [SeatState::Pending, SeatState::Pending, SeatState::Free]);
    assert!(matches!(seated.decide(&late, at(902)), Err(Refusal::NotConfirmable(_))), "it is on its way");
    seated.revert(&entry);
    assert_eq!(states(&seated), [SeatState::Free; 3]);
    run(&mut seated, &book(BOB, selection([seats(0, &[1])])), at(903)).unwrap();
    assert!(
        matches!(seated.decide(&late, at(904)), Err(Refusal::SeatsTaken(taken)) if taken.len() == 1 && taken[0].at == 1)
    );

    let mut standing = inventory(priced(plan(3)));
    let booking = unpaid(&mut standing, &book(ALICE, selection([quantity(0, 2)])));
    let late = Command::Confirm { booking: expired(&mut standing, &booking), payment_id: None };
    run(&mut standing, &block(BOB, selection([quantity(0, 2)])), at(903)).unwrap();
    assert!(matches!(standing.decide(&late, at(904)), Err(Refusal::SoldOut { left: 1, asked: 2, .. })));
}

/// Guards: the end of the sale. What has begun, or is cancelled, is not sold to those who come late; their money goes back.
#[test]
fn a_payment_is_refused_for_what_does_not_take_place_or_has_begun() {
    let mut inventory = inventory(priced(plan(5)));
    let command = book(ALICE, selection([quantity(0, 2)]));
    let booking = unpaid(&mut inventory, &command);
    let late = Command::Confirm { booking: expired(&mut inventory, &booking), payment_id: None };
    assert!(inventory.decide(&late, at(49_999)).is_ok());
    assert!(matches!(inventory.decide(&late, at(50_000)), Err(Refusal::NotOnSale(_))));
    let cancelled = SalePlan { status: EventStatus::Cancelled, ..priced(plan(5)) };
    let mut loaded = crate::support::builders::fresh(cancelled);
    loaded.counts[0].held = 2;
    loaded.pending.push(Booking::clone(&booking));
    let inventory = Inventory::load(loaded).unwrap();
    for command in [Command::Confirm { booking, payment_id: None }, late] {
        assert!(matches!(inventory.decide(&command, at(2)), Err(Refusal::NotOnSale(_))));
    }
}

/// Guards: `within_account_limit` in `free_again`, and that what was expired counts for its account again.
#[test]
fn a_late_payment_is_within_the_limit_of_its_account() {
    let mut inventory = inventory(SalePlan { max_per_account: Some(3), ..priced(plan(9)) });
    let first = unpaid(&mut inventory, &book(ALICE, selection([quantity(0, 2)])));
    let late = Command::Confirm { booking: expired(&mut inventory, &first), payment_id: None };
    let second = unpaid(&mut inventory, &book(ALICE, selection([quantity(0, 2)])));
    assert!(matches!(inventory.decide(&late, at(902)), Err(Refusal::Limit(_))));
    run(&mut inventory, &Command::Cancel { booking: second, money: None }, at(902)).unwrap();
    run(&mut inventory, &late, at(903)).unwrap();
    let more = inventory.decide(&book(ALICE, selection([quantity(0, 2)])), at(904));
    assert!(matches!(more, Err(Refusal::Limit(_))), "{more:?}");
}

/// Guards: `wait`. It takes no time away, and lasts no longer than the booking waits.
#[test]
fn a_booking_is_given_more_time() {
    let mut inventory = inventory(priced(plan(5)));
    let booking = unpaid(&mut inventory, &book(ALICE, selection([quantity(0, 2)])));
    let wait = |until| Command::Wait { booking_id: booking.id, until: at(until) };
    run(&mut inventory, &wait(2000), at(5)).unwrap();
    assert_eq!((counts(&inventory), inventory.next_expiry()), ((2, 0), Some(at(2000))));
    for sooner in [1000, 2000] {
        assert!(matches!(inventory.decide(&wait(sooner), at(6)), Err(Refusal::NotConfirmable(_))));
    }
    run(&mut inventory, &Command::Confirm { booking: booking.clone(), payment_id: None }, at(7)).unwrap();
    assert!(matches!(inventory.decide(&wait(3000), at(8)), Err(Refusal::NotConfirmable(_))));
}

/// Guards: each item of `cancel_items` gives back its own place once, and the last one takes the booking along.
#[test]
fn a_booking_is_cancelled_in_parts() {
    let mut inventory = inventory(seated_plan(&[3]));
    let booking = unpaid(&mut inventory, &book(ALICE, selection([seats(0, &[0, 1, 2])])));
    let part = |booking: &Arc<Booking>, positions: &[u8]| Command::CancelItems {
        booking: booking.clone(),
        positions: positions.iter().copied().collect(),
        money: None,
    };
    for wrong in [&[][..], &[3], &[0, 127]] {
        let refused = inventory.decide(&part(&booking, wrong), at(2));
        assert!(matches!(refused, Err(Refusal::NotCancellable(_))), "{wrong:?}: {refused:?}");
    }
    run(&mut inventory, &part(&booking, &[1]), at(2)).unwrap();
    assert_eq!((counts(&inventory), states(&inventory)[1]), ((0, 2), SeatState::Free));
    let rest = Arc::new(Booking { cancelled: [1].into_iter().collect(), ..Booking::clone(&booking) });
    assert!(matches!(inventory.decide(&part(&rest, &[0, 1]), at(3)), Err(Refusal::NotCancellable(_))));
    let last = run(&mut inventory, &part(&rest, &[0, 2]), at(3)).unwrap();
    let Entry::CloseBooking { to: BookingStatus::Cancelled, items, .. } = last else { panic!("{last:?}") };
    assert_eq!((items.len(), counts(&inventory), states(&inventory)), (2, (0, 0), vec![SeatState::Free; 3]));
}
