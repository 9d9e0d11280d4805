//! The one way to a transaction: what is repeated, what is not, and what is known about the outcome.

use std::sync::atomic::{AtomicU32, Ordering};

use boxoffice_store::postgres::{
    connection::{COMMIT_MAX, RequestPool, Transaction},
    rows::StoreError,
    transaction::TRANSACTION_MAX,
};
use domain::repositories::RepositoryError;
use tokio_postgres::types::Type;

use super::pool_of;
use crate::support::{TestDatabase, until};

async fn with_notes() -> (TestDatabase, RequestPool) {
    let database = TestDatabase::empty().await;
    database.execute("CREATE TABLE notes (id int PRIMARY KEY)").await;
    let pool = pool_of(&database, 2);
    (database, pool)
}

async fn add(transaction: &Transaction, id: i32) -> Result<(), StoreError> {
    transaction.execute_typed("INSERT INTO notes VALUES ($1)", &[(&id, Type::INT4)]).await.map(drop)
}

/// A statement that fails like this.
fn failing(code: &str) -> String {
    format!("DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '{code}'; END $$")
}

/// The guard: `StoreError::is_repeatable`. Each of these was rolled back for a reason that is gone the next time.
#[tokio::test(flavor = "multi_thread")]
async fn what_met_another_transaction_is_run_again() {
    let (database, pool) = with_notes().await;
    let troubles = [
        ("a serialisation failure", failing("40001")),
        ("a deadlock", failing("40P01")),
        ("a lock that was not had in time", failing("55P03")),
        ("an end of the connection", "SELECT pg_terminate_backend(pg_backend_pid())".to_owned()),
    ];
    for (id, (name, trouble)) in (0..).zip(&troubles) {
        let tries = AtomicU32::new(0);
        let tried = &tries;
        let result: Result<(), StoreError> = pool
            .transaction(|transaction| async move {
                add(&transaction, id).await?;
                if tried.fetch_add(1, Ordering::Relaxed) < 2 {
                    transaction.batch_execute(trouble).await
                } else {
                    Ok(())
                }
            })
            .await;
        assert!(result.is_ok(), "{name}: {result:?}");
        assert_eq!(tries.load(Ordering::Relaxed), 3, "{name}");
    }
    assert_eq!(database.number("SELECT count(*) FROM notes", &[]).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_on_failing_ends_with_a_definite_roll_back() {
    let (database, pool) = with_notes().await;
    for (code, tries_expected) in [("40001", 6), ("57014", 1), ("25006", 1), ("53100", 1)] {
        let tries = AtomicU32::new(0);
        let tried = &tries;
        let statement = &failing(code);
        let result: Result<(), StoreError> = pool
            .transaction(|transaction| async move {
                tried.fetch_add(1, Ordering::Relaxed);
                add(&transaction, 1).await?;
                transaction.batch_execute(statement).await
            })
            .await;
        let error = RepositoryError::from(result.unwrap_err());
        assert!(matches!(error, RepositoryError::RolledBack(_)), "{code}: {error:?}");
        assert_eq!(tries.load(Ordering::Relaxed), tries_expected, "{code}");
    }
    assert_eq!(database.number("SELECT count(*) FROM notes", &[]).await, 0);
}

/// The guard: no answer to a COMMIT is no roll-back. A repetition could do it twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_an_answer_is_neither_repeated_nor_called_a_roll_back() {
    let (database, pool) = with_notes().await;
    database
        .execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
             CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED \
                FOR EACH ROW EXECUTE FUNCTION die()",
        )
        .await;
    let tries = AtomicU32::new(0);
    let tried = &tries;
    let result: Result<(), StoreError> = pool
        .transaction(|transaction| async move {
            tried.fetch_add(1, Ordering::Relaxed);
            add(&transaction, 1).await
        })
        .await;
    let error = result.unwrap_err();
    assert!(matches!(error, StoreError::OutcomeUnknown(_)), "{error:?}");
    assert!(matches!(RepositoryError::from(error), RepositoryError::Unavailable(_)));
    assert_eq!(tries.load(Ordering::Relaxed), 1);
}

/// The guard: PostgreSQL answers a COMMIT after a failed statement with a ROLLBACK, which looks like success.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_with_a_failed_statement_is_never_called_committed() {
    let (database, pool) = with_notes().await;
    let result: Result<(), StoreError> = pool
        .transaction(|transaction| async move {
            add(&transaction, 1).await?;
            let _ = transaction.batch_execute("SELECT 1/0").await;
            Ok(())
        })
        .await;
    assert!(result.is_err());
    assert_eq!(database.number("SELECT count(*) FROM notes", &[]).await, 0);
}

/// The guard: `TRANSACTION_MAX`, for a body that does not come to its end though each of its statements does.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_takes_too_long_is_rolled_back_and_lets_go() {
    let (database, pool) = with_notes().await;
    let result: Result<(), StoreError> = pool
        .transaction(|transaction| async move {
            loop {
                transaction.batch_execute("INSERT INTO notes SELECT count(*) FROM notes; SELECT pg_sleep(0.5)").await?;
            }
        })
        .await;
    assert!(matches!(&result, Err(StoreError::RolledBack(_))), "{result:?}");
    // The server takes a moment to end it.
    let lock = "LOCK TABLE notes IN ACCESS EXCLUSIVE MODE NOWAIT";
    until("its locks are free", async || {
        database.connect().await.batch_execute(&format!("BEGIN; {lock}")).await.is_ok()
    })
    .await;
    assert_eq!(database.number("SELECT count(*) FROM notes", &[]).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_of_a_refused_transaction_is_used_again() {
    let (database, pool) = with_notes().await;
    let pid = async || -> i32 {
        pool.get().await.unwrap().query_typed_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
    };
    let before = pid().await;
    let result: Result<(), StoreError> = pool
        .transaction(|transaction| async move {
            add(&transaction, 1).await?;
            Err(StoreError::Row("a refusal".to_owned()))
        })
        .await;
    assert!(result.is_err());
    assert_eq!(pid().await, before);
    assert_eq!(database.number("SELECT count(*) FROM notes", &[]).await, 0);
}

/// The guard: `COMMIT_MAX`. A COMMIT that has no answer is not waited for until its statement's time is over, and keeps no connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_hangs_is_given_up() {
    let (database, pool) = with_notes().await;
    database
        .execute(
            "CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$; \
             CREATE CONSTRAINT TRIGGER hangs AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED \
                FOR EACH ROW EXECUTE FUNCTION hang()",
        )
        .await;
    let adding = pool.transaction(|transaction| async move { add(&transaction, 1).await });
    let result: Result<(), StoreError> = tokio::time::timeout(COMMIT_MAX * 3, adding).await.unwrap();
    assert!(matches!(result, Err(StoreError::OutcomeUnknown(_))), "{result:?}");
    let running = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    until("it is cancelled", async || database.number(running, &[]).await == 0).await;
}

/// The guard: a pause of an inventory lasts longer than the change that it covers, whatever that waits for.
#[test]
fn a_pause_lasts_longer_than_any_transaction() {
    assert!(TRANSACTION_MAX + COMMIT_MAX < actors::inventory::PAUSE_MAX);
}
