//! What has changed between two pictures of one inventory.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Availability, SeatState, TicketTypeAvailability};
use crate::{
    events::EventStatus,
    ids::{EventId, SeatId},
};

/// The way from one picture to a later one. Values are absolute, so anyone who has the earlier picture, and puts these values
/// over it, has the later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    pub event_id: EventId,
    /// Where the event is in its life, as the later picture has it.
    pub status: EventStatus,
    /// The version of the earlier picture.
    pub from: i64,
    /// The version of the later picture; greater.
    pub to: i64,
    /// When the later picture was taken.
    pub as_of: Timestamp,
    /// Ticket types whose counters differ, as they are later.
    pub ticket_types: Vec<TicketTypeAvailability>,
    /// Seats whose state in the ledger differs, as it is later.
    pub seats: Vec<(SeatId, SeatState)>,
}

impl SeatState {
    /// The state that the ledger has: a decision that it has not answered yet has changed nothing there. Unlike
    /// [`SeatState::Pending`], which comes and goes within one version, this is the same in all pictures of a version.
    pub fn in_ledger(self) -> Self {
        match self {
            SeatState::Pending => SeatState::Free,
            other => other,
        }
    }
}

impl Availability {
    /// How this picture differs from an `earlier` one; `None` when there is no way from there to here: the earlier one is not
    /// earlier, or shows other ticket types or seats. Linear in the number of seats.
    pub fn changes_since(&self, earlier: &Availability) -> Option<Changes> {
        if self.event_id != earlier.event_id || self.version <= earlier.version {
            return None;
        }
        let (types, before) = (&self.ticket_types, &earlier.ticket_types);
        let same_types = types.len() == before.len() && types.iter().zip(before).all(|(now, then)| now.id == then.id);
        // Snapshots say of each seat which ticket types sell it, and changes do not.
        let sections =
            |picture: &Availability| picture.plan.ticket_types.iter().map(|of| of.sections.clone()).collect::<Vec<_>>();
        let same_types = same_types && (Arc::ptr_eq(&self.plan, &earlier.plan) || sections(self) == sections(earlier));
        // A version of a map never changes, so the seats of one are the same, in the same order.
        let map = |picture: &Availability| picture.seat_map.as_ref().map(|map| map.id);
        if !same_types || map(self) != map(earlier) {
            return None;
        }
        let mut seats = Vec::new();
        for ((seat, now), (_, then)) in self.seats().zip(earlier.seats()) {
            if now.in_ledger() != then.in_ledger() {
                seats.push((seat.id, now.in_ledger()));
            }
        }
        let ticket_types = types.iter().zip(before).filter(|(now, then)| now != then).map(|(now, _)| *now).collect();
        let (event_id, from, to) = (self.event_id, earlier.version, self.version);
        Some(Changes { event_id, status: self.status, from, to, as_of: self.as_of, ticket_types, seats })
    }

    /// Whether both show the same state of the ledger.
    pub fn shows_the_same_as(&self, other: &Availability) -> bool {
        let of = |seats: (_, SeatState)| seats.1.in_ledger();
        self.version == other.version
            && self.status == other.status
            && self.ticket_types == other.ticket_types
            && self.seats().map(of).eq(other.seats().map(of))
    }
}
