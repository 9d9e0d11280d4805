//! What the server's connections insist on, whatever the database's own settings are.

use boxoffice_store::postgres::{connection::RequestPool, pool};

use super::{pool_of, pool_settings};
use crate::support::TestDatabase;

async fn shown(pool: &RequestPool, setting: &str) -> String {
    let row = pool.get().await.unwrap().query_typed_one(&format!("SHOW {setting}"), &[]).await;
    row.unwrap().get(0)
}

async fn set(database: &TestDatabase, setting: &str) {
    let name = database.url().rsplit('/').next().unwrap().to_owned();
    database.execute(&format!("ALTER DATABASE {name} SET {setting}")).await;
}

/// The guard: `CAREFUL`. Without it bookings that were acknowledged were lost in a crash.
#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_commit_is_on_the_disk_whatever_the_database_prefers() {
    let database = TestDatabase::empty().await;
    set(&database, "synchronous_commit = off").await;
    set(&database, "default_transaction_isolation = 'serializable'").await;
    let ledger = pool::pool(&pool_settings(&database, 1)).unwrap();
    let ledger = RequestPool::new(ledger, pool_settings(&database, 1).statement_timeout);
    for (name, pool) in [("ledger", ledger), ("requests", pool_of(&database, 1))] {
        assert_eq!(shown(&pool, "synchronous_commit").await, "on", "{name}");
        assert_eq!(shown(&pool, "default_transaction_isolation").await, "read committed", "{name}");
        assert_eq!(shown(&pool, "transaction_isolation").await, "read committed", "{name}");
    }
    // A database that waits for its standbys as well goes on doing so.
    set(&database, "synchronous_commit = remote_apply").await;
    assert_eq!(shown(&pool_of(&database, 1), "synchronous_commit").await, "remote_apply");
}
