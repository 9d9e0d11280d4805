//! Holds and bookings over HTTP.

mod dto;
pub mod public;
mod refusals;
