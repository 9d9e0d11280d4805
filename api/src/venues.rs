//! Venues over HTTP.

pub(super) mod dto;
pub(crate) mod endpoints;
pub mod public;
