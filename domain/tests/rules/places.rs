//! Which places there are, and which are left.

use domain::{
    events::{Quota, SalePlan, TicketType},
    inventory::{Command, Inventory, SeatState},
    ledger::LoadedInventory,
    refusal::Refusal,
    selection::{RawBlockLine, RawLine, Selection},
};

use crate::support::builders::{
    ALICE, BOB, at, book, fresh, hold, inventory, plan, quantity, quota_id, run, seat_id, seated_plan, seats,
    section_id, selection, ticket_type, type_id,
};

fn field(refusal: &Refusal) -> (&str, &'static str) {
    match refusal {
        Refusal::Invalid(errors) => (&errors[0].field, errors[0].code),
        other => panic!("{other:?}"),
    }
}

/// Guards: `enough_left` sums the lines that share a quota.
#[test]
fn ticket_types_that_share_a_quota_run_out_together() {
    let types = vec![ticket_type(0), ticket_type(1)];
    let mut inventory = inventory(SalePlan { ticket_types: types, ..plan(5) });
    let both = book(ALICE, selection([quantity(1, 3), quantity(0, 3)]));
    let sold_out = Refusal::SoldOut { ticket_type_id: type_id(1), left: 5, asked: 6 };
    assert_eq!(inventory.decide(&both, at(1)).unwrap_err(), sold_out);
    run(&mut inventory, &book(ALICE, selection([quantity(0, 4)])), at(1)).unwrap();
    let sold_out = Refusal::SoldOut { ticket_type_id: type_id(1), left: 1, asked: 2 };
    assert_eq!(inventory.decide(&book(BOB, selection([quantity(1, 2)])), at(1)).unwrap_err(), sold_out);
    assert!(inventory.decide(&book(BOB, selection([quantity(1, 1)])), at(1)).is_ok());
}

/// Guards: one line that fails fails all, so nothing is taken of a quota that has enough.
#[test]
fn a_selection_is_granted_as_a_whole() {
    let other = TicketType { quota_id: quota_id(1), ..ticket_type(1) };
    let quotas = [(0, 5), (1, 1)].map(|(n, capacity)| Quota { id: quota_id(n), capacity }).to_vec();
    let mut inventory = inventory(SalePlan { ticket_types: vec![ticket_type(0), other], quotas, ..plan(0) });
    let refused = run(&mut inventory, &book(ALICE, selection([quantity(0, 2), quantity(1, 2)])), at(1));
    assert!(matches!(refused, Err(Refusal::SoldOut { left: 1, asked: 2, .. })));
    assert!(inventory.decide(&book(ALICE, selection([quantity(0, 5)])), at(1)).is_ok());
}

/// Guards: the sections of `places`; `seated` in both directions.
#[test]
fn a_ticket_type_sells_the_seats_of_its_sections_only() {
    let mut types = seated_plan(&[3, 2]).ticket_types;
    types.push(ticket_type(2));
    let inventory = inventory(SalePlan { ticket_types: types, ..seated_plan(&[3, 2]) });
    let refusal = |line| inventory.decide(&book(ALICE, selection([line])), at(1)).unwrap_err();
    assert_eq!(field(&refusal(seats(0, &[2, 3]))), ("items[0].seatIds[1]", "UNKNOWN"), "a seat of another section");
    assert_eq!(field(&refusal(seats(1, &[5]))), ("items[0].seatIds[0]", "UNKNOWN"), "a seat of another map");
    assert_eq!(field(&refusal(quantity(0, 1))), ("items[0].quantity", "SEATS_REQUIRED"));
    assert_eq!(field(&refusal(seats(2, &[0]))), ("items[0].seatIds", "NOT_SEATED"));
    assert_eq!(field(&refusal(quantity(9, 1))), ("items[0].ticketTypeId", "UNKNOWN"));
}

/// Guards: `SeatState::Pending` in `apply`, and `Free` in `revert` but not in `apply` of a closing.
#[test]
fn a_seat_is_taken_from_the_decision_on() {
    let mut inventory = inventory(seated_plan(&[3]));
    let first = inventory.decide(&hold(ALICE, selection([seats(0, &[0, 1])])), at(1)).unwrap();
    inventory.apply(&first);
    let rival = book(BOB, selection([seats(0, &[0, 1, 2])]));
    let taken = Refusal::SeatsTaken(vec![seat_id(0), seat_id(1)]);
    assert_eq!(inventory.decide(&rival, at(1)).unwrap_err(), taken);
    inventory.settle(&first);
    assert_eq!(inventory.decide(&rival, at(1)).unwrap_err(), taken);
    let picture = inventory.availability(at(1));
    let states: Vec<_> = picture.seats().map(|(_, state)| state).collect();
    assert_eq!(states, [SeatState::Held, SeatState::Held, SeatState::Free]);
}

/// Guards: `load` refuses rows from which no state follows.
#[test]
fn rows_that_contradict_each_other_are_not_loaded() {
    let stray = LoadedInventory { claims: vec![(seat_id(9), true)], ..fresh(seated_plan(&[3])) };
    assert!(Inventory::load(stray).is_err());
    let uncounted = LoadedInventory { counts: Vec::new(), ..fresh(plan(3)) };
    assert!(Inventory::load(uncounted).is_err());
}

/// Guards: `give_free`, which marks what other lines were given, and `free_in`. Two ticket types sell one section, and a block
/// names some of its seats beside all that is free there.
#[test]
fn a_whole_section_is_what_is_free_of_it_and_no_seat_twice() {
    let mut plan = seated_plan(&[70, 3]);
    plan.ticket_types[1].sections.push(section_id(0));
    let mut inventory = inventory(plan);
    run(&mut inventory, &book(ALICE, selection([seats(0, &[5, 69])])), at(1)).unwrap();
    let whole = |line, section: &str| RawBlockLine {
        line: RawLine { section: Some(section.to_owned()), seat_ids: None, ..line },
        whole_section: true,
    };
    let named = |line| RawBlockLine { line, whole_section: false };
    let block = |lines| match hold(BOB, Selection::parse_block(lines).unwrap()) {
        Command::Hold(new) => Command::Block(new),
        other => panic!("{other:?}"),
    };
    let ask = block(vec![named(seats(0, &[64, 0])), whole(seats(1, &[]), "section 0")]);
    let entry = inventory.decide(&ask, at(1)).unwrap();
    let mut given: Vec<_> = entry.items().iter().map(|item| item.seat.as_ref().unwrap().id).collect();
    given.sort();
    let free: Vec<_> = (0..70).filter(|n| ![5, 69].contains(n)).map(seat_id).collect();
    assert_eq!(given, free);
    run(&mut inventory, &ask, at(1)).unwrap();
    let again = inventory.decide(&block(vec![whole(seats(1, &[]), "section 0")]), at(1)).unwrap_err();
    assert!(matches!(again, Refusal::SoldOut { left: 0, .. }));
    let other = inventory.decide(&block(vec![whole(seats(0, &[]), "section 1")]), at(1)).unwrap_err();
    assert_eq!(field(&other), ("items[0].section", "UNKNOWN"));
}

/// Guards: the bound of `within_block_limits` on what a whole section is.
#[test]
fn a_section_that_is_larger_than_a_block_is_not_blocked_at_once() {
    let most = Selection::MAX_BLOCKED as usize;
    for (seats_of_it, granted) in [(most, true), (most + 1, false)] {
        let inventory = inventory(seated_plan(&[seats_of_it]));
        let line = RawLine { section: Some("section 0".to_owned()), seat_ids: None, ..seats(0, &[]) };
        let lines = vec![RawBlockLine { line, whole_section: true }];
        let decided = match hold(BOB, Selection::parse_block(lines).unwrap()) {
            Command::Hold(new) => inventory.decide(&Command::Block(new), at(1)),
            other => panic!("{other:?}"),
        };
        assert_eq!(decided.is_ok(), granted, "{seats_of_it}");
        assert!(granted || matches!(decided, Err(Refusal::Limit(_))));
    }
}

/// Guards: the sections in `changes_since`. A snapshot says which ticket types sell a seat, and a delta can't.
#[test]
fn there_is_no_way_from_a_picture_to_one_in_which_other_ticket_types_sell_a_seat() {
    let loaded = |version_base, plan| LoadedInventory { version_base, ..fresh(plan) };
    let picture = |version, plan| Inventory::load(loaded(version, plan)).unwrap().availability(at(1));
    let earlier = picture(1, seated_plan(&[2, 2]));
    assert!(picture(2, seated_plan(&[2, 2])).changes_since(&earlier).is_some());
    let mut other = seated_plan(&[2, 2]);
    other.ticket_types[1].sections.push(section_id(0));
    let later = picture(2, other);
    assert!(later.changes_since(&earlier).is_none());
    assert_eq!(later.sellers()[&section_id(0)], [type_id(0), type_id(1)]);
}

/// Guards: `free_in_ledger`, which a decision on its way does not change, and the limits in `sellable`.
#[test]
fn what_can_be_bought_is_what_the_ledger_has_free_within_the_limits() {
    let mut plan = SalePlan { max_per_account: Some(2), ..seated_plan(&[3, 2]) };
    plan.quotas[0].capacity = 10;
    plan.ticket_types[0].min_per_booking = 2;
    let mut inventory = inventory(plan);
    let available = |inventory: &Inventory| {
        inventory.availability(at(1)).ticket_types.iter().map(|of| of.available).collect::<Vec<_>>()
    };
    assert_eq!(available(&inventory), [2, 2], "three seats in pairs, and two seats on a quota of ten");
    let entry = inventory.decide(&book(ALICE, selection([seats(0, &[0, 1])])), at(1)).unwrap();
    inventory.apply(&entry);
    assert_eq!(available(&inventory), [2, 2]);
    inventory.settle(&entry);
    assert_eq!(available(&inventory), [0, 2]);
    run(&mut inventory, &book(BOB, selection([seats(1, &[3, 4])])), at(1)).unwrap();
    assert_eq!(available(&inventory), [0, 0]);
}
