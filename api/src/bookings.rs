//! Holds and bookings over HTTP.

pub mod dto;
pub(crate) mod endpoints;
mod guard;
pub mod public;
mod refusals;
