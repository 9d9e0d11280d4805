//! Repositories: accounts, catalogue and bookings in PostgreSQL.
//!
//! Statements are typed and unnamed: one round trip each, and PgBouncer may pool transactions.

mod accounts;
mod administration;
mod audit;
mod bookings;
pub mod catalogue;
mod credentials;
mod dead_letters;
mod event_columns;
pub mod lists;
mod manage;
mod money;
mod notices;
mod payments;
mod retention;
mod sessions;

use super::connection::RequestPool;

/// The repositories, over one pool.
#[derive(Clone)]
pub struct PgStore {
    pool: RequestPool,
}

impl PgStore {
    pub fn new(pool: RequestPool) -> Self {
        Self { pool }
    }
}
