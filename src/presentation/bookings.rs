//! Holds and bookings over HTTP.

pub(super) mod docs;
pub mod dto;
pub mod public;
pub(super) mod refusals;
