//! The cache of answers, as administrators see it.

pub(crate) mod admin;
pub(crate) mod endpoints;
