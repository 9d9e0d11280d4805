//! Events over HTTP.

mod dto;
pub(crate) mod endpoints;
mod live;
mod pictures;
pub mod public;
pub(crate) mod seat_map;
mod summary;
