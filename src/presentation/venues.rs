//! Venues over HTTP.

pub(super) mod dto;
pub mod public;
