//! One group of decisions, one round trip.

use std::{sync::LazyLock, time::Duration};

use deadpool_postgres::Object;
use domain::{
    ids::EventId,
    ledger::{CommitError, EventBatch, Rejection},
};
use tokio_postgres::{Error, error::SqlState};

use super::{
    super::{errors::is_definite, rows::StoreError},
    PgLedger,
    columns::Columns,
};

/// How long a commit may take (D5). Nobody waits that long for a booking.
const COMMIT_MAX: Duration = Duration::from_secs(10);

/// `SELECT ledger_commit($1, …)` with as many parameters as there are.
static STATEMENT: LazyLock<String> = LazyLock::new(|| {
    let count = Columns::default().parameters(&0).len();
    let places: Vec<String> = (1..=count).map(|place| format!("${place}")).collect();
    format!("SELECT ledger_commit({})", places.join(", "))
});

/// See [`domain::ledger::Ledger::commit`].
pub(super) async fn commit(ledger: &PgLedger, batches: &[EventBatch]) -> Result<(), CommitError> {
    let unavailable = |error: StoreError| CommitError::Unavailable(error.to_string());
    let client = ledger.pools.commits.get().await.map_err(|error| unavailable(error.into()))?;
    let columns = Columns::of(batches);
    let typed = columns.parameters(&ledger.session);
    // The function has done its work when its row arrives; the transaction has committed when the rows end, and both kinds
    // of query wait for that.
    let written = async {
        if ledger.options.prepared_statements {
            let statement = client.prepare_cached(&STATEMENT).await.map_err(|error| unavailable(error.into()))?;
            let parameters: Vec<_> = typed.iter().map(|(value, _)| *value).collect();
            client.query(&statement, &parameters).await.map_err(classify)
        } else {
            client.query_typed(&STATEMENT, &typed).await.map_err(classify)
        }
    };
    match tokio::time::timeout(COMMIT_MAX, written).await {
        Ok(result) => result.map(drop),
        Err(_) => {
            // What waits for an answer is no connection to hand out again. Closing it lets the back end end by itself, and
            // whoever loads the event next waits for that.
            drop(Object::take(client));
            Err(CommitError::Unknown(format!("no answer within {COMMIT_MAX:?}")))
        }
    }
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
        _ => {}
    }
    match (db.code(), db.constraint()) {
        // The id as well: a commit whose answer was lost has written the very same entry, under the same key.
        (
            &SqlState::UNIQUE_VIOLATION,
            Some("bookings_account_key" | "holds_account_key" | "bookings_pkey" | "holds_pkey"),
        ) => CommitError::KeyTaken,
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
