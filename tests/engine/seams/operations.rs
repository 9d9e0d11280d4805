//! The table of operations: one row for each that changes places, or what is sold. `complete.rs` fails for a route without one.
//!
//! A row says what it needs to find (`needs`), and how it is done (`act`). Whatever two rows need is made once, so that two who cancel
//! want the same booking.

mod buyers;
mod money;
mod organizers;
mod system;

use std::sync::Arc;

use super::stage::{Call, Stage};
use crate::support::Answer;
pub(crate) use system::System;

/// What an operation needs to find on its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// A hold of a place and a seat.
    Hold,
    /// The same, about to expire.
    ExpiringHold,
    /// A confirmed booking, the only one of its quota.
    Booking,
    /// A booking of two places that was paid.
    Paid,
    /// A booking that waits for its payment.
    Unpaid,
    /// The same, about to expire.
    ExpiringUnpaid,
    /// A booking that was not paid in time.
    Lapsed,
    /// A booking that was made over HTTP, whose request is repeated.
    Repeatable,
    /// An organizer's block.
    Block,
    /// The event is a draft.
    Draft,
    /// The event is to be published in a moment.
    Scheduled,
    /// The event is cancelled, and has a booking yet.
    CancelledBooking,
    /// The event's seat map has a second version.
    SecondVersion,
    /// Nothing is for sale any more; the event still has its map, and a hold of one of its seats was released.
    NoTypes,
    /// Nor has the event a map.
    NoMap,
    /// The event belongs to a series.
    Series,
}

impl Needs {
    /// The status that the event must have, if it matters.
    pub(crate) fn status(self) -> Option<&'static str> {
        match self {
            Self::Draft => Some("DRAFT"),
            Self::Scheduled => Some("SCHEDULED"),
            Self::CancelledBooking => Some("CANCELLED"),
            _ => None,
        }
    }
}

/// How an operation is done.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    /// By this request.
    Ask(fn(&Stage) -> Call),
    /// By the server itself.
    Wait(System),
}

/// What must be true in the end if the answer was 2xx, whatever the other operation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Nothing that can be told without the other operation.
    Nothing,
    /// What was made exists: a booking, a hold or a block, by the answer's id.
    Exists,
    /// The stage's hold was given back, and is no booking.
    HoldIsReleased,
    /// The stage's hold became a booking.
    HoldIsBooked,
    /// The stage's booking is cancelled.
    BookingIsCancelled,
    /// The stage's paid booking is cancelled.
    PaidIsCancelled,
    /// The stage's unpaid booking is cancelled or expired.
    UnpaidIsOver,
    /// The stage's block was given free.
    BlockIsReleased,
    /// The money of the answer's payment pays the stage's unpaid booking, or goes back.
    PaidOrGivenBack,
}

/// A row of the table.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// The routes that it stands for, `METHOD /template`; those below `/admin` are the organizers' once more.
    pub(crate) routes: &'static [&'static str],
    pub(crate) needs: &'static [Needs],
    pub(crate) act: Act,
    pub(crate) promise: Promise,
}

/// What an operation said.
pub(crate) enum Told {
    /// Over HTTP.
    Answer(Answer),
    /// By the server itself: done, or why not.
    System(Result<(), String>),
}

impl Told {
    /// Whether it was done, and not refused.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Answer(answer) => (200..300).contains(&answer.status),
            Self::System(done) => done.is_ok(),
        }
    }
}

impl Operation {
    /// Does it.
    pub(crate) async fn perform(&self, stage: &Arc<Stage>) -> Told {
        match self.act {
            Act::Ask(call) => Told::Answer(call(stage).send().await),
            Act::Wait(system) => Told::System(system.perform(stage).await),
        }
    }

    /// Whether it ends the inventory the hard way.
    pub(crate) fn kills(&self) -> bool {
        matches!(self.act, Act::Wait(System::Kill))
    }

    /// Whether the server does it by itself.
    pub(crate) fn is_systems(&self) -> bool {
        matches!(self.act, Act::Wait(_))
    }
}

/// Every row.
pub(crate) fn table() -> Vec<&'static Operation> {
    [buyers::ROWS, organizers::SALES, organizers::EVENTS, organizers::SERIES, money::ROWS, system::ROWS]
        .into_iter()
        .flatten()
        .collect()
}
