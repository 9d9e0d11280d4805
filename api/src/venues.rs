//! Venues over HTTP.

pub(super) mod docs;
pub(super) mod dto;
pub mod public;
mod search;
