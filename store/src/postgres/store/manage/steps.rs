//! Event life cycle: publish, cancel, archive.

use async_trait::async_trait;
use domain::{
    audit::Action,
    events::{
        Event, EventStatus,
        lifecycle::{Situation, Step, StepRefused},
        offering::Offering,
    },
    ids::{EventId, SeriesId},
    management::{Changed, Conflict, Expected, Manager, events::EventLifeCycle},
};
use jiff::Timestamp;
use tokio_postgres::types::Type;

use super::{
    super::{
        super::{
            connection::{Statements, Typed},
            rows::StoreError,
        },
        PgStore,
    },
    Fault, Note, lock_event, move_versions,
    offering::offering,
    read_event,
};

const SITUATION: &str = "SELECT clock_timestamp() AS now, \
    EXISTS (SELECT FROM ticket_types WHERE event_id = $1) AS has_ticket_types, \
    EXISTS (SELECT FROM bookings WHERE event_id = $1) \
        OR EXISTS (SELECT FROM holds WHERE event_id = $1 AND status = 'ACTIVE' AND kind = 'HOLD') AS has_sales, \
    EXISTS (SELECT FROM event_cancellations WHERE event_id = $1 AND finished_at IS NULL) AS is_cancelling";

const STEP: &str = "UPDATE events SET status = $2::text::event_status, publish_at = $3, revision = revision + 1, \
    updated_at = now() WHERE id = $1";

/// Those that were cancelled shortly before are named: their time alone, by another clock, does not tell them from those that this
/// cancels.
const CANCEL_BOOKINGS: &str = "INSERT INTO event_cancellations (event_id, total, cancelled_before_ids) \
    SELECT $1, count(*) FILTER (WHERE status IN ('PENDING_PAYMENT', 'CONFIRMED')), \
        coalesce(array_agg(id) FILTER (WHERE status = 'CANCELLED' AND updated_at >= now() - interval '10 seconds'), '{}') \
    FROM bookings WHERE event_id = $1";

#[async_trait]
impl EventLifeCycle for PgStore {
    async fn step_event(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        step: Step,
        at: Option<Timestamp>,
    ) -> Changed<Option<SeriesId>> {
        self.noted(by, |transaction| async move {
            let event = lock_event(&transaction, by, id, expected).await?;
            event
                .status
                .after(step)
                .ok_or(StepRefused::NotFrom { from: event.status, step })
                .map_err(Conflict::from)?;
            move_versions(&transaction, id).await?;
            let (situation, now) = situation(&transaction, &event).await?;
            let to = situation.after(step, now).map_err(Conflict::from)?;
            let at = at.filter(|_| to == EventStatus::Scheduled);
            keeps_rules(&transaction, id, to, at).await?;
            let parameters: [Typed<'_>; 3] =
                [(&id.0, Type::UUID), (&to.as_str(), Type::TEXT), (&at, Type::TIMESTAMPTZ)];
            transaction.execute_typed(STEP, &parameters).await?;
            if step == Step::Cancel {
                transaction.execute_typed(CANCEL_BOOKINGS, &[(&id.0, Type::UUID)]).await?;
            }
            let details = serde_json::json!({ "from": event.status.as_str(), "to": to.as_str() });
            Ok((event.series_id, Note::new(Action::Changed, "event", id, details)))
        })
        .await
    }

    async fn judge_step(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        step: Step,
        at: Option<Timestamp>,
    ) -> Changed<Option<SeriesId>> {
        let judged = async {
            let connection = self.pool.get().await?;
            let event = read_event(&connection, by, id, expected).await?;
            let (situation, now) = situation(&connection, &event).await?;
            let to = situation.after(step, now).map_err(Conflict::from)?;
            keeps_rules(&connection, id, to, at).await?;
            Ok::<_, Fault>(event.series_id)
        };
        Ok(judged.await?)
    }
}

/// What is published or scheduled by a step keeps every rule then, whatever the draft has broken.
async fn keeps_rules(
    connection: &impl Statements,
    event: EventId,
    to: EventStatus,
    at: Option<Timestamp>,
) -> Result<(), Fault> {
    if !matches!(to, EventStatus::Published | EventStatus::Scheduled) {
        return Ok(());
    }
    let Some(before) = offering(connection, event).await? else { return Ok(()) };
    let broken = Offering { status: to, publish_at: at, ..before }.broken();
    match broken.iter().find(|of| of.rule.is_of_schedule()) {
        Some(of) => Err(Conflict::Schedule(of.clone()).into()),
        None if broken.is_empty() => Ok(()),
        None => Err(Conflict::Broken(broken).into()),
    }
}

async fn situation(transaction: &impl Statements, event: &Event) -> Result<(Situation, Timestamp), Fault> {
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
