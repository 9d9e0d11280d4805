//! When something is sold, and how much of it at once.

use domain::{
    events::{EventStatus, SalePlan, SaleWindow, TicketType},
    inventory::Command,
    ledger::Entry,
    refusal::Refusal,
};
use jiff::SignedDuration;

use crate::support::builders::{ALICE, BOB, at, book, hold, inventory, plan, quantity, run, selection, ticket_type};

fn one_type(change: impl FnOnce(&mut TicketType)) -> SalePlan {
    let mut only = ticket_type(0);
    change(&mut only);
    SalePlan { ticket_types: vec![only], ..plan(10) }
}

/// Guards: both comparisons of `SaleWindow::contains`.
#[test]
fn a_sale_begins_with_its_first_instant_and_ends_before_its_last() {
    let inventory = inventory(one_type(|it| it.sale = SaleWindow { starts_at: at(10), ends_at: at(20) }));
    let (ask, instant) = (book(ALICE, selection([quantity(0, 1)])), SignedDuration::from_micros(1));
    let early = Refusal::NotOnSale("the sale has not begun");
    assert_eq!(inventory.decide(&ask, at(10) - instant).unwrap_err(), early);
    assert!(inventory.decide(&ask, at(10)).is_ok());
    assert!(inventory.decide(&ask, at(20) - instant).is_ok());
    assert_eq!(inventory.decide(&ask, at(20)).unwrap_err(), Refusal::NotOnSale("the sale has ended"));
}

/// Guards: `published`.
#[test]
fn only_a_published_event_sells() {
    let refusal = |status| {
        let inventory = inventory(SalePlan { status, ..plan(10) });
        inventory.decide(&book(ALICE, selection([quantity(0, 1)])), at(1)).err()
    };
    assert_eq!(refusal(EventStatus::Published), None);
    for hidden in [EventStatus::Draft, EventStatus::Scheduled] {
        assert_eq!(refusal(hidden), Some(Refusal::NoSuchEvent));
    }
    for over in [EventStatus::Cancelled, EventStatus::Archived] {
        assert!(matches!(refusal(over), Some(Refusal::NotOnSale(_))));
    }
}

/// Guards: both ends of `within_limits`.
#[test]
fn a_line_has_at_least_the_fewest_and_at_most_the_most_places() {
    let inventory = inventory(one_type(|it| (it.min_per_booking, it.max_per_booking) = (2, 4)));
    for (asked, granted) in [(1, false), (2, true), (4, true), (5, false)] {
        let decided = inventory.decide(&book(ALICE, selection([quantity(0, asked)])), at(1));
        assert_eq!(decided.is_ok(), granted, "{asked}");
        assert!(granted || matches!(decided, Err(Refusal::Limit(_))));
    }
}

/// Guards: `count` in `apply`, `settle` of a closing and `revert`; and that booking a hold does not count its places twice.
#[test]
fn the_limit_of_an_account_counts_holds_and_bookings_until_they_are_given_back() {
    let mut inventory = inventory(SalePlan { max_per_account: Some(4), ..plan(100) });
    let ask = |places| book(ALICE, selection([quantity(0, places)]));
    let held = run(&mut inventory, &hold(ALICE, selection([quantity(0, 3)])), at(1)).unwrap();
    let Entry::Hold(held) = held else { panic!("{held:?}") };
    assert!(matches!(inventory.decide(&ask(2), at(1)), Err(Refusal::Limit(_))));
    assert!(inventory.decide(&book(BOB, selection([quantity(0, 4)])), at(1)).is_ok(), "each account has its own");

    // A pending decision counts, and does not when the ledger refuses it.
    let last = inventory.decide(&ask(1), at(1)).unwrap();
    inventory.apply(&last);
    assert!(matches!(inventory.decide(&ask(1), at(1)), Err(Refusal::Limit(_))));
    inventory.revert(&last);
    assert!(inventory.decide(&ask(1), at(1)).is_ok());

    // A release gives the places back once the ledger has it.
    let release = inventory.decide(&Command::Release { hold_id: held.id, account_id: ALICE }, at(2)).unwrap();
    inventory.apply(&release);
    assert!(matches!(inventory.decide(&ask(4), at(2)), Err(Refusal::Limit(_))));
    inventory.settle(&release);
    let Entry::Book { booking, .. } = run(&mut inventory, &ask(4), at(2)).unwrap() else { panic!() };
    assert!(matches!(inventory.decide(&ask(1), at(2)), Err(Refusal::Limit(_))));
    run(&mut inventory, &Command::Cancel { booking, money: None }, at(3)).unwrap();
    assert!(inventory.decide(&ask(4), at(3)).is_ok());
}
