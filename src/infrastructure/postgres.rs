//! PostgreSQL.

pub mod ledger;
pub mod pool;
pub mod rows;
