//! Events over HTTP.

pub(super) mod docs;
mod dto;
mod live;
mod pictures;
pub mod public;
mod search;
pub(crate) mod seat_map;
mod summary;
