//! Uses of promo codes, which are counted as places are.

use std::sync::Arc;

use domain::{
    bookings::{Booking, BookingStatus, HolderId},
    events::{PlannedCode, SalePlan, TicketType},
    inventory::{Command, Inventory},
    ledger::{CodeUses, Entry, LoadedInventory},
    money::Percentage,
    promo_codes::{Discount, PromoCode, PromoCodeError},
    refusal::Refusal,
};
use rust_decimal::Decimal;

use crate::support::builders::{
    ALICE, BOB, CAROL, at, book, book_hold, code, fresh, hold, inventory, plan, quantity, run, selection, ticket_type,
    type_id, with_code,
};

fn half(uses: Option<u32>, uses_per_account: Option<u32>) -> PlannedCode {
    let PlannedCode { id, code } = code(0, "HALF", Discount::Percent(Percentage::parse("rate", "0.5").unwrap()));
    PlannedCode { id, code: PromoCode { uses, uses_per_account, ..code } }
}

/// Two priced types, of which the second one is hidden.
fn sale(codes: Vec<PlannedCode>) -> SalePlan {
    let priced = |n| TicketType { price: Decimal::TEN, ..ticket_type(n) };
    SalePlan { ticket_types: vec![priced(0), TicketType { hidden: true, ..priced(1) }], promo_codes: codes, ..plan(20) }
}

fn one(ticket_type: usize) -> domain::selection::Selection {
    selection([quantity(ticket_type, 1)])
}

fn refusal(inventory: &Inventory, command: &Command) -> Option<Refusal> {
    inventory.decide(command, at(2)).err()
}

const USED_UP: Option<Refusal> = Some(Refusal::PromoCode(PromoCodeError::UsedUp));

fn booked(entry: &Entry) -> Arc<Booking> {
    match entry {
        Entry::Book { booking, .. } => booking.clone(),
        other => panic!("{other:?}"),
    }
}

/// Guards: `apply` and `revert` of uses; that a use counts before the ledger has it, and not any more once the ledger has refused it.
#[test]
fn a_use_counts_from_the_decision_on() {
    let mut inventory = inventory(sale(vec![half(Some(1), None)]));
    let next = || with_code(book(BOB, one(0)), "HALF");
    for command in [book(ALICE, one(0)), hold(ALICE, one(0))] {
        let entry = inventory.decide(&with_code(command, "half"), at(1)).unwrap();
        inventory.apply(&entry);
        assert_eq!(refusal(&inventory, &next()), USED_UP);
        inventory.revert(&entry);
        assert_eq!(refusal(&inventory, &next()), None);
    }
}

/// Guards: `code_use`: a booking has the use of its hold, and gives it back when all of it is over, once that is in the ledger.
#[test]
fn a_use_comes_back_when_all_of_its_holder_is_over() {
    let mut inventory = inventory(sale(vec![half(Some(1), None)]));
    let next = || with_code(hold(BOB, one(0)), "HALF");
    let wanted = selection([quantity(0, 2)]);
    let Entry::Hold(held) = run(&mut inventory, &with_code(hold(ALICE, wanted), "HALF"), at(1)).unwrap() else {
        panic!("no hold")
    };
    let booking = booked(&run(&mut inventory, &book_hold(ALICE, held.id), at(2)).unwrap());
    assert_eq!(refusal(&inventory, &next()), USED_UP, "it is one use still");
    run(&mut inventory, &Command::Confirm { booking: booking.clone(), payment_id: None }, at(3)).unwrap();
    let confirmed = Arc::new(Booking { status: BookingStatus::Confirmed, ..Booking::clone(&booking) });
    let part = |booking, position: u8| {
        let positions = [position].into_iter().collect();
        Command::CancelItems { booking, positions, money: None }
    };
    run(&mut inventory, &part(confirmed.clone(), 0), at(4)).unwrap();
    assert_eq!(refusal(&inventory, &next()), USED_UP, "a part of it is left");
    let rest = Arc::new(Booking { cancelled: [0].into_iter().collect(), ..Booking::clone(&confirmed) });
    let last = inventory.decide(&part(rest, 1), at(5)).unwrap();
    inventory.apply(&last);
    assert_eq!(refusal(&inventory, &next()), USED_UP, "it is on its way");
    inventory.settle(&last);
    assert_eq!(refusal(&inventory, &next()), None);

    let Entry::Hold(held) = run(&mut inventory, &next(), at(6)).unwrap() else { panic!("no hold") };
    assert_eq!(refusal(&inventory, &next()), USED_UP);
    run(&mut inventory, &Command::Release { hold_id: held.id, account_id: BOB }, at(7)).unwrap();
    assert_eq!(refusal(&inventory, &next()), None);
}

/// Guards: `code_again`. What has expired takes its use again, or is refused; the time of the code does not matter.
#[test]
fn a_late_payment_needs_the_use_again() {
    let mut planned = half(Some(1), None);
    planned.code.ends_at = Some(at(100));
    let mut inventory = inventory(sale(vec![planned]));
    let booking = booked(&run(&mut inventory, &with_code(book(ALICE, one(0)), "HALF"), at(1)).unwrap());
    run(&mut inventory, &Command::Expire(HolderId::Booking(booking.id)), at(901)).unwrap();
    let expired = Arc::new(Booking { status: BookingStatus::Expired, ..Booking::clone(&booking) });
    let late = Command::Confirm { booking: expired, payment_id: None };
    // Decided while the code was valid, and in the ledger only now.
    let theirs = run(&mut inventory, &with_code(hold(BOB, one(0)), "HALF"), at(99)).unwrap();
    assert_eq!(inventory.decide(&late, at(902)).unwrap_err(), Refusal::PromoCode(PromoCodeError::UsedUp));
    let Entry::Hold(theirs) = theirs else { panic!("no hold") };
    run(&mut inventory, &Command::Release { hold_id: theirs.id, account_id: BOB }, at(200)).unwrap();
    let entry = inventory.decide(&late, at(902)).unwrap();
    inventory.apply(&entry);
    assert_eq!(refusal(&inventory, &with_code(hold(BOB, one(0)), "HALF")), USED_UP);
    inventory.revert(&entry);
    assert_eq!(refusal(&inventory, &with_code(hold(BOB, one(0)), "HALF")), None);
}

/// Guards: the uses of each account, and what a successor loads of them.
#[test]
fn an_account_has_uses_of_its_own() {
    let mut before = inventory(sale(vec![half(Some(3), Some(1))]));
    let wanted = |account| with_code(book(account, one(0)), "HALF");
    let booking = booked(&run(&mut before, &wanted(ALICE), at(1)).unwrap());
    assert_eq!(refusal(&before, &wanted(ALICE)), USED_UP);
    run(&mut before, &wanted(BOB), at(1)).unwrap();
    run(&mut before, &Command::Cancel { booking, money: None }, at(2)).unwrap();
    assert_eq!(refusal(&before, &wanted(ALICE)), None);

    let uses = CodeUses { promo_code_id: half(None, None).id, used: 2, by_account: vec![(BOB, 1), (CAROL, 1)] };
    let rows = |max| LoadedInventory { code_uses: vec![uses.clone()], ..fresh(sale(vec![half(Some(max), Some(1))])) };
    let after = Inventory::load(rows(3)).unwrap();
    assert_eq!([ALICE, BOB, CAROL].map(|of| refusal(&after, &wanted(of))), [None, USED_UP, USED_UP]);
    let full = Inventory::load(rows(2)).unwrap();
    assert_eq!(refusal(&full, &wanted(ALICE)), USED_UP);
}

/// Guards: the order of reasons, and that nobody learns of what is hidden.
#[test]
fn a_code_is_refused_for_its_reason() {
    let mut early = code(1, "EARLY", Discount::Access);
    early.code.starts_at = Some(at(50));
    let mut open = code(2, "OPEN", Discount::Access);
    open.code.ticket_type_ids = vec![type_id(0)];
    let inventory = inventory(sale(vec![half(None, None), early, open, code(3, "FRIENDS", Discount::Access)]));
    let of = |kind, name| refusal(&inventory, &with_code(book(ALICE, one(kind)), name));
    assert_eq!(of(0, "NONE"), Some(PromoCodeError::Unknown.into()));
    assert_eq!(of(0, "EARLY"), Some(PromoCodeError::NotNow.into()));
    assert_eq!(of(1, "OPEN"), Some(PromoCodeError::NotForTickets.into()));
    assert_eq!(of(1, "FRIENDS"), None);
    for refused in [of(1, "HALF"), refusal(&inventory, &book(ALICE, one(1)))] {
        assert!(matches!(&refused, Some(Refusal::Invalid(faults)) if faults[0].code == "UNKNOWN"), "{refused:?}");
    }
    let block = crate::support::builders::block(ALICE, one(1));
    assert_eq!(refusal(&inventory, &block), None, "an organizer sees what is hidden");
}
