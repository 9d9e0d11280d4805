//! Fencing: sessions of nodes, and the ownership of events.
//!
//! A session's id is its epoch. Every commit holds the session's advisory lock shared while it checks that the session has
//! not ended; anyone who ends a session takes the lock exclusively first. So an end waits for the commits in flight, and no
//! later commit gets past it. Compared with `SELECT … FOR SHARE` on the session's row, the lock writes nothing.

use deadpool_postgres::{Object, Pool};
use domain::{
    ids::EventId,
    ledger::{LoadError, Renewal},
};
use tokio_postgres::{Transaction, error::SqlState, types::Type};

use super::{super::rows::StoreError, unavailable};

/// A session that was not renewed for this long belongs to a node that is gone.
const STALE_AFTER: &str = "20 seconds";

const LIVE_OF_NODE: &str = "SELECT id FROM node_sessions WHERE node = $1 AND ended_at IS NULL";
const LOCK: &str = "SELECT pg_advisory_xact_lock(1, $1)";
const LOCK_SHARED: &str = "SELECT pg_advisory_xact_lock_shared(1, $1)";
const END: &str = "UPDATE node_sessions SET ended_at = now() WHERE id = $1 AND ended_at IS NULL";
const INSERT: &str = "INSERT INTO node_sessions (node) VALUES ($1) RETURNING id";
const RENEW: &str = "UPDATE node_sessions SET renewed_at = now() WHERE id = $1 AND ended_at IS NULL \
    RETURNING clock_timestamp() AS now";
/// The first part of the name of the file that is written to now.
const TIMELINE: &str = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)";
const IS_LIVE: &str = "SELECT 1 FROM node_sessions WHERE id = $1 AND ended_at IS NULL";

/// Takes an event that nobody owns, or whose owner's session has ended.
const CLAIM: &str = "INSERT INTO inventory_owners AS o (event_id, node_session_id) VALUES ($1, $2) \
    ON CONFLICT (event_id) DO UPDATE SET node_session_id = excluded.node_session_id \
    WHERE o.node_session_id = excluded.node_session_id \
       OR EXISTS (SELECT FROM node_sessions s WHERE s.id = o.node_session_id AND s.ended_at IS NOT NULL)";

const OWNER: &str = "SELECT s.id, s.node, s.ended_at IS NULL AND s.renewed_at < now() - $2::text::interval AS stale \
    FROM inventory_owners o JOIN node_sessions s ON s.id = o.node_session_id WHERE o.event_id = $1";

/// Ends the sessions of the node's predecessors and opens one of its own.
pub(super) async fn open(pool: &Pool, node: &str) -> Result<i32, StoreError> {
    // Two servers that start under one name at once: one of them loses the race for the live session and ends the other's.
    const TRIES_MAX: u32 = 10;
    let mut tries = 0;
    loop {
        match try_open(pool, node).await {
            Err(StoreError::Database(error))
                if tries < TRIES_MAX && error.code() == Some(&SqlState::UNIQUE_VIOLATION) =>
            {
                tries += 1;
            }
            result => return result,
        }
    }
}

async fn try_open(pool: &Pool, node: &str) -> Result<i32, StoreError> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    for row in transaction.query_typed(LIVE_OF_NODE, &[(&node, Type::TEXT)]).await? {
        end(&transaction, row.try_get(0)?).await?;
    }
    let session = transaction.query_typed_one(INSERT, &[(&node, Type::TEXT)]).await?.try_get(0)?;
    transaction.commit().await?;
    Ok(session)
}

async fn end(transaction: &Transaction<'_>, session: i32) -> Result<(), StoreError> {
    transaction.execute_typed(LOCK, &[(&session, Type::INT4)]).await?;
    transaction.execute_typed(END, &[(&session, Type::INT4)]).await?;
    Ok(())
}

/// Ends the session by itself, for others to take its events over. Waits for its commits in flight; again is no error.
pub(super) async fn close(pool: &Pool, session: i32) -> Result<(), StoreError> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    end(&transaction, session).await?;
    transaction.commit().await?;
    Ok(())
}

/// Shows that the node is alive.
pub(super) async fn renew(client: &Object, session: i32) -> Result<Renewal, LoadError> {
    let row = client
        .query_typed_opt(RENEW, &[(&session, Type::INT4)])
        .await
        .map_err(unavailable)?
        .ok_or(LoadError::Fenced)?;
    let timeline = match client.query_typed_one(TIMELINE, &[]).await {
        Ok(row) => row.try_get(0).map_err(unavailable)?,
        // A service that hides its files. What it loses is found by comparing counters.
        Err(error) if error.as_db_error().is_some() => String::new(),
        Err(error) => return Err(unavailable(error)),
    };
    Ok(Renewal { now: row.try_get("now").map_err(unavailable)?, timeline })
}

/// Waits until no commit of the session is in flight.
pub(super) async fn settle(client: &mut Object, session: i32) -> Result<(), StoreError> {
    let transaction = client.transaction().await?;
    transaction.execute_typed(LOCK, &[(&session, Type::INT4)]).await?;
    transaction.commit().await?;
    Ok(())
}

/// Makes the session the owner of the event.
pub(super) async fn claim(client: &mut Object, session: i32, event: EventId) -> Result<(), LoadError> {
    // Once more after the end of a stale owner's session.
    for _ in 0..2 {
        let transaction = client.transaction().await.map_err(unavailable)?;
        transaction.execute_typed(LOCK_SHARED, &[(&session, Type::INT4)]).await.map_err(unavailable)?;
        if transaction.query_typed_opt(IS_LIVE, &[(&session, Type::INT4)]).await.map_err(unavailable)?.is_none() {
            return Err(LoadError::Fenced);
        }
        let claimed = match transaction.execute_typed(CLAIM, &[(&event.0, Type::UUID), (&session, Type::INT4)]).await {
            Err(error) if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => return Err(LoadError::NoSuchEvent),
            result => result.map_err(unavailable)?,
        };
        if claimed == 1 {
            return transaction.commit().await.map_err(unavailable);
        }
        let owner = transaction
            .query_typed_one(OWNER, &[(&event.0, Type::UUID), (&STALE_AFTER, Type::TEXT)])
            .await
            .map_err(unavailable)?;
        let node: String = owner.try_get("node").map_err(unavailable)?;
        if !owner.try_get::<_, bool>("stale").map_err(unavailable)? {
            return Err(LoadError::OwnedBy(node));
        }
        tracing::warn!(%event, node, "the event's owner is gone: its session is ended");
        end(&transaction, owner.try_get("id").map_err(unavailable)?).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
    }
    Err(LoadError::Unavailable("the event's ownership is contested".to_owned()))
}
