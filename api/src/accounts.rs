//! Accounts over HTTP.

pub mod admin;
pub mod credentials;
pub(super) mod docs;
mod dto;
pub mod public;
pub mod sessions;
