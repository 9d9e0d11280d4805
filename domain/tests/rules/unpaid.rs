//! Caps of unpaid places.

use std::time::Duration;

use domain::{
    bookings::BookingStatus,
    events::{EventStatus, SalePlan, TicketType},
    inventory::{Command, Inventory},
    ledger::{Entry, LoadedInventory},
    rate_limit::Rate,
    refusal::Refusal,
    unpaid::{Buyer, NetworkId, UnpaidLimits},
};
use rust_decimal::Decimal;

use crate::support::builders::{
    ALICE, BOB, CAROL, at, block, book, book_hold, fresh, hold, inventory, plan, quantity, run, selection, ticket_type,
};

/// At most five places of an account, eight of a network; two may run out in 1,000 s. Ticket type 0 costs something, 1 nothing.
fn capped() -> SalePlan {
    let limits =
        UnpaidLimits { per_account: 5, per_network: 8, expiries: Rate::new(2, Duration::from_secs(1000)).unwrap() };
    let priced = TicketType { price: Decimal::TEN, ..ticket_type(0) };
    let free = TicketType { quota_id: priced.quota_id, ..ticket_type(1) };
    SalePlan { unpaid: Some(limits), ticket_types: vec![priced, free], ..plan(100) }
}

fn holding(places: u32) -> Command {
    hold(ALICE, selection([quantity(0, places)]))
}

fn room(inventory: &Inventory) -> u32 {
    (1..=10).take_while(|places| inventory.decide(&holding(*places), at(1)).is_ok()).count() as u32
}

/// Guards: `apply`, `revert`, `settle` of each entry, and that a hold that is booked counts once.
#[test]
fn an_account_has_so_many_unpaid_places_whatever_becomes_of_them() {
    let mut inventory = inventory(capped());
    assert_eq!(room(&inventory), 5);
    // On its way.
    let first = inventory.decide(&holding(2), at(1)).unwrap();
    inventory.apply(&first);
    assert_eq!(room(&inventory), 3);
    inventory.revert(&first);
    assert_eq!(room(&inventory), 5);
    // Held, then booked: as unpaid as before.
    let Entry::Hold(held) = run(&mut inventory, &holding(2), at(1)).unwrap() else { panic!() };
    assert_eq!(room(&inventory), 3);
    let Entry::Book { booking, .. } = run(&mut inventory, &book_hold(ALICE, held.id), at(1)).unwrap() else { panic!() };
    assert_eq!((booking.status, room(&inventory)), (BookingStatus::PendingPayment, 3));
    let full = inventory.decide(&book(ALICE, selection([quantity(0, 4)])), at(1)).unwrap_err();
    assert!(
        matches!(&full, Refusal::Limit(why) if why.contains("at most 5") && why.contains("you have 2")),
        "{full:?}"
    );
    assert!(inventory.decide(&hold(BOB, selection([quantity(0, 5)])), at(1)).is_ok(), "each has its own");
    // Given back.
    let cancel = inventory.decide(&Command::Cancel { booking, money: None }, at(2)).unwrap();
    inventory.apply(&cancel);
    assert_eq!(room(&inventory), 3, "not before the ledger has it");
    inventory.settle(&cancel);
    assert_eq!(room(&inventory), 5);
}

/// Guards: the exemptions.
#[test]
fn what_is_free_and_what_organizers_keep_back_is_not_unpaid() {
    let mut inventory = inventory(capped());
    run(&mut inventory, &book(ALICE, selection([quantity(1, 20)])), at(1)).unwrap();
    run(&mut inventory, &block(ALICE, selection([quantity(0, 20)])), at(1)).unwrap();
    assert_eq!(room(&inventory), 5);
    // A hold of free places is: nothing says that it will be booked. Booked, it is not any more.
    let held = run(&mut inventory, &hold(ALICE, selection([quantity(1, 5)])), at(1)).unwrap();
    let Entry::Hold(held) = held else { panic!() };
    assert_eq!(room(&inventory), 0);
    run(&mut inventory, &book_hold(ALICE, held.id), at(1)).unwrap();
    assert_eq!(room(&inventory), 5);
    // Lines are summed.
    let both = hold(ALICE, selection([quantity(0, 3), quantity(1, 3)]));
    assert!(matches!(inventory.decide(&both, at(1)), Err(Refusal::Limit(_))));
}

/// Guards: `keep`.
#[test]
fn what_the_ledger_has_counts_after_a_load() {
    let mut before = inventory(capped());
    let Entry::Hold(held) = run(&mut before, &holding(3), at(1)).unwrap() else { panic!() };
    let Entry::Book { booking, .. } = run(&mut before, &book(ALICE, selection([quantity(0, 1)])), at(1)).unwrap()
    else {
        panic!()
    };
    let (holds, pending) = (vec![(*held).clone()], vec![(*booking).clone()]);
    let after =
        Inventory::load(LoadedInventory { counts: before.counts(), holds, pending, ..fresh(capped()) }).unwrap();
    assert_eq!((room(&before), room(&after)), (1, 1));
}

/// Guards: `came_from`, and that the network's places go with the hold into its booking.
#[test]
fn a_network_has_so_many_unpaid_places_of_all_its_accounts() {
    let of = |address: &str| Buyer { network: Some(NetworkId::of(address.parse().unwrap())), may_take: true };
    let (here, there) = (of("192.0.2.1"), of("192.0.2.2"));
    let mut inventory = inventory(capped());
    let take = |inventory: &mut Inventory, buyer: &Buyer, command: &Command| {
        let entry = inventory.decide_for(buyer, command, at(1))?;
        inventory.apply(&entry);
        inventory.came_from(&entry, buyer.network.unwrap());
        inventory.settle(&entry);
        Ok::<_, Refusal>(entry)
    };
    let Entry::Hold(held) = take(&mut inventory, &here, &holding(5)).unwrap() else { panic!() };
    let bobs = hold(BOB, selection([quantity(0, 4)]));
    assert!(matches!(take(&mut inventory, &here, &bobs), Err(Refusal::Limit(_))));
    assert!(inventory.decide_for(&there, &bobs, at(1)).is_ok());
    assert!(inventory.decide(&bobs, at(1)).is_ok(), "of a network that is exempt");
    let booked = take(&mut inventory, &here, &book_hold(ALICE, held.id)).unwrap();
    assert!(inventory.decide_for(&here, &bobs, at(1)).is_err());
    let Entry::Book { booking, .. } = booked else { panic!() };
    run(&mut inventory, &Command::Cancel { booking, money: None }, at(1)).unwrap();
    assert!(inventory.decide_for(&here, &bobs, at(1)).is_ok());
}

/// Guards: `take_over_unpaid`. What no row tells outlives a reload, as far as the ledger has it still.
#[test]
fn what_no_row_tells_is_handed_over_to_the_inventory_that_is_read_anew() {
    let here = Buyer { network: Some(NetworkId::of("192.0.2.1".parse().unwrap())), may_take: true };
    let mut before = inventory(capped());
    run(&mut before, &hold(BOB, selection([quantity(0, 1)])), at(1)).unwrap();
    run(&mut before, &hold(BOB, selection([quantity(0, 1)])), at(1)).unwrap();
    for holder in before.expired(at(601), 10) {
        run(&mut before, &Command::Expire(holder), at(601)).unwrap();
    }
    let mut take = |command: &Command| {
        let entry = before.decide_for(&here, command, at(602)).unwrap();
        before.apply(&entry);
        before.came_from(&entry, here.network.unwrap());
        before.settle(&entry);
        entry
    };
    let Entry::Hold(kept) = take(&holding(2)) else { panic!() };
    let Entry::Hold(held) = take(&holding(3)) else { panic!() };
    // Booked, and the answer is still on its way: the ledger has the booking, and memory knows the hold.
    let booked = before.decide_for(&here, &book_hold(ALICE, held.id), at(602)).unwrap();
    before.apply(&booked);
    // And this one never got there.
    let lost = before.decide_for(&here, &hold(CAROL, selection([quantity(0, 3)])), at(602)).unwrap();
    before.apply(&lost);
    before.came_from(&lost, here.network.unwrap());
    let Entry::Book { booking, .. } = booked else { panic!() };
    let (holds, pending) = (vec![(*kept).clone()], vec![(*booking).clone()]);
    let mut after =
        Inventory::load(LoadedInventory { counts: before.counts(), holds, pending, ..fresh(capped()) }).unwrap();
    after.take_over_unpaid(before.hand_over_unpaid().unwrap());
    let carols = |places| hold(CAROL, selection([quantity(0, places)]));
    assert!(matches!(after.decide_for(&here, &carols(4), at(602)), Err(Refusal::Limit(_))), "five of eight are taken");
    assert!(after.decide_for(&here, &carols(3), at(602)).is_ok());
    let bobs = after.decide(&hold(BOB, selection([quantity(0, 1)])), at(602));
    assert!(matches!(bobs, Err(Refusal::TooOften { retry_after: Some(_) })), "{bobs:?}");
    // Given back as if nothing had been between.
    run(&mut after, &Command::Cancel { booking, money: None }, at(603)).unwrap();
    run(&mut after, &Command::Release { hold_id: kept.id, account_id: ALICE }, at(603)).unwrap();
    assert!(after.decide_for(&here, &carols(5), at(603)).is_ok());
}

/// Guards: `ran_out`, and its bound.
#[test]
fn who_lets_holds_run_out_has_to_wait() {
    let mut inventory = inventory(capped());
    for _ in 0..2 {
        run(&mut inventory, &holding(1), at(1)).unwrap();
    }
    let release = run(&mut inventory, &holding(1), at(1)).unwrap();
    let Entry::Hold(released) = release else { panic!() };
    run(&mut inventory, &Command::Release { hold_id: released.id, account_id: ALICE }, at(2)).unwrap();
    let expire = |inventory: &mut Inventory| {
        for holder in inventory.expired(at(601), 10) {
            run(inventory, &Command::Expire(holder), at(601)).unwrap();
        }
    };
    expire(&mut inventory);
    let asked = |inventory: &Inventory, now| inventory.decide(&holding(1), at(now));
    assert_eq!(
        asked(&inventory, 601).unwrap_err(),
        Refusal::TooOften { retry_after: Some(Duration::from_secs(500)) },
        "two ran out, and the released one does not count"
    );
    assert!(inventory.decide(&book(ALICE, selection([quantity(1, 1)])), at(601)).is_ok(), "free ones keep nothing");
    assert!(inventory.decide(&hold(BOB, selection([quantity(0, 1)])), at(601)).is_ok());
    assert!(asked(&inventory, 1100).is_err() && asked(&inventory, 1101).is_ok());
}

/// Guards: `may_take`.
#[test]
fn a_request_that_may_take_nothing_is_refused_whatever_is_free() {
    let inventory = inventory(plan(10));
    let buyer = Buyer { may_take: false, ..Buyer::default() };
    for command in [holding(1), book(ALICE, selection([quantity(0, 1)]))] {
        let refusal = inventory.decide_for(&buyer, &command, at(1)).unwrap_err();
        assert_eq!(refusal, Refusal::TooOften { retry_after: None });
    }
}

/// Guards: that what is not public yet is not told of by another refusal.
#[test]
fn a_draft_is_not_there_for_whoever_may_take_nothing() {
    let buyer = Buyer { may_take: false, ..Buyer::default() };
    for status in [EventStatus::Draft, EventStatus::Scheduled] {
        let inventory = inventory(SalePlan { status, ..plan(10) });
        for command in [holding(1), book(ALICE, selection([quantity(0, 1)]))] {
            assert_eq!(inventory.decide_for(&buyer, &command, at(1)).unwrap_err(), Refusal::NoSuchEvent);
        }
    }
}
