//! Whether the counters of the ledger are what its rows say. Constraints keep a counter within its bounds, and the sampler compares
//! memory with the counters; neither sees places that were counted at the wrong quota, or not at all.

use std::{fmt, future::Future};

use crate::{
    ids::{EventId, QuotaId},
    repositories::Found,
};

/// What is counted wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// A quota has other counters than its active holds and live bookings add up to.
    Quota {
        id: QuotaId,
        /// (held, sold) as they are counted.
        counted: (u32, u32),
        /// (held, sold) as the rows say.
        found: (u32, u32),
    },
    /// Seats that are claimed and not held or sold, or the other way round, or claimed for somebody else.
    Seats(u32),
}

impl Mismatch {
    /// How many places are counted wrongly.
    pub fn places(&self) -> u32 {
        match self {
            Mismatch::Quota { counted, found, .. } => counted.0.abs_diff(found.0) + counted.1.abs_diff(found.1),
            Mismatch::Seats(count) => *count,
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Quota { id, counted, found } => {
                write!(f, "quota {id}: held {} and not {}, sold {} and not {}", counted.0, found.0, counted.1, found.1)
            }
            Mismatch::Seats(count) => write!(f, "{count} seat claims differ from the seats held and sold"),
        }
    }
}

/// Where counters and rows are compared. Neither waits for bookings nor holds any up.
pub trait Reconciliation: Send + Sync + 'static {
    /// Events in which something was held or booked lately, the latest first, at most so many.
    fn active_events(&self, limit: u32) -> impl Future<Output = Found<Vec<EventId>>> + Send;

    /// The events after `after` in the order of their ids, at most so many.
    fn events_after(&self, after: Option<EventId>, limit: u32) -> impl Future<Output = Found<Vec<EventId>>> + Send;

    /// What is counted wrongly of an event, all of it read from one snapshot.
    fn mismatches(&self, event: EventId) -> impl Future<Output = Found<Vec<Mismatch>>> + Send;
}
