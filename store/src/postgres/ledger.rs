//! The ledger in PostgreSQL, which has the last word on every decision.

mod commit;
mod composite;
mod group;
mod keys;
mod lease;
mod load;
mod money;
mod session;

use std::{collections::HashMap, sync::Weak};

use deadpool_postgres::Pool;
use domain::{
    ids::{EventId, QuotaId, SeatMapVersionId},
    ledger::{CommitError, EventBatch, KeyAnswer, KeyOf, Ledger, LoadError, LoadedInventory, QuotaCount, Renewal},
    money::{Currency, Money},
    seat_maps::SeatMap,
    unpaid::UnpaidLimits,
};
use jiff::SignedDuration;
use parking_lot::Mutex;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use self::{composite::ArrayTypes, lease::Lease};
use super::{
    connection::Typed,
    rows::{StoreError, unsigned},
};

/// What the schema does not say.
#[derive(Clone, Copy, Debug)]
pub struct LedgerOptions {
    /// Of a hold, 10 minutes by default.
    pub hold: SignedDuration,
    /// Of a priced booking that is not paid, of an event that has no terms of its own.
    pub payment: SignedDuration,
    /// The least that the payment gateway charges in a currency.
    pub minimum: fn(Currency) -> Option<Money>,
    /// Whether commits use a prepared statement; see the configuration.
    pub prepared_statements: bool,
    /// Of the unpaid places of events that limit them.
    pub unpaid: Option<UnpaidLimits>,
}

/// The connections of the ledger, shared out by what they are for, so that none waits for another.
#[derive(Clone)]
pub struct LedgerPools {
    /// Of commits, of the looks at keys and locks that come of them, and of other look-ups of keys. A writer has one of them at a time.
    pub commits: Pool,
    /// Of the session and its renewal.
    pub session: Pool,
    /// Of loads, looks at counters and at what will expire.
    pub reads: Pool,
    is_shared: bool,
}

impl LedgerPools {
    /// A pool for each.
    pub fn apart(commits: Pool, session: Pool, reads: Pool) -> Self {
        Self { commits, session, reads, is_shared: false }
    }

    /// Each of them once.
    pub fn distinct(&self) -> Vec<&Pool> {
        if self.is_shared { vec![&self.commits] } else { vec![&self.commits, &self.session, &self.reads] }
    }

    /// Closes them; anyone who waits for a connection is told.
    pub fn close(&self) {
        self.distinct().into_iter().for_each(Pool::close);
    }
}

/// One pool for everything.
impl From<Pool> for LedgerPools {
    fn from(pool: Pool) -> Self {
        Self { commits: pool.clone(), session: pool.clone(), reads: pool, is_shared: true }
    }
}

/// The ledger, written under one session of this node.
pub struct PgLedger {
    pools: LedgerPools,
    session: i32,
    options: LedgerOptions,
    /// Of the parameters of `ledger_commit`.
    types: ArrayTypes,
    /// Seat maps in use: they never change, and are large.
    seat_maps: Mutex<HashMap<SeatMapVersionId, Weak<SeatMap>>>,
}

impl PgLedger {
    /// Opens a new session for `node`, and ends the one of its predecessor: what the predecessor has in flight is either
    /// written before this returns, or never.
    pub async fn open(pools: impl Into<LedgerPools>, node: &str, options: LedgerOptions) -> Result<Self, StoreError> {
        let pools = pools.into();
        let types = ArrayTypes::find(&pools.session.get().await?, group::NAMES).await?;
        let session = session::open(&pools.session, node).await?;
        tracing::info!(node, session, "session opened");
        Ok(Self { pools, session, options, types, seat_maps: Mutex::default() })
    }

    /// The rows of one statement, by a connection of `pool`.
    async fn read(pool: &Pool, statement: &str, parameters: &[Typed<'_>]) -> Result<Vec<Row>, StoreError> {
        let mut lease = Lease::of(pool).await?;
        let rows = lease.client()?.query_typed(statement, parameters).await;
        lease.give_back();
        Ok(rows?)
    }

    /// The epoch under which this node writes.
    pub fn session(&self) -> i32 {
        self.session
    }

    /// Ends the session, so that another node takes its events over at once instead of waiting until it is stale. What is
    /// being committed is waited for, and nothing can be committed afterwards.
    pub async fn end_session(&self) -> Result<(), StoreError> {
        session::close(&self.pools.session, self.session).await
    }
}

const COUNTS: &str = "SELECT id, held, sold, version FROM quotas WHERE event_id = $1";

const EXPIRING: &str = "SELECT event_id FROM holds WHERE status = 'ACTIVE' AND kind = 'HOLD' \
    UNION SELECT event_id FROM bookings WHERE status = 'PENDING_PAYMENT'";

/// The events of which a counter is locked by somebody else. Takes the locks that are free for an instant, as a commit would.
const LOCKED: &str = "WITH free AS (SELECT id FROM quotas WHERE event_id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED) \
    SELECT DISTINCT event_id FROM quotas q WHERE event_id = ANY ($1) AND NOT EXISTS (SELECT FROM free f WHERE f.id = q.id)";

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

    async fn find_by_keys(&self, keys: &[KeyOf]) -> Result<Vec<KeyAnswer>, LoadError> {
        keys::find(&self.pools.commits, keys).await.map_err(unavailable)
    }

    async fn locked_events(&self, events: &[EventId]) -> Result<Vec<EventId>, LoadError> {
        let events: Vec<Uuid> = events.iter().map(|event| event.0).collect();
        let rows =
            Self::read(&self.pools.commits, LOCKED, &[(&events, Type::UUID_ARRAY)]).await.map_err(unavailable)?;
        rows.iter().map(|row| row.try_get::<_, Uuid>(0).map(EventId).map_err(unavailable)).collect()
    }

    async fn expiring_events(&self) -> Result<Vec<EventId>, LoadError> {
        let rows = Self::read(&self.pools.reads, EXPIRING, &[]).await.map_err(unavailable)?;
        rows.iter().map(|row| row.try_get::<_, Uuid>(0).map(EventId).map_err(unavailable)).collect()
    }

    async fn renew(&self) -> Result<Renewal, LoadError> {
        let mut lease = Lease::of(&self.pools.session).await.map_err(unavailable)?;
        let renewal = session::renew(lease.client().map_err(unavailable)?, self.session).await;
        lease.give_back();
        renewal
    }

    async fn counts(&self, event: EventId) -> Result<Vec<QuotaCount>, LoadError> {
        let rows = Self::read(&self.pools.reads, COUNTS, &[(&event.0, Type::UUID)]).await.map_err(unavailable)?;
        rows.iter().map(|row| count(row).map_err(unavailable)).collect()
    }
}
