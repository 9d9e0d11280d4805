//! The state of each seat of an event, as bits of its row's words.

mod best;
mod room;
mod runs;
mod word;

use std::sync::Arc;

use room::Room;
use word::Word;

use crate::{
    bookings::Item,
    events::TicketType,
    ids::SeatId,
    seat_maps::{
        Seat, SeatMap,
        geometry::{Geometry, WORD},
    },
    selection::SectionRef,
};
pub(super) use best::Draft;
pub use word::SeatState;

/// The states of all seats, shared with the published snapshots and copied when they change under one.
#[derive(Clone, Debug, Default)]
pub(super) struct SeatStates(Arc<Vec<Word>>);

impl SeatStates {
    fn free(geometry: &Geometry) -> Self {
        let word = |seats| Word { free: seats, ..Word::default() };
        Self(Arc::new(geometry.words().iter().map(|shape| word(shape.seats)).collect()))
    }

    /// Of the seat at a bit of the map.
    pub(super) fn at(&self, slot: usize) -> SeatState {
        let (word, bit) = (&self.0[slot / WORD], 1 << (slot % WORD));
        if word.free & bit != 0 {
            SeatState::Free
        } else if word.sold & bit != 0 {
            SeatState::Sold
        } else if word.held & bit != 0 {
            SeatState::Held
        } else {
            SeatState::Pending
        }
    }
}

/// All seats of an event.
#[derive(Clone, Debug)]
pub(super) struct Seats {
    map: Option<Arc<SeatMap>>,
    states: SeatStates,
    /// Where there is room, always as the states have it.
    room: Room,
    /// Seats of each section that the ledger has as held or sold.
    taken: Vec<u32>,
}

impl Seats {
    /// The seats of `map` with the claims of the ledger; true for sold.
    pub(super) fn load(map: Option<Arc<SeatMap>>, claims: &[(SeatId, bool)]) -> Result<Self, String> {
        let Some(map) = map else {
            return match claims.first() {
                None => Ok(Self { map: None, states: SeatStates::default(), room: Room::default(), taken: Vec::new() }),
                Some((seat, _)) => Err(format!("seat {seat} is claimed, and the event has no seat map")),
            };
        };
        let geometry = map.geometry();
        let mut states = SeatStates::free(geometry);
        let words = Arc::make_mut(&mut states.0);
        let mut taken = vec![0; geometry.sections().len()];
        for (seat, sold) in claims {
            let index = map.index_of(*seat);
            let index = index.ok_or_else(|| format!("claimed seat {seat} is not on the event's seat map"))?;
            let slot = geometry.slot(index);
            let (word, bit) = (&mut words[slot / WORD], 1 << (slot % WORD));
            taken[geometry.section_of(slot)] += u32::from(!word.is_taken(bit));
            word.set(bit, if *sold { SeatState::Sold } else { SeatState::Held });
        }
        let room = Room::of(geometry, words);
        Ok(Self { map: Some(map), states, room, taken })
    }

    /// The sections of the map that the ticket type sells, or the one of them that is asked for.
    pub(super) fn sections(&self, ticket_type: &TicketType, asked: Option<&SectionRef>) -> Vec<usize> {
        let Some(map) = &self.map else { return Vec::new() };
        let sections = map.geometry().sections().iter().enumerate();
        sections
            .filter(|(_, section)| ticket_type.sections.contains(&section.id))
            .filter(|(_, section)| asked.is_none_or(|asked| asked.means(section.id, &section.name)))
            .map(|(index, _)| index)
            .collect()
    }

    /// Seats of these sections.
    pub(super) fn in_sections(&self, sections: &[usize]) -> u32 {
        let Some(map) = &self.map else { return 0 };
        sections.iter().map(|section| map.geometry().sections()[*section].seats).sum()
    }

    /// Seats of these sections that are free in the ledger.
    pub(super) fn free_in_ledger(&self, sections: &[usize]) -> u32 {
        let Some(map) = &self.map else { return 0 };
        let shapes = map.geometry().sections();
        sections.iter().map(|section| shapes[*section].seats.saturating_sub(self.taken[*section])).sum()
    }

    /// A seat's place on the map.
    pub(super) fn find(&self, seat: SeatId) -> Option<(usize, &Arc<Seat>, SeatState)> {
        let map = self.map.as_ref()?;
        let index = map.index_of(seat)?;
        Some((index, &map.seats()[index], self.states.at(map.geometry().slot(index))))
    }

    pub(super) fn set(&mut self, items: &[Item], state: SeatState) {
        let Some(map) = self.map.clone() else { return };
        self.mark(items.iter().filter_map(|item| map.index_of(item.seat.as_ref()?.id)), state);
    }

    /// Sets seats by their places on the map.
    fn mark(&mut self, seats: impl Iterator<Item = usize>, state: SeatState) {
        let Some(map) = &self.map else { return };
        let mut seats = seats.peekable();
        if seats.peek().is_none() {
            return;
        }
        let geometry = map.geometry();
        let words = Arc::make_mut(&mut self.states.0);
        let mut changed = None;
        for seat in seats {
            let slot = geometry.slot(seat);
            let (shape, word, bit) = (&geometry.words()[slot / WORD], &mut words[slot / WORD], 1 << (slot % WORD));
            let (before, was_taken) = (word.free, word.is_taken(bit));
            word.set(bit, state);
            if word.is_taken(bit) != was_taken {
                let section = &mut self.taken[geometry.section_of(slot)];
                *section = if was_taken { section.saturating_sub(1) } else { *section + 1 };
            }
            if word.free == before {
                continue;
            }
            // Seats of one request are mostly neighbours: their row is looked at once.
            if let Some(row) = changed.replace(shape.row as usize).filter(|row| *row != shape.row as usize) {
                self.room.refresh(geometry, words, row);
            }
        }
        if let Some(row) = changed {
            self.room.refresh(geometry, words, row);
        }
    }

    pub(super) fn map(&self) -> Option<&Arc<SeatMap>> {
        self.map.as_ref()
    }

    pub(super) fn states(&self) -> &SeatStates {
        &self.states
    }
}
