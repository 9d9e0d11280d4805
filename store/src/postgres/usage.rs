//! Index usage statistics: how often the database reads each index, and each table from end to end.
//!
//! Each index costs every write something, so one that nobody reads is to go; a big table that is read from end to end lacks one.

use std::time::Duration;

use metrics::gauge;

use super::{connection::RequestPool, rows::StoreError};

/// How often the database is asked.
const EVERY: Duration = Duration::from_secs(60);

const INDEX_SCANS: &str = "SELECT relname::text, indexrelname::text, coalesce(idx_scan, 0) FROM pg_stat_user_indexes \
    WHERE schemaname = current_schema()";
const TABLE_SCANS: &str = "SELECT relname::text, coalesce(seq_scan, 0) FROM pg_stat_user_tables \
    WHERE schemaname = current_schema()";

/// Publishes what the database has counted since its statistics were last reset, for ever, and says `done` each time. Gauges, because a
/// reset begins at 0.
pub async fn watch(pool: RequestPool, done: impl Fn()) {
    let mut interval = tokio::time::interval(EVERY);
    loop {
        interval.tick().await;
        // A database that is away is told of by its health check.
        match publish(&pool).await {
            Ok(()) => done(),
            Err(error) => tracing::debug!(%error, "the use of indexes can't be read"),
        }
    }
}

async fn publish(pool: &RequestPool) -> Result<(), StoreError> {
    let client = pool.get().await?;
    for row in client.query_typed(INDEX_SCANS, &[]).await? {
        let (table, index): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let scans: i64 = row.try_get(2)?;
        gauge!("boxoffice_index_scans", "table" => table, "index" => index).set(scans as f64);
    }
    for row in client.query_typed(TABLE_SCANS, &[]).await? {
        let table: String = row.try_get(0)?;
        let scans: i64 = row.try_get(1)?;
        gauge!("boxoffice_table_scans", "table" => table).set(scans as f64);
    }
    Ok(())
}
