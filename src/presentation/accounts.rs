//! Accounts over HTTP.

pub(super) mod docs;
mod dto;
pub mod public;
