//! A published event that gets another time or place: who has booked it is told by a job.

use std::time::Duration;

use domain::{
    events::{Event, EventStatus, fields::EventFields},
    jobs::{EventDate, JobPayload},
};
use jiff::Timestamp;
use tokio_postgres::types::Type;

use super::{
    super::super::{connection::Transaction, jobs},
    Fault,
};

/// Who changes an event may change it again at once: that is told as one change.
const WAIT: Duration = Duration::from_secs(10);

/// A job that has told nobody yet tells of this change as well. Locked, it is not claimed before the change is there to be read.
const WAITING: &str = "SELECT id FROM jobs WHERE key = $1 AND kind = $2 AND status = 'PENDING' AND attempts = 0 \
    AND payload ->> 'after' IS NULL ORDER BY id LIMIT 1 FOR UPDATE";

const VENUE: &str = "SELECT name FROM venues WHERE id = $1";

/// Queues the job, if the change of the locked event is one that is told.
pub(super) async fn tell_of_change(
    transaction: &Transaction,
    before: &Event,
    fields: &EventFields,
) -> Result<(), Fault> {
    let is_same =
        (before.starts_at, before.ends_at, before.venue_id) == (fields.starts_at, fields.ends_at, fields.venue_id);
    if is_same || before.status != EventStatus::Published || before.ends_at <= Timestamp::now() {
        return Ok(());
    }
    let rows = transaction.query_typed(VENUE, &[(&before.venue_id.0, Type::UUID)]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let (starts_at, ends_at, venue_id) = (before.starts_at, before.ends_at, before.venue_id);
    let was = EventDate { starts_at, ends_at, venue_id, venue: row.try_get("name")? };
    let job = JobPayload::EventChanged { event_id: before.id, was, after: None };
    let waiting = transaction.query_typed(WAITING, &[(&job.key(), Type::TEXT), (&job.kind(), Type::TEXT)]).await?;
    if waiting.is_empty() {
        jobs::enqueue(&**transaction, &[job], WAIT).await?;
    }
    Ok(())
}
