//! Catalogue management: one transaction per change, which checks ownership, revision and rules under the row's lock.
//!
//! Locks are taken in one order: the event's row, its quotas by their ids, ticket types, tags, the rows that join tags to events by
//! (tag, event), venues and seat maps, listings by their events, the audit log. Two exceptions make no circle: a change of an event locks
//! the seat map that it will sell before the quotas, and only who deletes the map, holding nothing of an event, waits for that; and a
//! deleted event's tags go before its ticket types, which nobody locks without the event's row.

mod allowances;
mod catalogue;
mod copies;
mod dates;
mod events;
mod guests;
mod offering;
pub(super) mod pricing;
mod promo_codes;
mod reconciliation;
mod references;
mod requests;
mod sales;
mod seat_maps;
mod series;
mod settings;
mod steps;
mod tags;
mod texts;
mod ticket_types;
mod upkeep;

use std::sync::LazyLock;

use application::acting;
use domain::{
    audit::{Action, Actor, Deed},
    events::Event,
    ids::EventId,
    management::{ChangeError, Changed, Conflict, Expected, Manager},
    validation::FieldError,
};
use serde_json::Value;
use tokio_postgres::{Row, types::Type};

use super::{
    super::{
        audit,
        connection::{Statements, Transaction, Typed},
        rows::StoreError,
        transaction::TransactionError,
    },
    PgStore,
    event_columns::{SELECTED, event},
};

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
    if expected.is_none_or(|expected| expected.has(revision)) { Ok(()) } else { Err(ChangeError::Stale.into()) }
}

static EVENT: LazyLock<String> = LazyLock::new(|| {
    let columns = &*SELECTED;
    format!("SELECT e.revision, {columns} FROM events e WHERE e.id = $1 AND ($2::uuid IS NULL OR e.organizer_id = $2)")
});

/// Locks an event that `by` may change. Another organizer's is not found. Says nothing about what is sold: see [`open_plan`].
async fn lock_event(transaction: &Transaction, by: &Manager, id: EventId, expected: Expected) -> Result<Event, Fault> {
    event_by(transaction, &format!("{} FOR NO KEY UPDATE", *EVENT), by, id, expected).await
}

/// The same without a lock: what is true now.
async fn read_event(
    connection: &impl Statements,
    by: &Manager,
    id: EventId,
    expected: Expected,
) -> Result<Event, Fault> {
    event_by(connection, &EVENT, by, id, expected).await
}

async fn event_by(
    connection: &impl Statements,
    statement: &str,
    by: &Manager,
    id: EventId,
    expected: Expected,
) -> Result<Event, Fault> {
    let only = by.only().map(|account| account.0);
    let rows = connection.query_typed(statement, &[(&id.0, Type::UUID), (&only, Type::UUID)]).await?;
    let row = rows.first().ok_or(ChangeError::NotFound)?;
    is_expected(row, expected)?;
    Ok(event(row)?)
}

/// How each change begins that looks at what is held or sold, or changes what is sold: the event is locked and judged, and then the
/// versions move. What the transaction looks at afterwards stays as it sees it.
async fn open_plan(transaction: &Transaction, by: &Manager, id: EventId, expected: Expected) -> Result<Event, Fault> {
    let event = lock_event(transaction, by, id, expected).await?;
    editable(&event)?;
    move_versions(transaction, id).await?;
    Ok(event)
}

/// Moves the versions of all quotas of a locked event on. That waits for the commits of bookings under way, so the next statement sees
/// what they have written; and whatever else was decided on the old plan is refused by the ledger, whether its inventory was paused
/// or not. In the order of their ids, as the ledger takes them.
async fn move_versions(transaction: &Transaction, event: EventId) -> Result<(), Fault> {
    let parameters: [Typed<'_>; 1] = [(&event.0, Type::UUID)];
    let lock = "SELECT 1 FROM quotas WHERE event_id = $1 ORDER BY id FOR NO KEY UPDATE";
    transaction.query_typed(lock, &parameters).await?;
    let statement = "UPDATE quotas SET version = version + 1 WHERE event_id = $1";
    transaction.execute_typed(statement, &parameters).await?;
    Ok(())
}

/// Refuses what can't be changed any more.
fn editable(event: &Event) -> Result<(), Fault> {
    if event.status.is_editable() {
        return Ok(());
    }
    Err(Conflict::Event("a cancelled or archived event is not changed any more").into())
}

/// What the audit log says of a change that an administrator makes, beside the values; what organizers do with their own is not in it.
struct Note {
    action: Action,
    target: (&'static str, String),
    details: Value,
}

impl Note {
    fn new(action: Action, kind: &'static str, id: impl ToString, details: Value) -> Option<Self> {
        Some(Self { action, target: (kind, id.to_string()), details })
    }

    fn deed(self, actor: &Actor) -> Deed {
        let (kind, target_id) = self.target;
        Deed {
            at: jiff::Timestamp::now(),
            actor: actor.clone(),
            action: self.action,
            target_kind: kind.to_owned(),
            target_id,
            details: self.details,
        }
    }

    /// Of something that an event sells.
    fn of_sales(action: Action, kind: &'static str, id: impl ToString, event: EventId) -> Option<Self> {
        Self::new(action, kind, id, serde_json::json!({ "event": event }))
    }
}

impl PgStore {
    /// Runs a change in a transaction, and notes in it what `body` says, when an administrator makes it, whatever the route. That is the last
    /// statement: writers of the log wait for each other. See [`RequestPool::transaction`](super::super::connection::RequestPool::transaction) for when `body` is run again.
    async fn noted<T: Send, F>(&self, by: &Manager, body: impl Fn(Transaction) -> F + Send + Sync) -> Changed<T>
    where
        F: Future<Output = Result<(T, Option<Note>), Fault>> + Send,
    {
        let body = &body;
        let outcome = self
            .pool
            .transaction(|transaction| async move {
                let (value, note) = body(transaction.clone()).await?;
                if let (Some(note), Some(_)) = (note, acting::administrator()) {
                    let changes = audit::take_changes(&transaction).await?;
                    // The repetition of a request has made nothing, and some changes change nothing.
                    if !changes.is_empty() {
                        audit::write(&transaction, note.deed(&by.actor).with(&changes)).await?;
                    }
                }
                Ok(value)
            })
            .await;
        outcome.map_err(Fault::into)
    }
}

/// A count as a number of places.
fn unsigned_count(row: &Row, column: &str) -> Result<u32, StoreError> {
    u32::try_from(row.try_get::<_, i64>(column)?).map_err(|error| StoreError::Row(format!("{column}: {error}")))
}
