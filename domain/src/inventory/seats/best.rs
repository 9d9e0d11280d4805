//! The best seats that are free.
//!
//! A group sits side by side in one row. Of all such places the one is given that leaves no single free seat beside it, if
//! there is one anywhere; then the one in the best row, in the order of the map: section, row; then the one nearest to the
//! middle of the row; then the left one. Only what would otherwise not be enough opens the seats beside accessible seats,
//! and after them the accessible seats themselves: being together is no reason to give them away.
//!
//! When no row has enough neighbours, the group is split over as few places as possible: the largest group that fits
//! anywhere is seated by the same rules, then the rest. All seats are granted, or none.

use std::borrow::Cow;

use super::{
    SeatState, Seats,
    room::{Pool, RowStates},
};
use crate::seat_maps::geometry::{Geometry, WORD};

/// The seats as they would be with what one request has already been given.
#[derive(Debug)]
pub(in crate::inventory) struct Draft<'a> {
    seats: Cow<'a, Seats>,
    /// Given, but not marked yet: only a further search needs it, and marking copies everything.
    given: Vec<usize>,
}

impl<'a> Draft<'a> {
    pub(in crate::inventory) fn new(seats: &'a Seats) -> Self {
        Self { seats: Cow::Borrowed(seats), given: Vec::new() }
    }

    /// Gives a seat, by its place on the map.
    pub(in crate::inventory) fn give(&mut self, seat: usize) {
        self.given.push(seat);
    }

    /// Free seats of a section, once all that was given is marked.
    pub(in crate::inventory) fn free(&mut self, section: usize) -> u32 {
        self.mark_given();
        self.seats.room.free(section, Pool::Accessible)
    }

    /// Gives the best seats of the sections, by their places on the map; or says how many are left when that is too few.
    pub(in crate::inventory) fn give_best(&mut self, sections: &[usize], quantity: u32) -> Result<Vec<usize>, u32> {
        self.mark_given();
        let free = |pool| sections.iter().map(|section| self.seats.room.free(*section, pool)).sum::<u32>();
        let Some(pool) = Pool::ALL.into_iter().find(|pool| free(*pool) >= quantity) else {
            return Err(free(Pool::Accessible));
        };
        let mut chosen = Vec::with_capacity(quantity as usize);
        while chosen.len() < quantity as usize {
            self.mark_given();
            let seats = self.seats.best_group(sections, quantity as usize - chosen.len(), pool);
            if seats.is_empty() {
                // The counts say that there is a seat, so there is.
                return Err(0);
            }
            self.given.extend(&seats);
            chosen.extend(seats);
        }
        Ok(chosen)
    }

    /// Gives all seats of the sections that are free, by their places on the map.
    pub(in crate::inventory) fn give_free(&mut self, sections: &[usize]) -> Vec<usize> {
        self.mark_given();
        let free = self.seats.free_in(sections);
        self.given.extend(&free);
        free
    }

    fn mark_given(&mut self) {
        if !self.given.is_empty() {
            self.seats.to_mut().mark(self.given.drain(..), SeatState::Pending);
        }
    }
}

impl Seats {
    /// The best neighbours: as many as were asked for, or the largest group that there is.
    fn best_group(&self, sections: &[usize], most: usize, pool: Pool) -> Vec<usize> {
        let Some(map) = &self.map else { return Vec::new() };
        let geometry = map.geometry();
        let blocks = || sections.iter().map(|section| geometry.sections()[*section].blocks.clone());
        let group = blocks().map(|blocks| self.room.longest(blocks, pool)).max().unwrap_or(0).min(most);
        if group == 0 {
            return Vec::new();
        }
        for clean in [true, false] {
            let rows = blocks().flat_map(|blocks| self.room.rows(geometry, blocks, group, pool, clean));
            if let Some(seats) = rows.filter_map(|row| self.in_row(geometry, row, group, pool, clean)).next() {
                return seats;
            }
        }
        Vec::new()
    }

    fn free_in(&self, sections: &[usize]) -> Vec<usize> {
        let Some(map) = &self.map else { return Vec::new() };
        let geometry = map.geometry();
        let blocks = sections.iter().flat_map(|section| geometry.sections()[*section].blocks.clone());
        let rows = blocks.flat_map(|block| geometry.blocks()[block].clone());
        let words = rows.flat_map(|row| geometry.rows()[row].words());
        let seats = |word: usize| {
            let free = self.states.0[word].free;
            (0..WORD).filter(move |bit| free >> bit & 1 == 1).map(move |bit| geometry.seat_at(word * WORD + bit))
        };
        words.flat_map(seats).collect()
    }

    /// The place of a group that is nearest to the middle of the row.
    fn in_row(&self, geometry: &Geometry, row: usize, group: usize, pool: Pool, clean: bool) -> Option<Vec<usize>> {
        let shape = &geometry.rows()[row];
        let view = RowStates::new(geometry, &self.states.0, shape);
        let starts = view.runs(pool).flat_map(|run| run.starts(group, clean).collect::<Vec<_>>());
        // Twice the distance, which is a whole number. Of equals the first is kept, which is the left one.
        let at = starts.min_by_key(|at| (2 * at + group).abs_diff(shape.columns as usize))?;
        let first = geometry.seat_at(shape.words().start * WORD + at);
        Some((first..first + group).collect())
    }
}
