//! What holds and bookings cost.

use std::sync::Arc;

use domain::{
    bookings::{Attendee, Attendees, Booking, BookingStatus, Hold, Item},
    events::{SalePlan, TicketType},
    inventory::{Command, NewBooking},
    ledger::Entry,
    money::{Money, Percentage},
    pricing::{
        fees::{Fee, FeeKind},
        quote::quote,
        terms::SaleTerms,
    },
    promo_codes::Discount,
    refusal::Refusal,
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::support::builders::{
    ALICE, at, block, book, book_hold, code, hold, inventory, plan, quantity, run, selection, ticket_type, with_code,
};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn euros(text: &str) -> Money {
    Money::new(decimal(text), "EUR".parse().unwrap())
}

fn rate(text: &str) -> Percentage {
    Percentage::parse("rate", text).unwrap()
}

/// Type 0 costs 12.50, and type 1 nothing; a tenth on top as fee, and a fifth of all that as tax. `HALF` is half off.
fn priced() -> SalePlan {
    let service = Fee { name: "Service".to_owned(), kind: FeeKind::Percent { rate: rate("0.1"), cap: None } };
    SalePlan {
        ticket_types: vec![TicketType { price: decimal("12.50"), ..ticket_type(0) }, ticket_type(1)],
        terms: SaleTerms { tax_rate: rate("0.2"), tax_included: false, fees: vec![service], ..plan(9).terms },
        promo_codes: vec![code(0, "HALF", Discount::Percent(rate("0.5")))],
        ..plan(9)
    }
}

fn held(entry: Entry) -> Arc<Hold> {
    match entry {
        Entry::Hold(hold) => hold,
        other => panic!("{other:?}"),
    }
}

fn booked(entry: Entry) -> Arc<Booking> {
    match entry {
        Entry::Book { booking, .. } => booking,
        other => panic!("{other:?}"),
    }
}

fn line(item: &Item) -> [Decimal; 4] {
    [item.price, item.discount, item.fee, item.tax]
}

/// Guards: that a decision prices as a quote does, line by line, and that its sums are those of the quote.
#[test]
fn a_booking_has_the_lines_of_a_quote() {
    let mut inventory = inventory(priced());
    let wanted = || selection([quantity(0, 2), quantity(1, 1)]);
    let booking = booked(run(&mut inventory, &with_code(book(ALICE, wanted()), "half"), at(1)).unwrap());
    let quoted = {
        let plan = inventory.plan();
        let list = domain::pricing::price_list::PriceList::new(plan.currency, &plan.terms, &plan.ticket_types);
        let tickets: Vec<_> = booking.items.iter().map(|item| item.ticket_type_id).collect();
        quote(&list, Some(&plan.promo_codes[0].code), &tickets, at(1)).unwrap()
    };
    let lines: Vec<_> = booking.items.iter().map(|item| item.line(booking.total.currency)).collect();
    assert_eq!(lines, quoted.lines);
    assert_eq!(line(&booking.items[0]), ["12.50", "6.25", "0.62", "1.37"].map(decimal));
    assert_eq!(line(&booking.items[2]), [Decimal::ZERO; 4]);
    let totals = quoted.totals;
    assert_eq!((booking.discount, booking.fees, booking.tax), (totals.discount, totals.fees, totals.tax));
    assert_eq!((booking.total, booking.tax_included), (euros("16.48"), false));
    assert_eq!(booking.promo_code.as_ref().unwrap().name.as_str(), "HALF");
    assert_eq!(booking.status, BookingStatus::PendingPayment);
}

/// Guards: that the price of a hold is not asked again.
#[test]
fn a_hold_fixes_the_price_of_its_booking() {
    let mut before = inventory(priced());
    let hold = held(run(&mut before, &with_code(hold(ALICE, selection([quantity(0, 1)])), "HALF"), at(1)).unwrap());
    assert_eq!((hold.total, hold.sum_of(|item| item.fee)), (euros("8.24"), euros("0.62")));
    let mut dearer = priced();
    dearer.ticket_types[0].price = decimal("100");
    (dearer.terms.tax_included, dearer.promo_codes) = (true, Vec::new());
    let rows = domain::ledger::LoadedInventory {
        counts: before.counts(),
        holds: vec![Hold::clone(&hold)],
        ..crate::support::builders::fresh(dearer)
    };
    let mut after = domain::inventory::Inventory::load(rows).unwrap();
    let booking = booked(run(&mut after, &book_hold(ALICE, hold.id), at(2)).unwrap());
    assert_eq!((&booking.items, booking.total, booking.tax_included), (&hold.items, hold.total, false));
    assert_eq!((booking.fees, booking.tax, booking.discount), (euros("0.62"), euros("1.37"), euros("6.25")));
    assert_eq!(booking.promo_code, hold.promo_code);
}

/// Guards: the price of a block, which nobody pays.
#[test]
fn a_block_has_prices_and_no_fees() {
    let mut inventory = inventory(priced());
    let block = held(run(&mut inventory, &block(ALICE, selection([quantity(0, 2)])), at(1)).unwrap());
    assert_eq!((block.total, line(&block.items[0])[1..].to_vec()), (euros("25"), vec![Decimal::ZERO; 3]));
}

/// Guards: the total that decides whether somebody has to pay, and the least that can be paid.
#[test]
fn nothing_is_confirmed_at_once_and_too_little_is_refused() {
    let mut plan = priced();
    plan.promo_codes.push(code(1, "GUEST", Discount::Percent(Percentage::ONE)));
    plan.minimum = Some(euros("9"));
    let mut inventory = inventory(plan);
    let one = || selection([quantity(0, 1)]);
    for command in [book(ALICE, one()), hold(ALICE, one())] {
        let refused = inventory.decide(&with_code(command, "half"), at(1));
        assert!(matches!(&refused, Err(Refusal::BelowMinimum(below)) if below.minimum == euros("9")), "{refused:?}");
    }
    let booking = booked(run(&mut inventory, &with_code(book(ALICE, one()), "guest"), at(1)).unwrap());
    assert_eq!((booking.status, booking.discount), (BookingStatus::Confirmed, euros("12.50")));
    assert_eq!((booking.total.is_free(), booking.expires_at), (true, None));
}

/// Guards: the lengths of the terms, also where a hold is longer than its cap.
#[test]
fn the_terms_say_how_long_places_wait() {
    let mut plan = priced();
    (plan.terms.payment_window, plan.terms.hold_cap) = (SignedDuration::from_secs(77), SignedDuration::from_secs(55));
    let mut inventory = inventory(plan);
    let booking = booked(run(&mut inventory, &book(ALICE, selection([quantity(0, 1)])), at(1)).unwrap());
    assert_eq!(booking.expires_at, Some(at(78)));
    let hold = held(run(&mut inventory, &hold(ALICE, selection([quantity(0, 1)])), at(1)).unwrap());
    assert_eq!(hold.expires_at, Some(at(56)));
    let longer = Command::Extend { hold_id: hold.id, account_id: ALICE };
    assert_eq!(inventory.decide(&longer, at(2)).unwrap_err(), Refusal::HoldAtCap);
}

/// Guards: the bound of attendees, of a selection and of a hold.
#[test]
fn there_are_no_more_attendees_than_places() {
    let mut inventory = inventory(priced());
    let somebody = Attendee { name: domain::accounts::PersonName::stored("Ada"), email: None };
    let with = |command: Command, count: usize| match command {
        Command::Book(new) => {
            let attendees: Attendees = std::iter::repeat_n(somebody.clone(), count).collect();
            Command::Book(NewBooking { attendees, ..new })
        }
        other => other,
    };
    let hold = held(run(&mut inventory, &hold(ALICE, selection([quantity(0, 2)])), at(1)).unwrap());
    for command in [book(ALICE, selection([quantity(0, 2)])), book_hold(ALICE, hold.id)] {
        let refused = inventory.decide(&with(command.clone(), 3), at(1));
        assert!(matches!(&refused, Err(Refusal::Invalid(faults)) if faults[0].field == "attendees"), "{refused:?}");
        let booking = booked(inventory.decide(&with(command, 2), at(1)).unwrap());
        assert_eq!((booking.attendees.len(), booking.attendees.get(2)), (2, None));
    }
}

/// Guards: what a retry is shown once some of it has gone back.
#[test]
fn the_first_answer_knows_of_no_refund() {
    let mut inventory = inventory(priced());
    let booking = booked(run(&mut inventory, &book(ALICE, selection([quantity(0, 2)])), at(1)).unwrap());
    let refunded = Booking {
        status: BookingStatus::Cancelled,
        refunded: euros("5"),
        cancelled: [1].into_iter().collect(),
        updated_at: Timestamp::MAX,
        ..Booking::clone(&booking)
    };
    assert_eq!(refunded.as_first_answered(), *booking);
}
