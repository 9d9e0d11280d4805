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

use deadpool_postgres::Pool;
use domain::repositories::{Page, RepositoryError};
use tokio_postgres::Row;

use super::rows::StoreError;

/// The repositories, over one pool.
#[derive(Clone)]
pub struct PgStore {
    pool: Pool,
}

impl PgStore {
    /// Over `pool`.
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

impl From<StoreError> for RepositoryError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Database(database) if database.as_db_error().is_some() => Self::Broken(error.to_string()),
            StoreError::Database(_) | StoreError::Pool(_) => Self::Unavailable(error.to_string()),
            StoreError::Row(_) => Self::Broken(error.to_string()),
        }
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
