//! The ledger in PostgreSQL: the judge of every decision.

mod columns;
mod commit;
mod keys;
mod load;
mod session;

use std::{
    collections::HashMap,
    sync::{Mutex, Weak},
};

use deadpool_postgres::Pool;
use domain::{
    ids::{EventId, QuotaId, SeatMapVersionId},
    ledger::{CommitError, EventBatch, KeyOf, Ledger, LoadError, LoadedInventory, Prior, QuotaCount},
    seat_maps::SeatMap,
};
use jiff::SignedDuration;
use tokio_postgres::Row;
use uuid::Uuid;

use super::rows::{StoreError, unsigned};

/// What the schema does not say.
#[derive(Clone, Copy, Debug)]
pub struct LedgerOptions {
    /// Of a hold (B2: 10 minutes by default).
    pub hold: SignedDuration,
    /// Of a priced booking that is not paid.
    pub payment: SignedDuration,
    /// Whether commits use a prepared statement; see the configuration.
    pub prepared_statements: bool,
}

/// The ledger, written under one session of this node.
pub struct PgLedger {
    pool: Pool,
    session: i32,
    options: LedgerOptions,
    /// Seat maps in use: they never change, and are large.
    seat_maps: Mutex<HashMap<SeatMapVersionId, Weak<SeatMap>>>,
}

impl PgLedger {
    /// Opens a new session for `node`, and ends the one of its predecessor: what the predecessor has in flight is either
    /// written before this returns, or never.
    pub async fn open(pool: Pool, node: &str, options: LedgerOptions) -> Result<Self, StoreError> {
        let session = session::open(&pool, node).await?;
        tracing::info!(node, session, "session opened");
        Ok(Self { pool, session, options, seat_maps: Mutex::default() })
    }

    /// The epoch under which this node writes.
    pub fn session(&self) -> i32 {
        self.session
    }

    /// Ends the session, so that another node takes its events over at once instead of waiting until it is stale. What is
    /// being committed is waited for, and nothing can be committed afterwards.
    pub async fn end_session(&self) -> Result<(), StoreError> {
        session::close(&self.pool, self.session).await
    }
}

const COUNTS: &str = "SELECT id, held, sold, version FROM quotas WHERE event_id = $1";

const EXPIRING: &str = "SELECT event_id FROM holds WHERE status = 'ACTIVE' AND expires_at < '9999-01-01Z' \
    UNION SELECT event_id FROM bookings WHERE status = 'PENDING_PAYMENT'";

fn count(row: &Row) -> Result<QuotaCount, StoreError> {
    Ok(QuotaCount {
        quota_id: QuotaId(row.try_get("id")?),
        held: unsigned(row, "held")?,
        sold: unsigned(row, "sold")?,
        version: row.try_get("version")?,
    })
}

fn unavailable(error: impl Into<StoreError>) -> LoadError {
    LoadError::Unavailable(error.into().to_string())
}

impl Ledger for PgLedger {
    async fn load(&self, event: EventId, settle: bool) -> Result<LoadedInventory, LoadError> {
        load::load(self, event, settle).await
    }

    async fn commit(&self, batches: &[EventBatch]) -> Result<(), CommitError> {
        commit::commit(self, batches).await
    }

    async fn find_by_keys(&self, keys: &[KeyOf]) -> Result<Vec<Option<Prior>>, LoadError> {
        keys::find(&self.pool, keys).await.map_err(unavailable)
    }

    async fn expiring_events(&self) -> Result<Vec<EventId>, LoadError> {
        let client = self.pool.get().await.map_err(unavailable)?;
        let rows = client.query(EXPIRING, &[]).await.map_err(unavailable)?;
        rows.iter().map(|row| row.try_get::<_, Uuid>(0).map(EventId).map_err(unavailable)).collect()
    }

    async fn renew(&self) -> Result<(), LoadError> {
        session::renew(&self.pool, self.session).await
    }

    async fn counts(&self, event: EventId) -> Result<Vec<QuotaCount>, LoadError> {
        let client = self.pool.get().await.map_err(unavailable)?;
        let rows = client.query(COUNTS, &[&event.0]).await.map_err(unavailable)?;
        rows.iter().map(|row| count(row).map_err(unavailable)).collect()
    }
}
