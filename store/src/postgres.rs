//! PostgreSQL adapter.

pub mod address;
mod audit;
pub mod changes;
pub mod connection;
pub mod errors;
pub mod installation;
pub mod jobs;
pub mod ledger;
pub mod migrate;
pub mod outbox;
pub mod payment_figures;
pub mod pool;
pub mod pricing;
pub mod revocations;
pub mod rows;
pub mod sandbox;
mod seat_maps;
pub mod store;
mod ticket_types;
pub mod transaction;
pub mod usage;
