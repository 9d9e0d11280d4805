//! Connection pool of everything that is not the ledger, with query cancellation: what a query that is given up does to
//! its connection.
//!
//! The driver sends a statement and waits for its rows; when nobody waits any more, the statement runs on, and the next user of its
//! connection waits for its end. So a [`Connection`] knows whether one of its statements is on its way: one that is dropped in
//! this state (the client hung up, or a deadline passed) does not go back to the pool. Its statement is cancelled and it is closed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::{Object, Pool};
use metrics::counter;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
pub use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, NoTls, Row, types::ToSql};

use super::errors::{StoreError, is_definite};

/// Added to the database's own limit for a statement: an answer that says so is better than silence.
const MARGIN: Duration = Duration::from_secs(2);
/// How long a statement of a search may take, unless somebody says otherwise.
const SEARCH_MAX: Duration = Duration::from_secs(5);
/// How long a request to cancel a statement may take.
const CANCEL_MAX: Duration = Duration::from_secs(5);
/// How long the answer to a COMMIT is waited for.
pub const COMMIT_MAX: Duration = Duration::from_secs(5);
/// How long the end of a transaction may take that is rolled back.
const ROLL_BACK_MAX: Duration = Duration::from_secs(1);

/// The triggers that note changes look for this.
const BEGIN_AUDITED: &str = "BEGIN; SET LOCAL boxoffice.acting = 'on'";

/// A value with its type. Statements with typed values are unnamed: one round trip each, and PgBouncer may pool transactions.
pub type Typed<'a> = (&'a (dyn ToSql + Sync), Type);

/// Whatever runs statements: a [`Connection`], a [`Transaction`], or a plain client of the driver.
pub trait Statements: Sync {
    /// All rows of a statement.
    fn query_typed(
        &self,
        statement: &str,
        parameters: &[Typed<'_>],
    ) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

    /// Runs a statement; how many rows it changed.
    fn execute_typed(
        &self,
        statement: &str,
        parameters: &[Typed<'_>],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// The pool of everything that is not the ledger. A clone is the same pool.
#[derive(Clone)]
pub struct RequestPool {
    pool: Pool,
    statement_max: Duration,
    /// How long a statement of a search may take.
    search_max: Duration,
    /// Connections that searches may have at once: half of them.
    searches: Arc<Semaphore>,
}

impl RequestPool {
    /// Over `pool`, whose connections end a statement after `statement_timeout` by themselves.
    pub fn new(pool: Pool, statement_timeout: Duration) -> Self {
        let searches = Arc::new(Semaphore::new((pool.status().max_size / 2).max(1)));
        Self { pool, statement_max: statement_timeout.saturating_add(MARGIN), search_max: SEARCH_MAX, searches }
    }

    /// With another limit for each statement of a search; five seconds otherwise.
    #[must_use]
    pub fn with_search_timeout(self, search_timeout: Duration) -> Self {
        Self { search_max: search_timeout, ..self }
    }

    /// A connection; waits for one as long as the pool's settings say.
    pub async fn get(&self) -> Result<Connection, StoreError> {
        Ok(Connection::new(self.pool.get().await?, self.statement_max, None))
    }

    /// A connection for a search, which costs as much as its words are common: half of the pool's connections are for something else.
    /// [`StoreError::Busy`] when none is free in as long as the pool lets anybody wait.
    pub async fn get_for_search(&self) -> Result<Connection, StoreError> {
        let turn = Arc::clone(&self.searches).acquire_owned();
        let turn = match self.pool.timeouts().wait {
            Some(wait) => timeout(wait, turn).await.map_err(|_| StoreError::Busy)?,
            None => turn.await,
        };
        let turn = turn.map_err(|_| StoreError::Busy)?;
        Ok(Connection::new(self.pool.get().await?, self.search_max.min(self.statement_max), Some(turn)))
    }

    /// The pool itself, for its figures and for what needs no care.
    pub fn plain(&self) -> &Pool {
        &self.pool
    }
}

/// A connection that its pool gets back only when nothing is on its way.
pub struct Connection {
    /// There until it is dropped.
    object: Option<Object>,
    /// How long a statement may take on this side.
    statement_max: Duration,
    /// Statements whose end has not been seen. One that was given up is counted for ever.
    on_their_way: AtomicUsize,
    /// Between BEGIN and the end of the transaction.
    is_open: AtomicBool,
    /// A statement has failed since BEGIN, so that PostgreSQL would take a COMMIT for a ROLLBACK and not say so.
    is_failed: AtomicBool,
    /// Given back with the connection.
    _turn: Option<OwnedSemaphorePermit>,
}

impl Connection {
    fn new(object: Object, statement_max: Duration, turn: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            object: Some(object),
            statement_max,
            _turn: turn,
            on_their_way: AtomicUsize::new(0),
            is_open: AtomicBool::new(false),
            is_failed: AtomicBool::new(false),
        }
    }

    /// All rows of a statement with typed values.
    pub async fn query_typed(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<Vec<Row>, StoreError> {
        self.answered(self.client()?.query_typed(statement, parameters)).await
    }

    /// The only row of a statement with typed values.
    pub async fn query_typed_one(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<Row, StoreError> {
        self.answered(self.client()?.query_typed_one(statement, parameters)).await
    }

    /// Runs a statement with typed values; how many rows it changed.
    pub async fn execute_typed(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<u64, StoreError> {
        self.answered(self.client()?.execute_typed(statement, parameters)).await
    }

    /// Runs statements without values.
    pub async fn batch_execute(&self, statements: &str) -> Result<(), StoreError> {
        self.answered(self.client()?.batch_execute(statements)).await
    }

    fn client(&self) -> Result<&Object, StoreError> {
        self.object.as_ref().ok_or_else(taken)
    }

    /// Waits for the end of a statement, at most for `statement_max`.
    async fn answered<T>(
        &self,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        self.on_their_way.fetch_add(1, Ordering::Relaxed);
        let Ok(answer) = timeout(self.statement_max, statement).await else {
            return Err(StoreError::Deadline(self.statement_max));
        };
        self.on_their_way.fetch_sub(1, Ordering::Relaxed);
        answer.map_err(|error| {
            self.is_failed.store(true, Ordering::Relaxed);
            error.into()
        })
    }

    /// Whether a statement was given up before its end.
    fn is_silent(&self) -> bool {
        self.on_their_way.load(Ordering::Relaxed) > 0
    }
}

/// Never seen: the object is there as long as the connection is.
fn taken() -> StoreError {
    StoreError::Row("a connection that was given back".to_owned())
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        let is_silent = self.is_silent();
        if !is_silent && !self.is_open.load(Ordering::Relaxed) {
            // Back to the pool.
            return drop(object);
        }
        counter!("boxoffice_pool_connections_abandoned_total").increment(1);
        let cancel = object.cancel_token();
        // Out of the pool, and closed: what was not committed is rolled back.
        drop(Object::take(object));
        if is_silent && let Ok(runtime) = Handle::try_current() {
            runtime.spawn(cancel_statement(cancel));
        }
    }
}

/// A closed connection ends only with its statement, which would hold its locks and its place until then.
pub(super) async fn cancel_statement(token: CancelToken) {
    match timeout(CANCEL_MAX, token.cancel_query(NoTls)).await {
        Ok(Ok(())) => tracing::debug!("a statement that nobody waits for was cancelled"),
        Ok(Err(error)) => tracing::debug!(%error, "a statement that nobody waits for can't be cancelled"),
        Err(_) => tracing::debug!("a statement that nobody waits for can't be cancelled: no answer"),
    }
}

/// An open transaction; see [`RequestPool::transaction`]. A clone is the same transaction.
#[derive(Clone)]
pub struct Transaction(Arc<Connection>);

impl Transaction {
    /// Begins one on `connection`; one for an administrator notes what it changes.
    pub(super) async fn begin(connection: Connection, is_audited: bool) -> Result<Self, StoreError> {
        // Before the statement: from the moment that it is sent.
        connection.is_open.store(true, Ordering::Relaxed);
        connection.batch_execute(if is_audited { BEGIN_AUDITED } else { "BEGIN" }).await?;
        Ok(Self(Arc::new(connection)))
    }

    /// Commits. [`StoreError::OutcomeUnknown`] when nobody can say whether it did, any other error after a roll-back.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        if self.0.is_failed.load(Ordering::Relaxed) {
            self.roll_back().await;
            return Err(StoreError::Row("a transaction went on after a statement that failed".to_owned()));
        }
        let Ok(answer) = timeout(COMMIT_MAX, self.0.batch_execute("COMMIT")).await else {
            return Err(StoreError::OutcomeUnknown(Box::new(StoreError::Deadline(COMMIT_MAX))));
        };
        match answer {
            Ok(()) => {
                self.0.is_open.store(false, Ordering::Relaxed);
                Ok(())
            }
            Err(StoreError::Database(error)) if error.as_db_error().is_some_and(is_definite) => {
                self.0.is_open.store(false, Ordering::Relaxed);
                Err(error.into())
            }
            Err(error) => Err(StoreError::OutcomeUnknown(Box::new(error))),
        }
    }

    /// Rolls back, unless a statement is on its way: then the connection is closed, with the same effect.
    pub(super) async fn roll_back(self) {
        if self.0.is_silent() {
            return;
        }
        if let Ok(Ok(())) = timeout(ROLL_BACK_MAX, self.0.batch_execute("ROLLBACK")).await {
            self.0.is_open.store(false, Ordering::Relaxed);
        }
    }
}

impl std::ops::Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl Statements for Connection {
    async fn query_typed(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<Vec<Row>, StoreError> {
        Self::query_typed(self, statement, parameters).await
    }

    async fn execute_typed(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<u64, StoreError> {
        Self::execute_typed(self, statement, parameters).await
    }
}

impl Statements for Transaction {
    async fn query_typed(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<Vec<Row>, StoreError> {
        self.0.query_typed(statement, parameters).await
    }

    async fn execute_typed(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<u64, StoreError> {
        self.0.execute_typed(statement, parameters).await
    }
}

impl Statements for tokio_postgres::Client {
    async fn query_typed(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<Vec<Row>, StoreError> {
        Ok(Self::query_typed(self, statement, parameters).await?)
    }

    async fn execute_typed(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<u64, StoreError> {
        Ok(Self::execute_typed(self, statement, parameters).await?)
    }
}

impl Statements for tokio_postgres::Transaction<'_> {
    async fn query_typed(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<Vec<Row>, StoreError> {
        Ok(Self::query_typed(self, statement, parameters).await?)
    }

    async fn execute_typed(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<u64, StoreError> {
        Ok(Self::execute_typed(self, statement, parameters).await?)
    }
}
