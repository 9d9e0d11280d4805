//! Adapters for PostgreSQL and Redis: the only crate that names their drivers.

pub mod breakers;
pub mod cache;
pub mod postgres;
pub mod rate_limits;
mod redis;
