//! Retention: deletes expired rows.

use domain::{
    repositories::Found,
    retention::{Leftover, Retention},
};
use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::{super::rows::StoreError, PgStore};

// Each looks along an index of its own. What another server is deleting is passed over.
const SESSIONS: &str = "DELETE FROM sessions WHERE id IN ( \
    SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
const LINKS: &str = "DELETE FROM one_time_tokens WHERE hash IN ( \
    SELECT hash FROM one_time_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
const REQUEST_KEYS: &str = "DELETE FROM request_keys WHERE (account_id, key) IN ( \
    SELECT account_id, key FROM request_keys WHERE began_at < $1 ORDER BY began_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
/// Ids are in the order of their making, so the primary key leads to the old ones: one more index would be paid by every hold.
/// What is old and stays, blocks for the most part, is looked at each time; an event has a thousand at most.
const HOLDS: &str = "DELETE FROM holds WHERE id IN ( \
    SELECT id FROM holds WHERE id < $3 AND status <> 'ACTIVE' AND updated_at < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)";
const CHANGES: &str = "DELETE FROM untold_changes WHERE id IN ( \
    SELECT id FROM untold_changes WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)";
const MESSAGES: &str = "DELETE FROM gateway_messages WHERE (provider, id) IN ( \
    SELECT provider, id FROM gateway_messages WHERE applied_at < $1 ORDER BY applied_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// The least id that could have been made at that instant (RFC 9562, 5.7).
pub(super) fn first_id_of(instant: Timestamp) -> Uuid {
    let millis = u64::try_from(instant.as_millisecond()).unwrap_or(0);
    Uuid::from_u128(u128::from(millis) << 80)
}

impl PgStore {
    async fn delete_old(&self, kind: Leftover, limit: u32) -> Result<u64, StoreError> {
        let client = self.pool.get().await?;
        // By the database's clock, which wrote the rows: a wrong date of this machine must not delete what is not over.
        let now: Timestamp = client.query_typed_one("SELECT clock_timestamp()", &[]).await?.try_get(0)?;
        let ended_before = now - kind.kept();
        let (limit, first_kept) = (i64::from(limit), first_id_of(ended_before));
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&ended_before, Type::TIMESTAMPTZ), (&limit, Type::INT8), (&first_kept, Type::UUID)];
        let (statement, count) = match kind {
            Leftover::Sessions => (SESSIONS, 2),
            Leftover::Links => (LINKS, 2),
            Leftover::RequestKeys => (REQUEST_KEYS, 2),
            Leftover::Holds => (HOLDS, 3),
            Leftover::Changes => (CHANGES, 2),
            Leftover::Messages => (MESSAGES, 2),
        };
        client.execute_typed(statement, &parameters[..count]).await
    }
}

impl Retention for PgStore {
    async fn delete_leftovers(&self, kind: Leftover, limit: u32) -> Found<u64> {
        Ok(self.delete_old(kind, limit).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_later_holds_are_greater() {
        let instant = Timestamp::from_millisecond(1_800_000_000_123).unwrap();
        let made_at = |millis: u64| {
            let (seconds, nanos) = (millis / 1000, u32::try_from(millis % 1000).unwrap() * 1_000_000);
            Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
        };
        assert!(made_at(1_800_000_000_122) < first_id_of(instant));
        assert!(made_at(1_800_000_000_123) > first_id_of(instant));
    }
}
