//! Seat maps: venue → section → row → seat.

use std::{collections::HashMap, sync::Arc};

use crate::ids::{SeatId, SeatMapId, SectionId};

/// One chair, with the words that lead a guest to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its id.
    pub id: SeatId,
    /// The section it is in.
    pub section_id: SectionId,
    /// The section's name.
    pub section: Arc<str>,
    /// The row's label.
    pub row: Arc<str>,
    /// The seat's own label.
    pub label: Box<str>,
    /// For guests who use a wheelchair.
    pub accessible: bool,
}

/// All seats of one version of a drawing, best row first; shared by the events that use it.
#[derive(Debug)]
pub struct SeatMap {
    /// Its id.
    pub id: SeatMapId,
    seats: Vec<Arc<Seat>>,
    by_id: HashMap<SeatId, u32>,
}

impl SeatMap {
    /// A map of `seats`, in the order section, row, seat.
    pub fn new(id: SeatMapId, seats: Vec<Seat>) -> Self {
        let by_id = seats.iter().zip(0..).map(|(seat, index)| (seat.id, index)).collect();
        Self { id, seats: seats.into_iter().map(Arc::new).collect(), by_id }
    }

    /// Every seat, in the order section, row, seat.
    pub fn seats(&self) -> &[Arc<Seat>] {
        &self.seats
    }

    /// The place of a seat in [`SeatMap::seats`].
    pub fn index_of(&self, seat: SeatId) -> Option<usize> {
        self.by_id.get(&seat).map(|index| *index as usize)
    }

    /// The seat with that id.
    pub fn get(&self, seat: SeatId) -> Option<&Arc<Seat>> {
        self.index_of(seat).map(|index| &self.seats[index])
    }
}
