//! What anybody may know of an inventory, published after each commit and read without asking it.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::{Inventory, SeatState, seats::SeatStates};
use crate::{
    events::{EventStatus, SalePlan, TicketType},
    ids::{EventId, SectionId, TicketTypeId},
    sales::{SaleState, is_few, sellable},
    seat_maps::{Seat, SeatMap},
};

/// Counters of one ticket type; types that share a quota show the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketTypeAvailability {
    pub id: TicketTypeId,
    /// Places of its quota.
    pub capacity: u32,
    /// Held, or waiting for payment.
    pub held: u32,
    pub sold: u32,
    /// What can be bought while it is on sale: what is left of its quota, or the free seats of its sections where these are fewer, as far
    /// as the limits of a booking and of an account let anybody take them (see [`sellable`]). 0 of what is cancelled or over.
    pub available: u32,
    /// How many could be bought if nothing were taken: its places, or the seats of its sections where these are fewer. 0 of what is
    /// cancelled or over.
    pub sold_at_most: u32,
}

impl TicketTypeAvailability {
    /// The same in one word, for sites that show no numbers.
    pub fn state(&self) -> SaleState {
        match self.available {
            0 if self.sold_at_most == 0 => SaleState::NotOnSale,
            0 => SaleState::SoldOut,
            left if is_few(u64::from(left), u64::from(self.sold_at_most)) => SaleState::FewLeft,
            _ => SaleState::Available,
        }
    }
}

/// An immutable picture of one inventory, as it is in the ledger.
#[derive(Clone, Debug)]
pub struct Availability {
    pub event_id: EventId,
    /// Where the event is in its life; what was never published is nobody's business.
    pub status: EventStatus,
    /// The sum of the versions of the quotas, those that were deleted included: grows with every commit, across restarts and
    /// changes of the plan, and never falls.
    pub version: i64,
    /// When the picture was taken.
    pub as_of: Timestamp,
    /// Without those that are hidden.
    pub ticket_types: Vec<TicketTypeAvailability>,
    pub(super) plan: Arc<SalePlan>,
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

    /// The ticket types that sell the seats of each section, in the organizer's order. Hidden ones are not for everybody to know.
    pub fn sellers(&self) -> HashMap<SectionId, Vec<TicketTypeId>> {
        let mut sellers: HashMap<SectionId, Vec<TicketTypeId>> = HashMap::new();
        for ticket_type in self.plan.ticket_types.iter().filter(|of| !of.hidden) {
            for section in &ticket_type.sections {
                sellers.entry(*section).or_default().push(ticket_type.id);
            }
        }
        sellers
    }
}

impl Inventory {
    /// A picture of the state that the ledger has.
    pub fn availability(&self, now: Timestamp) -> Availability {
        let mut ticket_types = Vec::with_capacity(self.plan.ticket_types.len());
        let types = self.plan.ticket_types.iter().zip(&self.sections_of_types);
        for (ticket_type, sections) in types.filter(|(of, _)| !of.hidden) {
            if let Some(index) = self.plan.quota_index(ticket_type.quota_id) {
                let state = &self.quotas[index];
                ticket_types.push(TicketTypeAvailability {
                    id: ticket_type.id,
                    capacity: state.capacity,
                    held: state.held,
                    sold: state.sold,
                    sold_at_most: self.sold_at_most(ticket_type, sections, state.capacity),
                    available: self.sellable(
                        ticket_type,
                        sections,
                        state.capacity.saturating_sub(state.held + state.sold),
                    ),
                });
            }
        }
        Availability {
            event_id: self.plan.event_id,
            status: self.plan.status,
            version: self.version_base + self.quotas.iter().map(|quota| quota.version).sum::<i64>(),
            as_of: now,
            ticket_types,
            plan: self.plan.clone(),
            seat_map: self.seats.map().cloned(),
            seats: self.seats.states().clone(),
        }
    }

    fn sold_at_most(&self, ticket_type: &TicketType, sections: &[usize], capacity: u32) -> u32 {
        match self.plan.status {
            EventStatus::Cancelled | EventStatus::Archived => 0,
            _ if ticket_type.seated => capacity.min(self.seats.in_sections(sections)),
            _ => capacity,
        }
    }

    /// How many places of the ticket type can be bought with so many `left` of its quota.
    fn sellable(&self, ticket_type: &TicketType, sections: &[usize], left: u32) -> u32 {
        if matches!(self.plan.status, EventStatus::Cancelled | EventStatus::Archived) {
            return 0;
        }
        let left = if ticket_type.seated { left.min(self.seats.free_in_ledger(sections)) } else { left };
        let max = ticket_type.max_per_booking.min(self.plan.max_per_account.unwrap_or(u32::MAX));
        sellable(left, ticket_type.min_per_booking, max)
    }
}
