//! Versions of a seat map: whatever is drawn after whatever, nobody who has a seat finds it moved.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails where it stands")]

use std::collections::{HashMap, HashSet};

use domain::{
    ids::{SeatId, SeatMapVersionId, SectionId},
    seat_maps::{
        drawing::{Drawing, Identities},
        layout::{Layout, Row, Seat, Section},
    },
};
use proptest::prelude::*;

/// Few words, so that versions have much in common.
fn layout() -> impl Strategy<Value = Layout> {
    let seats = proptest::collection::btree_map(0..6u8, (1..3i32, proptest::bool::weighted(0.2)), 1..6);
    let rows = proptest::collection::btree_map(0..4u8, (1..3i32, seats), 1..4);
    let sections = proptest::collection::btree_map(0..3u8, (rows, any::<u8>()), 1..4);
    sections.prop_map(|sections| {
        let mut sections: Vec<_> = sections.into_iter().collect();
        sections.sort_by_key(|(_, (_, order))| *order);
        let section = |(name, (rows, _)): (u8, (std::collections::BTreeMap<u8, _>, u8))| Section {
            name: format!("Section {name}"),
            rows: placed(rows).map(|(label, position, seats)| row(label, position, seats)).collect(),
        };
        Layout::parse("sections", sections.into_iter().map(section).collect()).unwrap()
    })
}

fn row(label: u8, position: i32, seats: std::collections::BTreeMap<u8, (i32, bool)>) -> Row {
    let seat = |(label, position, accessible): (u8, i32, bool)| Seat { label: label.to_string(), position, accessible };
    Row { label: label.to_string(), position, seats: placed(seats).map(seat).collect() }
}

/// Gaps as positions.
fn placed<T>(things: std::collections::BTreeMap<u8, (i32, T)>) -> impl Iterator<Item = (u8, i32, T)> {
    let mut position = -1;
    things.into_iter().map(move |(label, (gap, thing))| {
        position += gap;
        (label, position, thing)
    })
}

/// Where each seat is, by its words: its id, the row's position, its own, and whether it is accessible.
type Places = HashMap<(String, String, String), (SeatId, SectionId, i32, i32, bool)>;

fn places(drawing: &Drawing) -> Places {
    let seats = drawing.rows().iter().flat_map(|row| row.seats.iter().map(move |seat| (row.position, seat)));
    let place = |(row, (position, seat)): (i32, &(i32, domain::seat_maps::Seat))| {
        let words = (seat.section.to_string(), seat.row.to_string(), seat.label.to_string());
        (words, (seat.id, seat.section_id, row, *position, seat.accessible))
    };
    seats.map(place).collect()
}

/// Each layout as the version after the ones before.
fn versions(layouts: &[Layout]) -> Vec<Drawing> {
    let mut drawn: Vec<Drawing> = Vec::new();
    for layout in layouts {
        let mut known = Identities::default();
        drawn.iter().rev().for_each(|earlier| known.add(earlier));
        drawn.push(Drawing::next(layout, &known));
    }
    drawn
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Guards: `Drawing::changed_in`, each of its comparisons, and that it names no seat that stays.
    #[test]
    fn a_version_never_moves_a_seat_that_somebody_has(layouts in proptest::collection::vec(layout(), 2..4), taken in any::<u64>()) {
        let drawn = versions(&layouts);
        for (from, to) in drawn.iter().flat_map(|from| drawn.iter().map(move |to| (from, to))) {
            let (before, after) = (places(from), places(to));
            let changed: HashSet<SeatId> = from.changed_in(to).iter().map(|seat| seat.id).collect();
            let bit = |index: usize| taken >> (index % 64) & 1 == 1;
            let taken: Vec<_> = before.iter().enumerate().filter(|(index, _)| bit(*index)).map(|(_, of)| of).collect();
            if taken.iter().all(|(_, place)| !changed.contains(&place.0)) {
                // The move is allowed: anyone who has a seat has the very same afterwards.
                for (words, place) in taken {
                    prop_assert_eq!(after.get(words), Some(place));
                }
            }
            for (words, place) in &before {
                prop_assert_eq!(changed.contains(&place.0), after.get(words) != Some(place), "{:?}", words);
            }
        }
    }

    /// Guards: `Identities` and `Drawing::next`. Words and ids belong to each other, in whichever versions they are.
    #[test]
    fn the_same_words_are_the_same_seat_in_all_versions(layouts in proptest::collection::vec(layout(), 1..5)) {
        let (mut by_words, mut by_id, mut sections) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (drawing, layout) in versions(&layouts).iter().zip(&layouts) {
            prop_assert_eq!(&drawing.layout(), layout.sections(), "what is drawn is what was said");
            for (words, (id, section, ..)) in places(drawing) {
                prop_assert_eq!(*sections.entry(words.0.clone()).or_insert(section), section);
                prop_assert_eq!(by_words.entry(words.clone()).or_insert(id), &id);
                prop_assert_eq!(by_id.entry(id).or_insert(words.clone()), &words);
            }
            // What an inventory loads has all of them, each once.
            let map = drawing.clone().seat_map(SeatMapVersionId::generate());
            let ids: HashSet<SeatId> = map.seats().iter().map(|seat| seat.id).collect();
            prop_assert_eq!(ids.len(), places(drawing).len());
            prop_assert_eq!(map.seats().len(), ids.len());
            let summed: u32 = drawing.summary().iter().map(|section| section.seats).sum();
            prop_assert_eq!(summed as usize, ids.len());
        }
    }

    /// Guards: `Identities::know`, by which a new version stops looking into older ones.
    #[test]
    fn what_is_known_has_its_ids(first in layout(), second in layout()) {
        let drawn = versions(std::slice::from_ref(&first));
        let mut known = Identities::default();
        known.add(&drawn[0]);
        let next = Drawing::next(&second, &known);
        let all_known = next.rows().iter().flat_map(|row| &row.seats).all(|(_, seat)| known.has_seat(seat.id));
        prop_assert_eq!(known.know(&second), all_known);
    }
}
