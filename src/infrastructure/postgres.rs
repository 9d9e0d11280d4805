//! PostgreSQL: the engine that every node shares.

pub mod seed;
