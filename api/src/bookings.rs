//! Holds and bookings over HTTP.

pub mod dto;
pub(crate) mod endpoints;
pub mod public;
mod refusals;
