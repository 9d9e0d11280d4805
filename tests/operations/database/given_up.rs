//! Queries that nobody waits for any more.

use std::time::Duration;

use boxoffice_store::postgres::{
    connection::RequestPool,
    pool::{self, PoolSettings},
    rows::StoreError,
};
use tokio::time::timeout;
use tokio_postgres::types::Type;

use super::{pool_of, pool_settings};
use crate::support::{PATIENCE, TestDatabase, until};

const SLEEP: &str = "SELECT pg_sleep(600)";
/// How many statements sleep in this database.
const SLEEPERS: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";

async fn one(pool: &RequestPool) -> i32 {
    let row = pool.get().await.unwrap().query_typed_one("SELECT 1", &[]).await;
    row.unwrap().get(0)
}

/// The guard: `Connection::drop` takes a connection with a statement on its way out of the pool. Otherwise the only connection of
/// this pool would be given to the next caller, who would wait for the end of the sleep.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_given_up_makes_nobody_wait() {
    let database = TestDatabase::empty().await;
    // The database itself would end the sleep after the test's patience.
    let settings = PoolSettings { statement_timeout: 2 * PATIENCE, ..pool_settings(&database, 1) };
    let pool = pool::pool_of_requests(&settings).unwrap();
    let sleeping = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.unwrap().query_typed(SLEEP, &[]).await.map(drop) }
    });
    until("the query runs", async || database.number(SLEEPERS, &[]).await == 1).await;
    sleeping.abort();
    assert!(sleeping.await.unwrap_err().is_cancelled());
    assert_eq!(timeout(PATIENCE, one(&pool)).await.expect("another connection"), 1);
    // The guard: its statement is cancelled, and does not keep locks and a back end until its time-out.
    until("the query is cancelled", async || database.number(SLEEPERS, &[]).await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_given_up_is_rolled_back() {
    let database = TestDatabase::empty().await;
    database.execute("CREATE TABLE notes (id int PRIMARY KEY)").await;
    let pool = pool_of(&database, 1);
    let (written, has_written) = tokio::sync::oneshot::channel();
    let written = std::sync::Mutex::new(Some(written));
    let open = tokio::spawn({
        let pool = pool.clone();
        async move {
            let written = &written;
            pool.transaction::<(), StoreError, _>(|transaction| async move {
                transaction.execute_typed("INSERT INTO notes VALUES ($1)", &[(&1, Type::INT4)]).await?;
                written.lock().unwrap().take().map(|written| written.send(()));
                std::future::pending().await
            })
            .await
        }
    });
    has_written.await.unwrap();
    open.abort();
    assert!(open.await.unwrap_err().is_cancelled());
    // The guard: the connection with the open transaction is closed, so its key is free, and nobody goes on within it.
    let row = pool.get().await.unwrap();
    let added = row.execute_typed("INSERT INTO notes VALUES ($1)", &[(&1, Type::INT4)]).await;
    assert_eq!(added.unwrap(), 1);
    drop(row);
    assert_eq!(database.number("SELECT count(*) FROM notes", &[]).await, 1);
}

/// The guard: a deadline on this side. A database that says nothing can't be trusted to end its statements by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_without_an_answer_ends_at_its_deadline() {
    let database = TestDatabase::empty().await;
    let plain = pool_of(&database, 1).plain().clone();
    let pool = RequestPool::new(plain, Duration::from_millis(100));
    let silent = pool.get().await.unwrap();
    silent.batch_execute("SET statement_timeout = 0").await.unwrap();
    let answer = silent.query_typed(SLEEP, &[]).await;
    assert!(matches!(answer, Err(StoreError::Deadline(_))), "{answer:?}");
    drop(silent);
    assert_eq!(one(&pool).await, 1);
    until("the query is cancelled", async || database.number(SLEEPERS, &[]).await == 0).await;
}
