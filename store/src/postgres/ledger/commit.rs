//! Group commit: one group of decisions, one round trip.

use std::time::Duration;

use deadpool_postgres::Object;
use domain::{
    ids::EventId,
    ledger::{CommitError, EventBatch, Rejection},
};
use tokio_postgres::{Error, error::SqlState};

use super::{
    super::{connection::Typed, errors::is_definite, rows::StoreError},
    PgLedger,
    group::Group,
    lease::Lease,
};

/// How long a commit may take. Nobody waits that long for a booking.
const COMMIT_MAX: Duration = Duration::from_secs(10);

const STATEMENT: &str = "SELECT ledger_commit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// See [`domain::ledger::Ledger::commit`].
pub(super) async fn commit(ledger: &PgLedger, batches: &[EventBatch]) -> Result<(), CommitError> {
    let mut lease = Lease::of(&ledger.pools.commits).await.map_err(unavailable)?;
    let group = Group::of(batches);
    let typed = group.parameters(&ledger.session, &ledger.types);
    let client = lease.client().map_err(unavailable)?;
    let written = async {
        loop {
            match write(client, &typed, ledger.options.prepared_statements).await {
                // Somebody ends a session or waits for what is in flight, and no other commit gets past that either. It is over soon.
                Err(Failure::Fence) => continue,
                Err(Failure::Commit(error)) => return Err(error),
                Ok(()) => return Ok(()),
            }
        }
    };
    match tokio::time::timeout(COMMIT_MAX, written).await {
        Ok(result) => {
            lease.give_back();
            result
        }
        // What waits for an answer is no connection to hand out again: dropped, it is closed and the statement is cancelled. Anyone who
        // loads the event next waits for the end of it.
        Err(_) => Err(CommitError::Unknown(format!("no answer within {COMMIT_MAX:?}"))),
    }
}

/// Why one try has failed.
enum Failure {
    /// It has waited for an advisory lock of `ledger_commit`, and was rolled back.
    Fence,
    /// Anything else.
    Commit(CommitError),
}

/// The function has done its work when its row arrives; the transaction has committed when the rows end, and both kinds of query wait for
/// that.
async fn write(client: &Object, typed: &[Typed<'_>], prepared: bool) -> Result<(), Failure> {
    let written = if prepared {
        let statement = client.prepare_cached(STATEMENT).await;
        let statement = statement.map_err(|error| Failure::Commit(unavailable(error.into())))?;
        let parameters: Vec<_> = typed.iter().map(|(value, _)| *value).collect();
        client.query(&statement, &parameters).await
    } else {
        client.query_typed(STATEMENT, typed).await
    };
    written.map(drop).map_err(|error| if is_fence(&error) { Failure::Fence } else { Failure::Commit(classify(error)) })
}

fn unavailable(error: StoreError) -> CommitError {
    CommitError::Unavailable(error.to_string())
}

/// Whether a commit waited in vain for one of the locks that all commits share, which it takes before any row's. A row's lock is
/// somebody's who may keep it, and its code is the same; but the server says in which statement of the function it has waited.
fn is_fence(error: &Error) -> bool {
    error.as_db_error().is_some_and(|answer| {
        *answer.code() == SqlState::LOCK_NOT_AVAILABLE
            && answer.where_().is_some_and(|place| place.contains("pg_advisory_xact_lock_shared"))
    })
}

/// What an error says about the group. An answer of the server means that the transaction was rolled back; no answer means
/// nothing at all.
fn classify(error: Error) -> CommitError {
    let Some(db) = error.as_db_error() else { return CommitError::Unknown(error.to_string()) };
    let text = || format!("{} ({})", db.message(), db.code().code());
    match db.code().code() {
        "BX001" => return CommitError::Fenced,
        "BX002" => {
            return match db.detail().and_then(|event| event.parse::<EventId>().ok()) {
                Some(event) => CommitError::Stale(event),
                None => CommitError::Unavailable(text()),
            };
        }
        "BX003" => return CommitError::Rejected(Rejection::NotOpen),
        "BX004" => return CommitError::Rejected(Rejection::MoneyChanged),
        _ => {}
    }
    match (db.code(), db.constraint()) {
        // The id as well: a commit whose answer was lost has written the very same entry, under the same key.
        (
            &SqlState::UNIQUE_VIOLATION,
            Some("bookings_account_key" | "holds_account_key" | "bookings_pkey" | "holds_pkey"),
        ) => CommitError::KeyTaken,
        // Somebody else has the key of the cancellation since it was looked up, or another payment has paid the booking.
        (
            &SqlState::UNIQUE_VIOLATION,
            Some("cancellations_account_key" | "cancellations_pkey" | "payments_one_pays_idx"),
        ) => CommitError::Rejected(Rejection::MoneyChanged),
        (&SqlState::LOCK_NOT_AVAILABLE, _) => CommitError::Locked(text()),
        (&SqlState::FOREIGN_KEY_VIOLATION, Some("bookings_account_id")) => {
            CommitError::Rejected(Rejection::AccountGone)
        }
        (_, Some(constraint)) => CommitError::Rejected(Rejection::Guard(constraint.to_owned())),
        (&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED, _) => CommitError::TryAgain(text()),
        // A connection that is told to end may be told so just after its commit.
        _ if !is_definite(db) => CommitError::Unknown(text()),
        // Out of disk or memory, cancelled: rolled back, whatever the reason.
        _ => CommitError::Unavailable(text()),
    }
}
