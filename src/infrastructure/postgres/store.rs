//! Accounts, catalogue and bookings in PostgreSQL.
//!
//! Statements are typed and unnamed: one round trip each, and PgBouncer may pool transactions.

mod accounts;
mod administration;
mod audit;
mod bookings;
pub mod catalogue;
mod credentials;
mod manage;
mod retention;
mod sessions;

use domain::repositories::Page;
use tokio_postgres::Row;

use super::{connection::RequestPool, rows::StoreError};

/// The repositories, over one pool.
#[derive(Clone)]
pub struct PgStore {
    pool: RequestPool,
}

impl PgStore {
    /// Over `pool`.
    pub fn new(pool: RequestPool) -> Self {
        Self { pool }
    }
}

/// A page from rows of which one more than the limit was asked for.
fn page<T>(
    rows: &[Row],
    limit: u32,
    total: i64,
    entry: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let limit = limit as usize;
    Ok(Page {
        entries: rows.iter().take(limit).map(entry).collect::<Result<_, _>>()?,
        total: u64::try_from(total).unwrap_or(0),
        has_more: rows.len() > limit,
    })
}
