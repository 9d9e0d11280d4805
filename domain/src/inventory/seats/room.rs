//! Which groups a row has room for, kept beside the states so that a search skips what is full without looking at its seats.
//!
//! A row's summary follows from its words alone and is made again when a seat of it becomes free or stops being so; a block's
//! is the union of its rows'.

use std::ops::Range;

use super::{runs::runs, word::Word};
use crate::seat_maps::geometry::{Geometry, RowShape, WORD, WordShape};

/// Which seats may be given to anyone who does not ask for them by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pool {
    /// Neither accessible seats nor those beside them.
    Ordinary,
    /// All but accessible seats.
    Companion,
    Accessible,
}

impl Pool {
    /// The most ordinary first.
    pub(super) const ALL: [Self; 3] = [Self::Ordinary, Self::Companion, Self::Accessible];

    fn of(self, shape: &WordShape) -> u64 {
        match self {
            Pool::Ordinary => shape.seats & !(shape.accessible | shape.companion),
            Pool::Companion => shape.seats & !shape.accessible,
            Pool::Accessible => shape.seats,
        }
    }
}

/// Groups of neighbours that fit into a row, or into one of the rows of a block; an entry a pool.
#[derive(Clone, Copy, Debug, Default)]
struct Summary {
    /// Bit n - 1: a group of n fits without leaving a single free seat beside it. Larger groups than 64 are not told.
    clean: [u64; 3],
    /// The largest group that fits. Rows of more seats than this can count are none.
    longest: [u16; 3],
}

impl Summary {
    /// Whether a group may fit: certain, but for clean groups of more than 64.
    fn fits(&self, group: usize, pool: Pool, clean: bool) -> bool {
        let pool = pool as usize;
        if clean && group <= WORD {
            self.clean[pool] >> (group - 1) & 1 == 1
        } else {
            usize::from(self.longest[pool]) >= group
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    rows: Vec<Summary>,
    blocks: Vec<Summary>,
    /// Free seats of each row, a count a pool.
    free: Vec<[u32; 3]>,
    /// Their sums of each section.
    free_of_section: Vec<[u32; 3]>,
}

impl Room {
    pub(super) fn of(geometry: &Geometry, words: &[Word]) -> Self {
        let mut room = Self {
            rows: vec![Summary::default(); geometry.rows().len()],
            blocks: vec![Summary::default(); geometry.blocks().len()],
            free: vec![[0; 3]; geometry.rows().len()],
            free_of_section: vec![[0; 3]; geometry.sections().len()],
        };
        (0..geometry.rows().len()).for_each(|row| room.refresh_row(geometry, words, row));
        (0..geometry.blocks().len()).for_each(|block| room.refresh_block(geometry, block));
        room
    }

    /// Looks at a row again.
    pub(super) fn refresh(&mut self, geometry: &Geometry, words: &[Word], row: usize) {
        self.refresh_row(geometry, words, row);
        self.refresh_block(geometry, geometry.rows()[row].block as usize);
    }

    fn refresh_row(&mut self, geometry: &Geometry, words: &[Word], row: usize) {
        let shape = &geometry.rows()[row];
        let view = RowStates::new(geometry, words, shape);
        let section = &mut self.free_of_section[shape.section as usize];
        let mut summary = Summary::default();
        for pool in Pool::ALL {
            let index = pool as usize;
            let free = view.free(pool);
            section[index] = section[index] - self.free[row][index] + free;
            self.free[row][index] = free;
            if index > 0 && free == self.free[row][index - 1] {
                // Most rows have no accessible seat: what was found for one pool holds for the next.
                summary.clean[index] = summary.clean[index - 1];
                summary.longest[index] = summary.longest[index - 1];
                continue;
            }
            for run in view.runs(pool) {
                summary.clean[index] |= run.clean_groups();
                let longest = u16::try_from(run.seats.len()).unwrap_or(u16::MAX);
                summary.longest[index] = summary.longest[index].max(longest);
            }
        }
        self.rows[row] = summary;
    }

    fn refresh_block(&mut self, geometry: &Geometry, block: usize) {
        let mut union = Summary::default();
        for row in &self.rows[geometry.blocks()[block].clone()] {
            for pool in 0..3 {
                union.clean[pool] |= row.clean[pool];
                union.longest[pool] = union.longest[pool].max(row.longest[pool]);
            }
        }
        self.blocks[block] = union;
    }

    /// Free seats of a section.
    pub(super) fn free(&self, section: usize, pool: Pool) -> u32 {
        self.free_of_section[section][pool as usize]
    }

    /// The largest group that fits into one of the blocks.
    pub(super) fn longest(&self, blocks: Range<usize>, pool: Pool) -> usize {
        let longest = self.blocks[blocks].iter().map(|block| block.longest[pool as usize]).max();
        usize::from(longest.unwrap_or(0))
    }

    /// Rows of the blocks into which the group may fit, best first.
    pub(super) fn rows(
        &self,
        geometry: &Geometry,
        blocks: Range<usize>,
        group: usize,
        pool: Pool,
        clean: bool,
    ) -> impl Iterator<Item = usize> {
        blocks
            .filter(move |block| self.blocks[*block].fits(group, pool, clean))
            .flat_map(|block| geometry.blocks()[block].clone())
            .filter(move |row| self.rows[*row].fits(group, pool, clean))
    }
}

/// The seats of one row with their states.
pub(super) struct RowStates<'a> {
    shapes: &'a [WordShape],
    words: &'a [Word],
}

/// Neighbouring free seats of a pool.
pub(super) struct Run {
    seats: Range<usize>,
    /// The columns of all free seats around them, whatever their pool.
    around: Range<usize>,
}

impl Run {
    /// Whether a group from column `at` leaves a single free seat beside it.
    fn is_clean(&self, at: usize, group: usize) -> bool {
        at != self.around.start + 1 && at + group + 1 != self.around.end
    }

    /// Where a group fits.
    pub(super) fn starts(&self, group: usize, clean: bool) -> impl Iterator<Item = usize> {
        let ends = (self.seats.end + 1).saturating_sub(group);
        (self.seats.start..ends).filter(move |at| !clean || self.is_clean(*at, group))
    }

    /// As in [`Summary`].
    fn clean_groups(&self) -> u64 {
        let ones = |count: usize| if count >= WORD { u64::MAX } else { (1 << count) - 1 };
        let seats = self.seats.len();
        if self.seats == self.around {
            // All of it, or at most all but two, from one of its ends.
            let all = if seats <= WORD { 1 << (seats - 1) } else { 0 };
            return ones(seats.saturating_sub(2)) | all;
        }
        (1..=seats.min(WORD))
            .filter(|group| self.starts(*group, true).next().is_some())
            .fold(0, |groups, group| groups | 1 << (group - 1))
    }
}

impl<'a> RowStates<'a> {
    pub(super) fn new(geometry: &'a Geometry, words: &'a [Word], shape: &RowShape) -> Self {
        Self { shapes: &geometry.words()[shape.words()], words: &words[shape.words()] }
    }

    fn free(&self, pool: Pool) -> u32 {
        self.words.iter().zip(self.shapes).map(|(word, shape)| (word.free & pool.of(shape)).count_ones()).sum()
    }

    fn is_free(&self, column: usize) -> bool {
        self.words.get(column / WORD).is_some_and(|word| word.free >> (column % WORD) & 1 == 1)
    }

    /// From the left.
    pub(super) fn runs(&self, pool: Pool) -> impl Iterator<Item = Run> {
        let word = move |index: usize| self.words[index].free & pool.of(&self.shapes[index]);
        runs(self.words.len(), word).map(move |seats| {
            let mut around = seats.clone();
            while around.start > 0 && self.is_free(around.start - 1) {
                around.start -= 1;
            }
            while self.is_free(around.end) {
                around.end += 1;
            }
            Run { seats, around }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards: both parts of the closed form. A summary that tells too much costs a search in vain, too little a good place.
    #[test]
    fn an_ordinary_run_tells_exactly_the_groups_that_fit() {
        for seats in 1..200 {
            let run = Run { seats: 3..3 + seats, around: 3..3 + seats };
            let fits = |group: &usize| run.starts(*group, true).next().is_some();
            let groups = (1..=WORD).filter(fits).fold(0, |groups, group| groups | 1 << (group - 1));
            assert_eq!(run.clean_groups(), groups, "{seats} seats");
        }
    }
}
