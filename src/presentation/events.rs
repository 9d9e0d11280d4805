//! Events over HTTP.

mod dto;
pub mod public;
