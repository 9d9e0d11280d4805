//! Venues over HTTP.

mod admin;
pub(super) mod dto;
pub(crate) mod endpoints;
pub mod public;
