//! Holds and bookings over HTTP.

pub mod dto;
pub mod public;
mod refusals;
