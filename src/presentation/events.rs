//! Events over HTTP.

mod dto;
mod live;
pub mod public;
