//! Where the seats of a map are, as bits: a row is one word or several, a column one bit, an aisle a column without a seat.

use std::{ops::Range, sync::Arc};

use super::seat::Seat;
use crate::ids::SectionId;

pub(crate) const WORD: usize = u64::BITS as usize;

/// Rows that are looked at as one before each is. Near the square root of the rows of a large house, so that neither the
/// blocks nor the rows of one take long.
const ROWS_A_BLOCK: usize = 64;

/// Up to 64 columns of one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WordShape {
    /// Columns that have a seat.
    pub(crate) seats: u64,
    /// Those for guests who use a wheelchair.
    pub(crate) accessible: u64,
    /// Those beside them, where their company sits.
    pub(crate) companion: u64,
    /// The place in the map of the first seat.
    first_seat: u32,
    /// Which row it belongs to.
    pub(crate) row: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct RowShape {
    first_word: u32,
    words: u32,
    /// Seats and aisles.
    pub(crate) columns: u32,
    /// Which block it belongs to.
    pub(crate) block: u32,
    /// Which section it belongs to.
    pub(crate) section: u32,
}

impl RowShape {
    pub(crate) fn words(&self) -> Range<usize> {
        self.first_word as usize..(self.first_word + self.words) as usize
    }
}

/// Neighbouring rows of one section.
#[derive(Clone, Debug)]
pub(crate) struct SectionShape {
    pub(crate) id: SectionId,
    pub(crate) name: Arc<str>,
    /// Its blocks of rows.
    pub(crate) blocks: Range<usize>,
    /// How many seats it has.
    pub(crate) seats: u32,
}

/// See the module's page. Everything is in the order of the map: best first.
#[derive(Debug, Default)]
pub(crate) struct Geometry {
    /// The bit of each seat, counted from the first bit of the first word.
    slots: Vec<u32>,
    words: Vec<WordShape>,
    rows: Vec<RowShape>,
    /// The rows of each block.
    blocks: Vec<Range<usize>>,
    sections: Vec<SectionShape>,
}

impl Geometry {
    /// Adds the next row; each seat comes with its position, and a gap between positions is an aisle.
    pub(super) fn add_row(&mut self, seats: &[(i32, Seat)]) {
        let Some((_, first)) = seats.first() else { return };
        let (block, section) = self.block_of_next_row(first);
        self.sections[section as usize].seats += seats.len() as u32;
        let columns = columns(seats);
        let width = columns.last().map_or(0, |last| last + 1);
        let (first_word, first_seat, row) = (self.words.len(), self.slots.len(), self.rows.len() as u32);
        for word in 0..width.div_ceil(WORD) {
            let before = columns.partition_point(|column| *column < word * WORD);
            let first_seat = (first_seat + before) as u32;
            self.words.push(WordShape { seats: 0, accessible: 0, companion: 0, first_seat, row });
        }
        let beside = |column: usize, other: Option<usize>| {
            other.is_some_and(|other| columns[other].abs_diff(column) == 1 && seats[other].1.accessible)
        };
        for (index, column) in columns.iter().enumerate() {
            let (word, bit) = (first_word + column / WORD, 1 << (column % WORD));
            self.words[word].seats |= bit;
            if seats[index].1.accessible {
                self.words[word].accessible |= bit;
            } else if beside(*column, index.checked_sub(1))
                || beside(*column, Some(index + 1).filter(|next| *next < seats.len()))
            {
                self.words[word].companion |= bit;
            }
            self.slots.push((first_word * WORD + column) as u32);
        }
        let words = (self.words.len() - first_word) as u32;
        self.rows.push(RowShape { first_word: first_word as u32, words, columns: width as u32, block, section });
    }

    /// Blocks do not cross sections, because a search may be for one section only.
    fn block_of_next_row(&mut self, seat: &Seat) -> (u32, u32) {
        let (row, block) = (self.rows.len(), self.blocks.len());
        if self.sections.last().is_none_or(|last| last.id != seat.section_id) {
            let name = seat.section.clone();
            self.sections.push(SectionShape { id: seat.section_id, name, blocks: block..block, seats: 0 });
        }
        let section = self.sections.len() - 1;
        if let Some(shape) = self.sections.last_mut()
            && (shape.blocks.is_empty() || self.blocks.last().is_none_or(|rows| rows.len() == ROWS_A_BLOCK))
        {
            shape.blocks.end += 1;
            self.blocks.push(row..row);
        }
        if let Some(rows) = self.blocks.last_mut() {
            rows.end = row + 1;
        }
        ((self.blocks.len() - 1) as u32, section as u32)
    }

    /// The bit of a seat.
    pub(crate) fn slot(&self, seat: usize) -> usize {
        self.slots[seat] as usize
    }

    /// The section of a bit.
    pub(crate) fn section_of(&self, slot: usize) -> usize {
        self.rows[self.words[slot / WORD].row as usize].section as usize
    }

    /// The seat at a bit that has one.
    pub(crate) fn seat_at(&self, slot: usize) -> usize {
        let word = &self.words[slot / WORD];
        let before = word.seats & ((1 << (slot % WORD)) - 1);
        word.first_seat as usize + before.count_ones() as usize
    }

    pub(crate) fn words(&self) -> &[WordShape] {
        &self.words
    }

    pub(crate) fn rows(&self) -> &[RowShape] {
        &self.rows
    }

    pub(crate) fn blocks(&self) -> &[Range<usize>] {
        &self.blocks
    }

    pub(crate) fn sections(&self) -> &[SectionShape] {
        &self.sections
    }
}

/// The column of each seat. However wide an aisle is drawn, one column without a seat keeps its sides apart.
fn columns(seats: &[(i32, Seat)]) -> Vec<usize> {
    let mut columns = Vec::with_capacity(seats.len());
    let mut last: Option<(i32, usize)> = None;
    for (position, _) in seats {
        let column = match last {
            None => 0,
            Some((before, column)) if before.checked_add(1) == Some(*position) => column + 1,
            Some((_, column)) => column + 2,
        };
        columns.push(column);
        last = Some((*position, column));
    }
    columns
}
