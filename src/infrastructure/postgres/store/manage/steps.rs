//! Steps in the life of an event.

use domain::{
    audit::Action,
    events::{
        EventStatus,
        lifecycle::{Situation, Step},
    },
    ids::{EventId, SeriesId},
    management::{Conflict, Expected, Manager},
};
use jiff::Timestamp;
use tokio_postgres::{Transaction, types::Type};

use super::{
    super::{super::rows::StoreError, PgStore},
    Fault, LockedEvent, Typed, lock_event, note, plan_changed,
};

const SITUATION: &str = "SELECT clock_timestamp() AS now, \
    EXISTS (SELECT FROM ticket_types WHERE event_id = $1) AS has_ticket_types, \
    EXISTS (SELECT FROM bookings WHERE event_id = $1) \
        OR EXISTS (SELECT FROM holds WHERE event_id = $1 AND status = 'ACTIVE' AND expires_at < '9999-01-01Z') AS has_sales, \
    EXISTS (SELECT FROM event_cancellations WHERE event_id = $1 AND finished_at IS NULL) AS is_cancelling";

const STEP: &str = "UPDATE events SET status = $2::text::event_status, publish_at = $3, revision = revision + 1, \
    updated_at = now() WHERE id = $1";

const CANCEL_BOOKINGS: &str = "INSERT INTO event_cancellations (event_id, total) \
    SELECT $1, count(*) FROM bookings WHERE event_id = $1 AND status IN ('PENDING_PAYMENT', 'CONFIRMED')";

impl PgStore {
    pub(super) async fn take_step(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        step: Step,
        at: Option<Timestamp>,
    ) -> Result<Option<SeriesId>, Fault> {
        let mut client = self.pool.get().await?;
        let transaction = client.transaction().await?;
        let event = lock_event(&transaction, by, id, expected).await?;
        let (situation, now) = situation(&transaction, &event).await?;
        let to = situation.after(step, now).map_err(Conflict::from)?;
        let at = at.filter(|_| to == EventStatus::Scheduled);
        let parameters: [Typed<'_>; 3] = [(&id.0, Type::UUID), (&to.as_str(), Type::TEXT), (&at, Type::TIMESTAMPTZ)];
        transaction.execute_typed(STEP, &parameters).await?;
        if step == Step::Cancel {
            transaction.execute_typed(CANCEL_BOOKINGS, &[(&id.0, Type::UUID)]).await?;
        }
        plan_changed(&transaction, id).await?;
        let details = serde_json::json!({ "from": event.status.as_str(), "to": to.as_str() });
        note(&transaction, by, Action::Changed, ("event", id.to_string()), details).await?;
        transaction.commit().await?;
        Ok(event.series)
    }
}

async fn situation(transaction: &Transaction<'_>, event: &LockedEvent) -> Result<(Situation, Timestamp), Fault> {
    let rows = transaction.query_typed(SITUATION, &[(&event.id.0, Type::UUID)]).await?;
    let row = rows.first().ok_or_else(|| StoreError::Row("no situation".to_owned()))?;
    let situation = Situation {
        status: event.status,
        ends_at: event.ends_at,
        has_ticket_types: row.try_get("has_ticket_types")?,
        has_sales: row.try_get("has_sales")?,
        is_cancelling: row.try_get("is_cancelling")?,
    };
    Ok((situation, row.try_get("now")?))
}
