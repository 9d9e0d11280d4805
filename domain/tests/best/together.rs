//! Lines of one request that want seats of the same sections.

use std::collections::HashSet;

use domain::{
    events::{SalePlan, TicketType},
    inventory::Inventory,
    ledger::LoadedInventory,
    refusal::Refusal,
    selection::{RawBlockLine, RawLine, Selection},
};
use proptest::{collection::vec, prelude::*};

use super::house::{House, best};
use crate::support::builders::{
    ALICE, at, block, fresh, hold, seat_id, seated_plan, seats, section_id, selection, ticket_type, type_id,
};

/// Guards: that a refusal of one line after the other is not the last word.
#[test]
fn a_line_with_the_wider_choice_makes_room_for_the_other() {
    for rows in [["..", "", "..."], ["...", "", ".."]] {
        for narrow in [1, 2] {
            let wide = if rows[0].len() == 2 && narrow == 2 || rows[0].len() == 3 && narrow == 1 { 2 } else { 3 };
            let mut house = House::draw(&rows);
            let entry = house.ask([best(0, wide), best(narrow, 5 - wide)]);
            assert!(entry.is_ok(), "{rows:?} {narrow} {entry:?}");
        }
    }
    let mut house = House::draw(&["..", "", "..."]);
    let entry = house.ask([best(0, 2), best(1, 2)]).unwrap();
    assert_eq!(house.with(entry.items()), ["##", "", "##."]);
    let types: Vec<_> = entry.items().iter().map(|item| item.ticket_type_id).collect();
    assert_eq!(types, [0, 0, 1, 1].map(type_id), "items in the order of the lines");
}

/// Guards: the steps of an augmenting path. Of three lines with two sections each no one is narrower than another.
#[test]
fn lines_move_on_for_each_other() {
    let sold_by = |n: usize, sections: &[usize]| TicketType {
        seated: true,
        sections: sections.iter().map(|n| section_id(*n)).collect(),
        ..ticket_type(n)
    };
    let plan = seated_plan(&[1, 1, 2]);
    let types = vec![sold_by(0, &[0, 1]), sold_by(1, &[0, 2]), sold_by(2, &[1, 2])];
    let inventory = Inventory::load(fresh(SalePlan { ticket_types: types, ..plan })).unwrap();
    let ask = |quantities: [u32; 3]| {
        let lines = (0..3).zip(quantities).map(|(n, quantity)| best(n, quantity));
        inventory.decide(&hold(ALICE, selection(lines)), at(1))
    };
    for granted in [[1, 1, 1], [2, 1, 1], [1, 2, 1], [1, 1, 2], [1, 2, 1]] {
        assert!(ask(granted).is_ok(), "{granted:?}");
    }
    let refused = ask([2, 2, 1]).unwrap_err();
    assert!(matches!(refused, Refusal::SoldOut { .. }), "{refused:?}");
}

/// Guards: whole sections after the best of others, where there is no other way.
#[test]
fn a_whole_section_is_what_the_best_of_another_line_leave_of_it() {
    let mut plan = seated_plan(&[4]);
    plan.ticket_types.push(TicketType { id: type_id(1), ..plan.ticket_types[0].clone() });
    let inventory = Inventory::load(fresh(plan)).unwrap();
    let whole = RawBlockLine {
        line: RawLine { section: Some("section 0".to_owned()), seat_ids: None, ..seats(0, &[]) },
        whole_section: true,
    };
    let some = |quantity| RawBlockLine { line: best(1, quantity), whole_section: false };
    let ask = |lines| inventory.decide(&block(ALICE, Selection::parse_block(lines).unwrap()), at(1));
    let entry = ask(vec![whole.clone(), some(2)]).unwrap();
    let types: Vec<_> = entry.items().iter().map(|item| item.ticket_type_id).collect();
    assert_eq!(types, [0, 0, 1, 1].map(type_id));
    assert!(ask(vec![whole, some(4)]).is_err(), "nothing is left of the section");
}

/// Seats of each section, those that are taken, and of each line how many seats and which sections.
#[derive(Clone, Debug)]
struct Case {
    house: Vec<usize>,
    taken: Vec<usize>,
    lines: Vec<(u32, Vec<bool>)>,
}

fn case() -> impl Strategy<Value = Case> {
    (vec(1..5usize, 1..5), vec(0..16usize, 0..4), vec((1..5u32, vec(any::<bool>(), 4)), 2..5))
        .prop_map(|(house, taken, lines)| Case { house, taken, lines })
}

/// Every way to take the seats of the first line, then those of the rest.
fn is_possible(lines: &[(u32, Vec<bool>)], free: &mut [u32]) -> bool {
    let Some(((asked, sections), rest)) = lines.split_first() else { return true };
    if *asked == 0 {
        return is_possible(rest, free);
    }
    let less = [&[(*asked - 1, sections.clone())], rest].concat();
    (0..free.len()).filter(|section| sections[*section]).any(|section| {
        if free[section] == 0 {
            return false;
        }
        free[section] -= 1;
        let is = is_possible(&less, free);
        free[section] += 1;
        is
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Guards: the whole of it. A request is granted exactly if there is a way to grant it, and each line gets what it sells.
    #[test]
    fn lines_are_granted_whenever_there_is_a_way(case in case()) {
        let of_line = |(n, (_, sections)): (usize, &(u32, Vec<bool>))| TicketType {
            seated: true,
            sections: (0..case.house.len()).filter(|of| sections[*of]).map(section_id).collect(),
            ..ticket_type(n)
        };
        let plan = SalePlan {
            ticket_types: case.lines.iter().enumerate().map(of_line).collect(),
            ..seated_plan(&case.house)
        };
        let section_of = |seat: usize| {
            let ends = case.house.iter().scan(0, |end, seats| { *end += seats; Some(*end) });
            ends.enumerate().find(|(_, end)| seat < *end).map(|(section, _)| section)
        };
        let taken: HashSet<usize> = case.taken.iter().copied().filter(|seat| section_of(*seat).is_some()).collect();
        let mut free: Vec<u32> = case.house.iter().map(|seats| *seats as u32).collect();
        taken.iter().for_each(|seat| free[section_of(*seat).unwrap()] -= 1);
        let claims = taken.iter().map(|seat| (seat_id(*seat), true)).collect();
        let inventory = Inventory::load(LoadedInventory { claims, ..fresh(plan) }).unwrap();
        let lines = case.lines.iter().enumerate().map(|(n, (asked, _))| best(n, *asked));
        let decided = inventory.decide(&hold(ALICE, selection(lines)), at(1));
        prop_assert_eq!(decided.is_ok(), is_possible(&case.lines, &mut free), "{:?}", decided);
        let Ok(entry) = decided else { return Ok(()) };
        let expected: Vec<_> =
            case.lines.iter().enumerate().flat_map(|(n, (asked, _))| vec![n; *asked as usize]).collect();
        prop_assert_eq!(entry.items().len(), expected.len());
        let mut given = taken;
        for (item, line) in entry.items().iter().zip(expected) {
            prop_assert_eq!(item.ticket_type_id, type_id(line));
            let id = item.seat.as_ref().unwrap().id;
            let seat = (0..16).find(|seat| seat_id(*seat) == id).unwrap();
            prop_assert!(given.insert(seat), "seat {} is given twice", seat);
            prop_assert!(case.lines[line].1[section_of(seat).unwrap()], "line {} does not sell seat {}", line, seat);
        }
    }
}
