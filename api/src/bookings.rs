//! Holds and bookings over HTTP.

pub(super) mod docs;
pub mod dto;
pub mod public;
mod refusals;
