//! The catalogue as organizers and admins change it: one transaction a change, which checks whose it is, its revision and its
//! rules under the row's lock.

mod catalogue;
mod copies;
mod events;
mod guests;
mod requests;
mod sales;
mod seat_maps;
mod series;
mod settings;
mod steps;
mod texts;
mod ticket_types;
mod upkeep;

use domain::{
    audit::{Action, Deed},
    events::{EventStatus, SaleWindow},
    ids::{EventId, SeriesId},
    management::{ChangeError, Conflict, Expected, Manager, Reach},
    validation::FieldError,
};
use tokio_postgres::{
    Row, Transaction,
    types::{ToSql, Type},
};

use super::{
    super::{
        rows::{self, StoreError},
        transaction::TransactionError,
    },
    audit,
};

/// A value with its type, so that no statement is prepared.
type Typed<'a> = (&'a (dyn ToSql + Sync), Type);

/// Why a transaction was not committed.
#[derive(Debug)]
enum Fault {
    Change(ChangeError),
    Store(StoreError),
}

impl From<Fault> for ChangeError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Change(error) => error,
            Fault::Store(error) => Self::Repository(error.into()),
        }
    }
}

impl From<ChangeError> for Fault {
    fn from(error: ChangeError) -> Self {
        Self::Change(error)
    }
}

impl From<Conflict> for Fault {
    fn from(conflict: Conflict) -> Self {
        Self::Change(conflict.into())
    }
}

impl From<FieldError> for Fault {
    fn from(error: FieldError) -> Self {
        Self::Change(error.into())
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<deadpool_postgres::PoolError> for Fault {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Store(error.into())
    }
}

impl TransactionError for Fault {
    fn into_store(self) -> Result<StoreError, Self> {
        match self {
            Self::Store(error) => Ok(error),
            fault @ Self::Change(_) => Err(fault),
        }
    }
}

/// Turns the violation of a constraint into what it means to the caller.
fn on_violation(error: impl Into<StoreError>, meaning: impl FnOnce(&str) -> Option<Fault>) -> Fault {
    let error = error.into();
    match error.violated().and_then(meaning) {
        Some(fault) => fault,
        None => error.into(),
    }
}

/// Whether the row is what the caller has seen.
fn is_expected(row: &Row, expected: Expected) -> Result<(), Fault> {
    let revision: i32 = row.try_get("revision")?;
    if expected.is_none_or(|expected| expected == revision) { Ok(()) } else { Err(ChangeError::Stale.into()) }
}

/// An event that is locked until the end of the transaction.
#[derive(Debug)]
struct LockedEvent {
    id: EventId,
    organizer: uuid::Uuid,
    status: EventStatus,
    series: Option<SeriesId>,
    /// The version of its map.
    seat_map: Option<uuid::Uuid>,
    currency: String,
    starts_at: jiff::Timestamp,
    ends_at: jiff::Timestamp,
    sale: SaleWindow,
}

const LOCK_EVENT: &str = "SELECT revision, organizer_id, status::text AS status, series_id, seat_map_id, currency::text AS currency, starts_at, ends_at, \
    sale_starts_at, sale_ends_at FROM events WHERE id = $1 AND ($2::uuid IS NULL OR organizer_id = $2) FOR NO KEY UPDATE";

/// Locks an event that `by` may change. Another organizer's is not found.
async fn lock_event(
    transaction: &Transaction<'_>,
    by: &Manager,
    id: EventId,
    expected: Expected,
) -> Result<LockedEvent, Fault> {
    let only = by.only().map(|account| account.0);
    let rows = transaction.query_typed(LOCK_EVENT, &[(&id.0, Type::UUID), (&only, Type::UUID)]).await?;
    let row = rows.first().ok_or(ChangeError::NotFound)?;
    is_expected(row, expected)?;
    Ok(LockedEvent {
        id,
        organizer: row.try_get("organizer_id")?,
        status: rows::parse(row.try_get("status")?)?,
        series: row.try_get::<_, Option<uuid::Uuid>>("series_id")?.map(SeriesId),
        seat_map: row.try_get("seat_map_id")?,
        currency: row.try_get("currency")?,
        starts_at: row.try_get("starts_at")?,
        ends_at: row.try_get("ends_at")?,
        sale: SaleWindow { starts_at: row.try_get("sale_starts_at")?, ends_at: row.try_get("sale_ends_at")? },
    })
}

impl LockedEvent {
    /// Refuses what can't be changed any more.
    fn editable(&self) -> Result<(), Fault> {
        if self.status.is_editable() {
            return Ok(());
        }
        Err(Conflict::Event("a cancelled or archived event is not changed any more").into())
    }
}

/// Writes down in the audit log what an admin does; what organizers do with their own is not in it. The last statement of its
/// transaction: writers of the log wait for each other.
async fn note(
    transaction: &Transaction<'_>,
    by: &Manager,
    action: Action,
    (target_kind, target_id): (&'static str, String),
    details: serde_json::Value,
) -> Result<(), Fault> {
    if by.reach == Reach::All {
        let deed =
            Deed { at: jiff::Timestamp::now(), actor: by.actor.clone(), action, target_kind, target_id, details };
        audit::record(transaction, deed).await?;
    }
    Ok(())
}

/// Commits a change of something that an event sells, with the note of it.
async fn commit_noted(
    transaction: deadpool_postgres::Transaction<'_>,
    by: &Manager,
    action: Action,
    target: (&'static str, String),
    event: EventId,
) -> Result<(), Fault> {
    note(&transaction, by, action, target, serde_json::json!({ "event": event })).await?;
    transaction.commit().await?;
    Ok(())
}

/// Moves the versions of an event's quotas on: whoever has decided on the old plan, and did not pause, is refused.
async fn plan_changed(transaction: &Transaction<'_>, event: EventId) -> Result<(), Fault> {
    let statement = "UPDATE quotas SET version = version + 1 WHERE event_id = $1";
    transaction.execute_typed(statement, &[(&event.0, Type::UUID)]).await?;
    Ok(())
}

/// A number for a column of signed ones; the domain has checked its bounds.
fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
