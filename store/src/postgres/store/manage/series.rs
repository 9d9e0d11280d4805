//! Event series.

use std::collections::HashSet;

use async_trait::async_trait;
use domain::{
    audit::Action,
    events::{
        Event,
        fields::EventFields,
        occurrences::{SERIES_MAX, Starts},
    },
    ids::{EventId, SeriesId},
    management::{
        ChangeError, Changed, Conflict, Expected, Manager,
        series::{Occurrence, SeriesManagement},
    },
    repositories::Found,
};
use jiff::Timestamp;
use tokio_postgres::{Row, types::Type};

use super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            rows::{self, StoreError, readable},
        },
        PgStore,
    },
    Fault, Note,
    allowances::check_drafts,
    copies::{Copy, is_made, make_copies},
    editable,
    events::{cancellation, refund_counts},
    lock_event,
    tags::{defer_listings, refresh_listings},
};

const OCCURRENCES: &str = concat!(
    "SELECT e.id, e.slug, e.title, e.status::text AS status, e.publish_at, e.starts_at, e.ends_at, \
        c.total, c.done, c.started_at, c.finished_at, ",
    refund_counts!(),
    " FROM events e LEFT JOIN event_cancellations c ON c.event_id = e.id \
    WHERE e.series_id = $1 AND ($2::uuid IS NULL OR e.organizer_id = $2) ORDER BY e.starts_at"
);

const MEMBERSHIP: &str = "UPDATE events SET series_id = $2, revision = revision + 1, updated_at = now() WHERE id = $1";

/// Who adds to a series from one occurrence waits for who adds to it from another: together they must not be too many.
const TURN: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))";

fn occurrence(row: &Row) -> Result<Occurrence, StoreError> {
    Ok(Occurrence {
        id: EventId(row.try_get("id")?),
        slug: row.try_get("slug")?,
        title: row.try_get("title")?,
        status: rows::parse(row.try_get("status")?)?,
        publish_at: row.try_get("publish_at")?,
        starts_at: row.try_get("starts_at")?,
        ends_at: row.try_get("ends_at")?,
        cancellation: cancellation(row)?,
    })
}

impl PgStore {
    async fn read_occurrences(&self, by: &Manager, id: SeriesId) -> Result<Vec<Occurrence>, StoreError> {
        let only = by.only().map(|account| account.0);
        let client = self.pool.get().await?;
        let rows = client.query_typed(OCCURRENCES, &[(&id.0, Type::UUID), (&only, Type::UUID)]).await?;
        readable(&rows, occurrence)
    }
}

/// The event's series, or a new one whose first occurrence it becomes.
async fn join(transaction: &Transaction, event: &Event) -> Result<SeriesId, Fault> {
    if let Some(series) = event.series_id {
        return Ok(series);
    }
    editable(event)?;
    let series = SeriesId::generate();
    belong(transaction, event.id, Some(series)).await?;
    Ok(series)
}

async fn belong(transaction: &Transaction, event: EventId, series: Option<SeriesId>) -> Result<(), Fault> {
    let series = series.map(|series| series.0);
    transaction.execute_typed(MEMBERSHIP, &[(&event.0, Type::UUID), (&series, Type::UUID)]).await?;
    Ok(())
}

/// No occurrence twice, and not too many.
async fn check_series(transaction: &Transaction, series: SeriesId, starts: &[Timestamp]) -> Result<(), Fault> {
    let name = series.to_string();
    let turn: [Typed<'_>; 1] = [(&name, Type::TEXT)];
    transaction.query_typed(TURN, &turn).await?;
    let statement = "SELECT starts_at FROM events WHERE series_id = $1";
    let mut there = HashSet::new();
    for row in transaction.query_typed(statement, &[(&series.0, Type::UUID)]).await? {
        there.insert(row.try_get::<_, Timestamp>("starts_at")?);
    }
    let repeated: Vec<Timestamp> = starts.iter().filter(|at| there.contains(at)).copied().collect();
    if !repeated.is_empty() {
        return Err(Conflict::Repeated(repeated).into());
    }
    if there.len() + starts.len() > SERIES_MAX {
        return Err(Conflict::Event("a series has at most 400 occurrences").into());
    }
    Ok(())
}

#[async_trait]
impl SeriesManagement for PgStore {
    async fn occurrences(&self, by: &Manager, id: SeriesId) -> Found<Vec<Occurrence>> {
        Ok(self.read_occurrences(by, id).await?)
    }

    async fn create_occurrences(
        &self,
        by: &Manager,
        event: EventId,
        expected: Expected,
        first: EventId,
        starts: &Starts,
    ) -> Changed<Option<SeriesId>> {
        self.noted(by, |transaction| async move {
            // Not the revision before: the repetition of a request has changed it itself.
            let event = lock_event(&transaction, by, event, None).await?;
            if is_made(&transaction, first).await? {
                return Ok((event.series_id, None));
            }
            let event = lock_event(&transaction, by, event.id, expected).await?;
            defer_listings(&transaction).await?;
            let series = join(&transaction, &event).await?;
            check_series(&transaction, series, starts.as_slice()).await?;
            let ids = std::iter::once(first).chain(std::iter::repeat_with(EventId::generate));
            let copies: Vec<_> =
                starts.as_slice().iter().zip(ids).map(|(starts_at, id)| Copy { id, starts_at: *starts_at }).collect();
            make_copies(&transaction, &event, &copies, Some(series)).await?;
            check_drafts(&transaction, by, event.organizer_id).await?;
            if event.series_id.is_none() {
                refresh_listings(&transaction, &[event.id.0]).await?;
            }
            let details = serde_json::json!({ "event": event.id, "occurrences": starts.as_slice().len() });
            Ok((Some(series), Note::new(Action::Created, "series", series, details)))
        })
        .await
    }

    async fn change_following(
        &self,
        by: &Manager,
        series: SeriesId,
        event: EventId,
        expected: Expected,
        fields: &EventFields,
    ) -> Changed<Vec<EventId>> {
        self.change_texts(by, series, event, expected, fields).await
    }

    async fn leave_series(&self, by: &Manager, series: SeriesId, event: EventId, expected: Expected) -> Changed {
        self.noted(by, |transaction| async move {
            let event = lock_event(&transaction, by, event, expected).await?;
            if event.series_id != Some(series) {
                return Err(ChangeError::NotFound.into());
            }
            belong(&transaction, event.id, None).await?;
            let details = serde_json::json!({ "left": series });
            Ok(((), Note::new(Action::Changed, "event", event.id, details)))
        })
        .await
    }
}
