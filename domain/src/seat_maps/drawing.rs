//! One version of a seat map as it is kept, and what stays the same from one version to another.
//!
//! A seat is the same in all versions that call it the same: section, row, label. It keeps its id through all of them, so what
//! is held and sold names it whichever version its event sells. A version never changes.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Seat, SeatMap,
    layout::{self, Layout},
};
use crate::{
    ids::{SeatId, SeatMapVersionId, SectionId},
    text,
};

/// A row with its place and those of its seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnRow {
    /// Counted from the stage.
    pub position: i32,
    /// Each with its position in the row; at least one.
    pub seats: Vec<(i32, Seat)>,
}

/// A section in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionSummary {
    /// Its id, by which ticket types name what they sell.
    pub id: SectionId,
    pub name: Arc<str>,
    /// How many rows it has.
    pub rows: u32,
    /// How many seats it has.
    pub seats: u32,
    /// How many of them are for guests who use a wheelchair.
    pub accessible: u32,
}

/// All rows of one version, in the order section, row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing(Vec<DrawnRow>);

impl Drawing {
    /// Of rows in the order section, row.
    pub fn of_rows(rows: Vec<DrawnRow>) -> Self {
        Self(rows.into_iter().filter(|row| !row.seats.is_empty()).collect())
    }

    /// The next version: `layout`, where what earlier versions have keeps its id.
    pub fn next(layout: &Layout, known: &Identities) -> Self {
        let mut rows = Vec::new();
        for section in layout.sections() {
            let before = known.sections.get(section.name.as_str());
            let section_id = before.map_or_else(SectionId::generate, |before| before.id);
            let name: Arc<str> = section.name.as_str().into();
            for row in &section.rows {
                let before = before.and_then(|before| before.rows.get(row.label.as_str()));
                let label: Arc<str> = row.label.as_str().into();
                let seat = |seat: &layout::Seat| {
                    let id = before.and_then(|before| before.get(seat.label.as_str())).copied();
                    let id = id.unwrap_or_else(SeatId::generate);
                    let (section, row, accessible) = (name.clone(), label.clone(), seat.accessible);
                    (
                        seat.position,
                        Seat { id, section_id, section, row, label: seat.label.as_str().into(), accessible },
                    )
                };
                rows.push(DrawnRow { position: row.position, seats: row.seats.iter().map(seat).collect() });
            }
        }
        Self(rows)
    }

    pub fn rows(&self) -> &[DrawnRow] {
        &self.0
    }

    /// Rows that follow each other and are of one section.
    pub fn sections(&self) -> impl Iterator<Item = &[DrawnRow]> {
        self.0.chunk_by(|row, next| row.seats[0].1.section_id == next.seats[0].1.section_id)
    }

    /// What there is to sell, by section.
    pub fn summary(&self) -> Vec<SectionSummary> {
        let of = |rows: &[DrawnRow]| {
            let (first, seats) = (&rows[0].seats[0].1, || rows.iter().flat_map(|row| &row.seats));
            SectionSummary {
                id: first.section_id,
                name: first.section.clone(),
                rows: rows.len() as u32,
                seats: seats().count() as u32,
                accessible: seats().filter(|(_, seat)| seat.accessible).count() as u32,
            }
        };
        self.sections().map(of).collect()
    }

    /// What an export writes.
    pub fn layout(&self) -> Vec<layout::Section> {
        let seat = |(position, seat): &(i32, Seat)| layout::Seat {
            label: seat.label.to_string(),
            position: *position,
            accessible: seat.accessible,
        };
        let row = |row: &DrawnRow| layout::Row {
            label: row.seats[0].1.row.to_string(),
            position: row.position,
            seats: row.seats.iter().map(seat).collect(),
        };
        let section = |rows: &[DrawnRow]| layout::Section {
            name: rows[0].seats[0].1.section.to_string(),
            rows: rows.iter().map(row).collect(),
        };
        self.sections().map(section).collect()
    }

    /// As inventories use it.
    pub fn seat_map(self, id: SeatMapVersionId) -> SeatMap {
        SeatMap::of_rows(id, self.0.into_iter().map(|row| row.seats).collect())
    }

    /// The seats that `next` does not have as they are here: gone, elsewhere, or other than they were. Anyone who has one of these
    /// would find it moved.
    pub fn changed_in(&self, next: &Self) -> Vec<Seat> {
        let placed = |row: &DrawnRow, position: i32| (row.position, position);
        let there: HashMap<SeatId, _> =
            next.seats().map(|(row, position, seat)| (seat.id, (placed(row, position), seat))).collect();
        let changed = self.seats().filter(|(row, position, seat)| {
            // The same id says that the words are the same; an earlier version may have them in another form.
            let other = |same: &Seat| same.accessible != seat.accessible;
            there.get(&seat.id).is_none_or(|(place, same)| *place != placed(row, *position) || other(same))
        });
        changed.map(|(.., seat)| seat.clone()).collect()
    }

    fn seats(&self) -> impl Iterator<Item = (&DrawnRow, i32, &Seat)> {
        self.0.iter().flat_map(|row| row.seats.iter().map(move |(position, seat)| (row, *position, seat)))
    }
}

/// The ids of what earlier versions of a map have, by their words in the form that a layout has them in: versions that were drawn before
/// words were normalised have what was typed.
#[derive(Debug, Default)]
pub struct Identities {
    sections: HashMap<Arc<str>, KnownSection>,
    seats: HashSet<SeatId>,
    section_ids: HashSet<SectionId>,
}

#[derive(Debug)]
struct KnownSection {
    id: SectionId,
    rows: HashMap<Arc<str>, HashMap<Box<str>, SeatId>>,
}

/// The word itself when it has that form.
fn normalised(word: &Arc<str>) -> Arc<str> {
    let text = text::normalised(word);
    if *text == **word { Arc::clone(word) } else { (*text).into() }
}

impl Identities {
    /// Learns what one version has.
    pub fn add(&mut self, drawing: &Drawing) {
        for (.., seat) in drawing.seats() {
            let section = self.sections.entry(normalised(&seat.section));
            let section = section.or_insert_with(|| KnownSection { id: seat.section_id, rows: HashMap::new() });
            let row = section.rows.entry(normalised(&seat.row)).or_default();
            row.entry((*text::normalised(&seat.label)).into()).or_insert(seat.id);
            self.section_ids.insert(seat.section_id);
            self.seats.insert(seat.id);
        }
    }

    /// Whether an earlier version has this seat.
    pub fn has_seat(&self, id: SeatId) -> bool {
        self.seats.contains(&id)
    }

    /// Whether an earlier version has this section.
    pub fn has_section(&self, id: SectionId) -> bool {
        self.section_ids.contains(&id)
    }

    /// Whether all of `layout` is known, so that no further version can tell more.
    pub fn know(&self, layout: &Layout) -> bool {
        layout.sections().iter().all(|section| {
            let known = self.sections.get(section.name.as_str());
            section.rows.iter().all(|row| {
                let known = known.and_then(|known| known.rows.get(row.label.as_str()));
                known.is_some_and(|known| row.seats.iter().all(|seat| known.contains_key(seat.label.as_str())))
            })
        })
    }
}
