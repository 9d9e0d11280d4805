//! Events over HTTP.

pub(super) mod docs;
mod dto;
mod live;
pub mod public;
mod search;
mod summary;
