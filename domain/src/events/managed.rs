//! An event as its organizer sees it.

use jiff::Timestamp;

use super::{Event, EventTag};
use crate::ids::SeatMapId;

/// How far the bookings of a cancelled event are cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// Bookings that were live when the event was cancelled.
    pub total: u64,
    /// Bookings that are cancelled, each with its mail queued.
    pub done: u64,
    /// What goes back to buyers because of it.
    pub refunds: RefundCounts,
    /// When the event was cancelled.
    pub started_at: Timestamp,
    /// When the last booking was done.
    pub finished_at: Option<Timestamp>,
}

/// How many refunds are where. One that failed and was made again is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefundCounts {
    pub pending: u64,
    pub succeeded: u64,
    pub failed: u64,
}

/// An event as its organizer sees it.
#[derive(Clone, Debug)]
pub struct ManagedEvent {
    /// What everybody may see, once it is published.
    pub event: Event,
    /// The map whose seats it sells, and the number of the version.
    pub seat_map: Option<(SeatMapId, u32)>,
    /// When it will be published, while it is scheduled.
    pub publish_at: Option<Timestamp>,
    /// By what it is found.
    pub tags: Vec<EventTag>,
    /// For a cancelled event.
    pub cancellation: Option<Cancellation>,
    /// Grows with each change.
    pub revision: i32,
}
