//! What anybody may know of an inventory, published after each commit and read without asking it.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Inventory, SeatState, seats::SeatStates};
use crate::{
    events::EventStatus,
    ids::{EventId, TicketTypeId},
    sales::{SaleState, is_few},
    seat_maps::{Seat, SeatMap},
};

/// Counters of one ticket type; types that share a quota show the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketTypeAvailability {
    /// Which ticket type.
    pub id: TicketTypeId,
    /// Places of its quota.
    pub capacity: u32,
    /// Held, or waiting for payment.
    pub held: u32,
    /// Sold.
    pub sold: u32,
    /// What can be bought now: neither, as long as the event is on sale; 0 for one that is cancelled or over.
    pub available: u32,
}

impl TicketTypeAvailability {
    /// The same in one word, for sites that show no numbers.
    pub fn state(&self) -> SaleState {
        match self.available {
            0 if self.held.saturating_add(self.sold) < self.capacity => SaleState::NotOnSale,
            0 => SaleState::SoldOut,
            left if is_few(u64::from(left), u64::from(self.capacity)) => SaleState::FewLeft,
            _ => SaleState::Available,
        }
    }
}

/// An immutable picture of one inventory, as it is in the ledger.
#[derive(Clone, Debug)]
pub struct Availability {
    /// Of which event.
    pub event_id: EventId,
    /// Where the event is in its life; what was never published is nobody's business.
    pub status: EventStatus,
    /// The sum of the versions of the quotas, those that were deleted included: grows with every commit, across restarts and
    /// changes of the plan, and never falls.
    pub version: i64,
    /// When the picture was taken.
    pub as_of: Timestamp,
    /// The counters.
    pub ticket_types: Vec<TicketTypeAvailability>,
    pub(super) seat_map: Option<Arc<SeatMap>>,
    seats: SeatStates,
}

impl Availability {
    /// Each seat with its state; empty for an event without seats.
    pub fn seats(&self) -> impl ExactSizeIterator<Item = (&Seat, SeatState)> {
        let seats = self.seat_map.as_ref().map_or(&[][..], |map| map.seats());
        let geometry = self.seat_map.as_ref().map(|map| map.geometry());
        // Without a map there is no seat to ask for.
        let state = move |index| geometry.map_or(SeatState::Free, |geometry| self.seats.at(geometry.slot(index)));
        seats.iter().enumerate().map(move |(index, seat)| (seat.as_ref(), state(index)))
    }
}

impl Inventory {
    /// A picture of the state that the ledger has.
    pub fn availability(&self, now: Timestamp) -> Availability {
        let is_sold = !matches!(self.plan.status, EventStatus::Cancelled | EventStatus::Archived);
        let mut ticket_types = Vec::with_capacity(self.plan.ticket_types.len());
        for ticket_type in &self.plan.ticket_types {
            if let Some(index) = self.plan.quota_index(ticket_type.quota_id) {
                let state = &self.quotas[index];
                ticket_types.push(TicketTypeAvailability {
                    id: ticket_type.id,
                    capacity: state.capacity,
                    held: state.held,
                    sold: state.sold,
                    available: if is_sold { state.capacity.saturating_sub(state.held + state.sold) } else { 0 },
                });
            }
        }
        Availability {
            event_id: self.plan.event_id,
            status: self.plan.status,
            version: self.version_base + self.quotas.iter().map(|quota| quota.version).sum::<i64>(),
            as_of: now,
            ticket_types,
            seat_map: self.seats.map().cloned(),
            seats: self.seats.states().clone(),
        }
    }
}
