//! Seat maps: venue → section → row → seat.

pub mod drawing;
pub(crate) mod geometry;
pub mod layout;
mod seat;

use std::{collections::HashMap, sync::Arc};

use geometry::Geometry;

use crate::ids::{SeatId, SeatMapVersionId};
pub use seat::Seat;

/// All seats of one version of a drawing, best row first; shared by the events that use it.
#[derive(Debug)]
pub struct SeatMap {
    pub id: SeatMapVersionId,
    seats: Vec<Arc<Seat>>,
    by_id: HashMap<SeatId, u32>,
    geometry: Geometry,
}

impl SeatMap {
    /// A map of `seats`, in the order section, row, seat, without aisles. Neighbours whose section and row read the same
    /// are in one row.
    pub fn new(id: SeatMapVersionId, seats: Vec<Seat>) -> Self {
        let mut rows: Vec<Vec<(i32, Seat)>> = Vec::new();
        for seat in seats {
            match rows.last_mut() {
                Some(row) if row[0].1.section_id == seat.section_id && row[0].1.row == seat.row => {
                    row.push((row.len() as i32, seat));
                }
                _ => rows.push(vec![(0, seat)]),
            }
        }
        Self::of_rows(id, rows)
    }

    /// A map of rows, in the order section, row. Each seat comes with its position in the row: a gap between positions is
    /// an aisle, and those at its sides are no neighbours.
    pub fn of_rows(id: SeatMapVersionId, rows: Vec<Vec<(i32, Seat)>>) -> Self {
        let mut geometry = Geometry::default();
        rows.iter().for_each(|row| geometry.add_row(row));
        let seats: Vec<Arc<Seat>> = rows.into_iter().flatten().map(|(_, seat)| Arc::new(seat)).collect();
        let by_id = seats.iter().zip(0..).map(|(seat, index)| (seat.id, index)).collect();
        Self { id, seats, by_id, geometry }
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

    /// Where the seats are.
    pub(crate) fn geometry(&self) -> &Geometry {
        &self.geometry
    }
}
