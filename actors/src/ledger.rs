//! The way of decisions into the ledger.

pub mod commit;
pub mod open_batch;
pub mod probe;
pub mod writer;
