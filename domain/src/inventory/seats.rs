//! The state of each seat of an event.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    bookings::Item,
    ids::SeatId,
    seat_maps::{Seat, SeatMap},
};

/// Whether a seat can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SeatState {
    /// It can.
    Free,
    /// Taken by a decision that the ledger has not answered yet; shown as held.
    #[serde(rename = "HELD")]
    Pending,
    /// Kept by a hold or by a booking that waits for its payment.
    Held,
    /// Somebody's.
    Sold,
}

/// All seats of an event. The states are shared with the published snapshots and copied when they change under one.
#[derive(Debug)]
pub(super) struct Seats {
    map: Option<Arc<SeatMap>>,
    states: Arc<Vec<SeatState>>,
}

impl Seats {
    pub(super) fn new(map: Option<Arc<SeatMap>>) -> Self {
        let count = map.as_ref().map_or(0, |map| map.seats().len());
        Self { map, states: Arc::new(vec![SeatState::Free; count]) }
    }

    /// Enters a claim of the ledger.
    pub(super) fn load(&mut self, seat: SeatId, sold: bool) -> Result<(), String> {
        let index = self.map.as_ref().and_then(|map| map.index_of(seat));
        let index = index.ok_or_else(|| format!("claimed seat {seat} is not on the event's seat map"))?;
        Arc::make_mut(&mut self.states)[index] = if sold { SeatState::Sold } else { SeatState::Held };
        Ok(())
    }

    pub(super) fn find(&self, seat: SeatId) -> Option<(&Arc<Seat>, SeatState)> {
        let map = self.map.as_ref()?;
        let index = map.index_of(seat)?;
        Some((&map.seats()[index], self.states[index]))
    }

    pub(super) fn set(&mut self, items: &[Item], state: SeatState) {
        let Some(map) = &self.map else { return };
        let indexes = items.iter().filter_map(|item| map.index_of(item.seat.as_ref()?.id));
        let mut indexes = indexes.peekable();
        if indexes.peek().is_some() {
            let states = Arc::make_mut(&mut self.states);
            indexes.for_each(|index| states[index] = state);
        }
    }

    pub(super) fn map(&self) -> Option<&Arc<SeatMap>> {
        self.map.as_ref()
    }

    pub(super) fn states(&self) -> &Arc<Vec<SeatState>> {
        &self.states
    }
}
