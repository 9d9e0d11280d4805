//! Accounts over HTTP.

pub mod admin;
pub mod credentials;
mod dto;
pub(crate) mod endpoints;
pub mod public;
pub mod sessions;
