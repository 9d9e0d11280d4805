//! What keeps places until it expires: a hold, or a booking that waits for its payment.

use std::sync::Arc;

use crate::bookings::{Booking, Hold};

/// Keeps places until it expires.
#[derive(Clone, Debug)]
pub(super) enum Holder {
    Hold(Arc<Hold>),
    Booking(Arc<Booking>),
}

impl Holder {
    pub(super) fn places(&self) -> usize {
        match self {
            Self::Hold(hold) => hold.items.len(),
            Self::Booking(booking) => booking.items.len(),
        }
    }
}
