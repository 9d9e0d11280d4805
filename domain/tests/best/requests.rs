//! What a request with best available lines is as a whole.

use domain::{
    bookings::{Fingerprint, Source},
    inventory::SeatState,
    refusal::{Refusal, TakenSeat},
    selection::RawLine,
};

use super::house::{House, best, best_in};
use crate::support::builders::{
    ALICE, EVENT, at, book, inventory, plan, quantity, seat_id, seats, section_id, selection, type_id,
};

fn field(refusal: &Refusal) -> (&str, &'static str) {
    match refusal {
        Refusal::Invalid(errors) => (&errors[0].field, errors[0].code),
        other => panic!("{other:?}"),
    }
}

/// Guards: named seats are given before any best are, whatever the order of lines.
#[test]
fn lines_of_one_request_do_not_collide() {
    let mut house = House::draw(&["......", "......"]);
    let entry = house.ask([best(0, 2), seats(1, &[2, 3])]).unwrap();
    assert_eq!(house.with(entry.items()), ["####..", "......"]);
    let order: Vec<_> = entry.items().iter().map(|item| item.seat.as_ref().unwrap().id).collect();
    assert_eq!(order, [0, 1, 2, 3].map(seat_id), "items in the order of the lines");
    let mut house = House::draw(&["......", "......"]);
    let entry = house.ask([best(0, 4), best(1, 2)]).unwrap();
    assert_eq!(house.with(entry.items()), ["######", "......"]);
    let mut house = House::draw(&["..."]);
    let refused = house.ask([best(0, 2), best(1, 2)]).unwrap_err();
    assert_eq!(refused, Refusal::SoldOut { ticket_type_id: type_id(1), left: 1, asked: 2 });
    assert_eq!(house.ask([best(0, 3)]).unwrap().items().len(), 3, "the refusal took nothing");
}

/// Guards: named seats that are taken are told before anything is chosen.
#[test]
fn a_taken_seat_of_another_line_refuses_the_request() {
    let mut house = House::draw(&["x.."]);
    let taken = TakenSeat { id: seat_id(0), line: 1, at: 0 };
    assert_eq!(house.ask([best(0, 2), seats(1, &[0])]).unwrap_err(), Refusal::SeatsTaken(vec![taken]));
}

/// Guards: both ways to name a section, and the sections of the ticket type.
#[test]
fn a_section_narrows_the_choice_to_what_the_ticket_type_sells() {
    let mut house = House::draw(&["....", "", "....", "", "...."]);
    let entry = house.ask([best_in("Section 1", 4)]).unwrap();
    assert_eq!(house.with(entry.items()), ["....", "", "####", "", "...."]);
    let entry = house.ask([best_in(&section_id(2).to_string(), 4)]).unwrap();
    assert_eq!(house.with(entry.items()), ["....", "", "....", "", "####"]);
    let refused = house.ask([best_in("Section 1", 1)]).unwrap_err();
    assert_eq!(refused, Refusal::SoldOut { ticket_type_id: type_id(0), left: 0, asked: 1 });
    for unknown in ["Section 9", "section 1", &seat_id(0).to_string()] {
        assert_eq!(field(&house.ask([best_in(unknown, 1)]).unwrap_err()), ("items[0].section", "UNKNOWN"));
    }
    let of_another = RawLine::of_best(type_id(1), 1, Some("Section 1"));
    assert_eq!(field(&house.ask([of_another]).unwrap_err()), ("items[0].section", "UNKNOWN"));
    assert_eq!(house.ask([best(1, 4)]).unwrap().items().len(), 4, "a ticket type sells its own section only");
    assert!(matches!(house.ask([best(1, 1)]), Err(Refusal::SoldOut { left: 0, .. })));
}

/// Guards: `NOT_SEATED` of best available, and what a quantity alone is answered.
#[test]
fn only_seats_can_be_the_best() {
    let unseated = inventory(plan(5));
    let refused = unseated.decide(&book(ALICE, selection([best(0, 1)])), at(1)).unwrap_err();
    assert_eq!(field(&refused), ("items[0].bestAvailable", "NOT_SEATED"));
    let refused = House::draw(&["..."]).ask([quantity(0, 1)]).unwrap_err();
    let Refusal::Invalid(errors) = &refused else { panic!("{refused:?}") };
    assert_eq!(field(&refused), ("items[0].quantity", "SEATS_REQUIRED"));
    assert!(errors[0].message.contains("bestAvailable"));
}

/// Guards: what `apply`, `settle` and `revert` do to the summaries, and that copies of the states are independent.
#[test]
fn what_is_given_back_is_given_again_and_pictures_do_not_change() {
    let mut house = House::draw(&["....", "...."]);
    let before = house.inventory.availability(at(1));
    let first = house.ask([best(0, 4)]).unwrap();
    let second = house.ask([best(0, 4)]).unwrap();
    assert_eq!(house.with(second.items()), ["....", "####"]);
    house.inventory.settle(&second);
    house.inventory.revert(&first);
    let states = |of: &domain::inventory::Availability| of.seats().map(|(_, state)| state).collect::<Vec<_>>();
    assert_eq!(states(&before), [SeatState::Free; 8]);
    assert_eq!(states(&house.inventory.availability(at(1))), [[SeatState::Free; 4], [SeatState::Held; 4]].concat());
    let again = house.ask([best(0, 4)]).unwrap();
    assert_eq!(house.with(again.items()), ["####", "...."]);
}

/// Guards: quantity, flag and section in `Fingerprint::of`.
#[test]
fn best_available_is_part_of_the_fingerprint() {
    let of = |line| Fingerprint::of(EVENT, &Source::Selection(selection([line])));
    let different = [
        of(quantity(0, 2)),
        of(best(0, 2)),
        of(best(0, 3)),
        of(best_in("Section 1", 2)),
        of(best_in("Section 2", 2)),
        of(best(1, 2)),
    ];
    for (index, one) in different.iter().enumerate() {
        assert!(!different[..index].contains(one), "{index}");
    }
    assert_eq!(of(best_in("Section 1", 2)), different[3]);
}
