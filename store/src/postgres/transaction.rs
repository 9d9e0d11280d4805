//! Transactions outside of the ledger: begin, run, commit, with retry after conflicts.

use std::time::Duration;

use application::acting;
use domain::backoff::Backoff;
use metrics::counter;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    audit,
    connection::{RequestPool, Transaction},
    errors::StoreError,
};

/// How long a transaction may run until its COMMIT, all its tries together, and the way to a connection included; the answer to the COMMIT
/// is waited for by [`COMMIT_MAX`](super::connection::COMMIT_MAX). For locks it waits five seconds at
/// most in each statement, which the database sees to (`lock_timeout`).
pub const TRANSACTION_MAX: Duration = Duration::from_secs(10);
/// How often it is tried.
const TRIES_MAX: u32 = 6;
const WAITS: Backoff = Backoff::doubling(Duration::from_millis(20), Duration::from_millis(320));

/// The error of a transaction's body: something of the caller's own, or the database's.
pub trait TransactionError: From<StoreError> {
    /// The trouble with the database, or the caller's own error as it is.
    fn into_store(self) -> Result<StoreError, Self>
    where
        Self: Sized;
}

impl TransactionError for StoreError {
    fn into_store(self) -> Result<StoreError, Self> {
        Ok(self)
    }
}

impl RequestPool {
    /// Runs `body` in a transaction and commits what it did; its error rolls back. Everything is read committed.
    ///
    /// What it changes for an administrator is written into the audit log before the commit, unless `body` has done so.
    ///
    /// It is run again, in a new transaction and after a back-off, when it was surely rolled back because of
    /// another transaction (serialisation failure, deadlock, a lock not had in time) or because its connection broke. So what it
    /// does beside its statements must bear repetition. At most six tries within ten seconds, and five
    /// seconds for the COMMIT.
    ///
    /// # Errors
    ///
    /// What `body` refuses with comes back as it is. Trouble with the database comes back as [`StoreError::RolledBack`], when nothing
    /// was written for sure, and as [`StoreError::OutcomeUnknown`] when the answer to a commit did not come.
    pub async fn transaction<T, E, F>(&self, mut body: impl FnMut(Transaction) -> F) -> Result<T, E>
    where
        E: TransactionError,
        F: Future<Output = Result<T, E>>,
    {
        let deadline = Instant::now() + TRANSACTION_MAX;
        let mut tries = 1;
        loop {
            let error = match self.attempt(deadline, &mut body).await {
                Ok(value) => return Ok(value),
                Err(error) => error.into_store()?,
            };
            let wait = WAITS.after(tries);
            if tries == TRIES_MAX || !error.is_repeatable() || Instant::now() + wait >= deadline {
                return Err(rolled_back(error).into());
            }
            tracing::debug!(%error, tries, "a transaction is run again");
            counter!("boxoffice_transaction_retries_total").increment(1);
            sleep(wait).await;
            tries += 1;
        }
    }

    async fn attempt<T, E, F>(&self, deadline: Instant, body: &mut impl FnMut(Transaction) -> F) -> Result<T, E>
    where
        E: TransactionError,
        F: Future<Output = Result<T, E>>,
    {
        let late = || E::from(StoreError::Deadline(TRANSACTION_MAX));
        let administrator = acting::administrator();
        let begun =
            timeout_at(deadline, async { Transaction::begin(self.get().await?, administrator.is_some()).await });
        let transaction = begun.await.map_err(|_| late())??;
        // Dropped at the deadline: the connection is closed and the statement is cancelled, which rolls back.
        let work = body(transaction.clone());
        let whole = async {
            let value = work.await?;
            if let Some(actor) = administrator {
                audit::record_rest(&transaction, actor).await?;
            }
            Ok(value)
        };
        let done = timeout_at(deadline, whole).await.map_err(|_| late())?;
        match done {
            Ok(value) => {
                transaction.commit().await?;
                Ok(value)
            }
            Err(error) => {
                transaction.roll_back().await;
                Err(error)
            }
        }
    }
}

fn rolled_back(error: StoreError) -> StoreError {
    match error {
        StoreError::OutcomeUnknown(_) | StoreError::RolledBack(_) => error,
        error => StoreError::RolledBack(Box::new(error)),
    }
}
