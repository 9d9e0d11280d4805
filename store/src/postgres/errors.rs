//! Database errors, classified once by SQLSTATE.

use std::{error::Error as _, io, time::Duration};

use deadpool_postgres::{HookError, PoolError};
use domain::repositories::RepositoryError;
use tokio_postgres::{
    error::{DbError, Severity, SqlState},
    types::WrongType,
};

/// A statement failed, or a row is not what this version expects.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no, or could not be reached.
    #[error("{}", describe(.0))]
    Database(#[from] tokio_postgres::Error),
    /// No connection could be had.
    #[error("no connection to the database: {}", describe_pool(.0))]
    Pool(#[from] PoolError),
    /// No answer came within this time. The connection is closed and the statement is cancelled.
    #[error("the database did not answer within {0:?}")]
    Deadline(Duration),
    /// As many searches are under way as may be.
    #[error("too many searches are under way")]
    Busy,
    /// A row does not make sense.
    #[error("unexpected value in the database: {0}")]
    Row(String),
    /// A transaction failed, and none of it was written. See [`RequestPool::transaction`](super::connection::RequestPool::transaction).
    #[error("{0}, and nothing was written")]
    RolledBack(Box<StoreError>),
    /// A commit was sent, and no answer says whether it was written.
    #[error("nobody knows whether the transaction was committed: {0}")]
    OutcomeUnknown(Box<StoreError>),
}

/// What an error means to anyone who waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The trouble passes by itself: the database is away or starts, was told to end the connection, is read-only, has no room, or a
    /// lock or another transaction was in the way. The same request may succeed in a moment.
    Passing,
    /// A value that the database can't take, such as a text with a NUL character. The client sent it.
    Data,
    /// This program or its schema is wrong.
    Defect,
}

/// The class of what the driver says. A connection that broke is passing; an answer is judged by its SQLSTATE.
pub fn classify(error: &tokio_postgres::Error) -> ErrorClass {
    match error.as_db_error() {
        Some(answer) => class_of_state(answer.code()),
        None if is_broken_connection(error) => ErrorClass::Passing,
        None => ErrorClass::Defect,
    }
}

/// The class of a SQLSTATE (PostgreSQL documentation, appendix A).
pub fn class_of_state(state: &SqlState) -> ErrorClass {
    const PASSING: [SqlState; 9] = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::QUERY_CANCELED,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::IO_ERROR,
        SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN,
        SqlState::SYSTEM_ERROR,
    ];
    let code = state.code();
    if PASSING.contains(state) || AWAY.iter().any(|class| code.starts_with(class)) {
        ErrorClass::Passing
    } else if code.starts_with("22") {
        ErrorClass::Data
    } else {
        ErrorClass::Defect
    }
}

/// Whether there was no connection, or it ended before an answer came. What the driver itself finds wrong with a row or a message is
/// something else.
fn is_broken_connection(error: &tokio_postgres::Error) -> bool {
    let broken = |cause: &io::Error| !matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
    match error.source() {
        Some(cause) => cause.downcast_ref::<io::Error>().is_some_and(broken),
        // The driver tells the end of its time for a connection by its text only.
        None => error.is_closed() || error.to_string().starts_with("timeout"),
    }
}

/// Classes of SQLSTATE. 08: connection exceptions, with which PgBouncer speaks as well. 53: insufficient resources. 57P: operator
/// intervention.
const AWAY: [&str; 3] = ["08", "53", "57P"];

/// Whether the transaction of the statement that was answered like this has surely not been committed. A connection that is told to
/// end may be told so just after its commit.
pub(crate) fn is_definite(answer: &DbError) -> bool {
    let ends = matches!(answer.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
    !ends && !answer.code().code().starts_with("57P")
}

impl StoreError {
    /// What the error means.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Database(error) => classify(error),
            Self::Pool(_) | Self::Deadline(_) | Self::Busy | Self::OutcomeUnknown(_) => ErrorClass::Passing,
            Self::Row(_) => ErrorClass::Defect,
            Self::RolledBack(cause) => cause.class(),
        }
    }

    /// Whether the same may succeed later by itself. Unlike [`class`](Self::class) it tells why a connection can't be had: a wrong password
    /// does not pass.
    pub fn passes(&self) -> bool {
        match self {
            Self::Database(error) => classify(error) == ErrorClass::Passing,
            Self::Pool(PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error))) => {
                classify(error) == ErrorClass::Passing
            }
            Self::Pool(error) => matches!(error, PoolError::Timeout(_)),
            Self::Deadline(_) | Self::Busy => true,
            Self::Row(_) => false,
            Self::RolledBack(cause) | Self::OutcomeUnknown(cause) => cause.passes(),
        }
    }

    /// Whether a row has a value that this program can't take, such as a date beyond its calendar, though its columns are those that
    /// were asked for: the other rows can be read.
    pub(crate) fn is_of_one_row(&self) -> bool {
        match self {
            Self::Row(_) => true,
            Self::Database(error) => match (error.as_db_error(), error.source()) {
                (None, Some(cause)) => !cause.is::<WrongType>() && !is_broken_connection(error),
                _ => false,
            },
            _ => false,
        }
    }

    /// The unique or foreign key constraint that a statement has violated.
    pub fn violated(&self) -> Option<&str> {
        let Self::Database(error) = self else { return None };
        match error.code() {
            Some(&SqlState::UNIQUE_VIOLATION | &SqlState::FOREIGN_KEY_VIOLATION) => error.as_db_error()?.constraint(),
            _ => None,
        }
    }

    /// Whether the same transaction may succeed when it is run again at once: it met another one, or its connection broke.
    pub(crate) fn is_repeatable(&self) -> bool {
        let Self::Database(error) = self else { return false };
        match error.as_db_error() {
            Some(answer) => {
                const REPEATABLE: [SqlState; 3] = [
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    SqlState::T_R_DEADLOCK_DETECTED,
                    SqlState::LOCK_NOT_AVAILABLE,
                ];
                REPEATABLE.contains(answer.code()) || answer.code().code().starts_with("57P")
            }
            None => is_broken_connection(error),
        }
    }
}

impl From<StoreError> for RepositoryError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match (&error, error.class()) {
            (StoreError::RolledBack(_), ErrorClass::Passing) => Self::RolledBack(text),
            (_, ErrorClass::Passing) => Self::Unavailable(text),
            (_, ErrorClass::Data) => Self::Data(text),
            (_, ErrorClass::Defect) => Self::Broken(text),
        }
    }
}

/// The whole reason: the driver's own text is only `db error`.
fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
    }
}

/// What PostgreSQL says when it refuses a connection (`the database system is starting up`), or why none was asked for.
fn describe_pool(error: &PoolError) -> String {
    match error {
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => describe(error),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_no_defect() {
        let passing = [
            "08000", "08003", "08006", "08P01", "40001", "40P01", "55P03", "57014", "25006", "25P03", "53100", "53200",
            "53300", "53400", "57P01", "57P02", "57P03", "57P05", "58030",
        ];
        for code in passing {
            assert_eq!(class_of_state(&SqlState::from_code(code)), ErrorClass::Passing, "{code}");
        }
        for code in ["22021", "22P05", "22003", "22001"] {
            assert_eq!(class_of_state(&SqlState::from_code(code)), ErrorClass::Data, "{code}");
        }
        for code in ["42601", "42P01", "23505", "23514", "25001", "25P02", "XX000", "0A000", "28P01", "P0001"] {
            assert_eq!(class_of_state(&SqlState::from_code(code)), ErrorClass::Defect, "{code}");
        }
    }

    #[test]
    fn the_repository_tells_a_roll_back_from_silence() {
        let deadline = || StoreError::Deadline(Duration::from_secs(1));
        let of = |error: StoreError| RepositoryError::from(error);
        assert!(matches!(of(deadline()), RepositoryError::Unavailable(_)));
        assert!(matches!(of(StoreError::RolledBack(deadline().into())), RepositoryError::RolledBack(_)));
        assert!(matches!(of(StoreError::OutcomeUnknown(deadline().into())), RepositoryError::Unavailable(_)));
        let row = StoreError::Row("strange".to_owned());
        assert!(matches!(of(StoreError::RolledBack(row.into())), RepositoryError::Broken(_)));
    }
}
