//! Steps in the life of an event, and copies of it.

use domain::{
    audit::Action,
    events::{
        EventStatus,
        lifecycle::{Situation, Step},
    },
    ids::EventId,
    management::{Conflict, Expected, Manager},
};
use jiff::Timestamp;
use tokio_postgres::{Transaction, types::Type};

use super::{
    super::{super::rows::StoreError, PgStore},
    Fault, LockedEvent, Typed,
    events::tail,
    lock_event, note, plan_changed,
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

/// `$3` is by how much all times are shifted.
const COPY_EVENT: &str = "INSERT INTO events (id, slug, organizer_id, venue_id, seat_map_id, title, summary, description, \
        category, starts_at, ends_at, time_zone, currency, sale_starts_at, sale_ends_at, max_per_account) \
    SELECT $2, $4, organizer_id, venue_id, seat_map_id, title, summary, description, category, starts_at + $3::text::interval, \
        ends_at + $3::text::interval, time_zone, currency, sale_starts_at + $3::text::interval, \
        sale_ends_at + $3::text::interval, max_per_account \
    FROM events WHERE id = $1";

const COPY_TAGS: &str =
    "INSERT INTO event_tags (event_id, tag_id) SELECT $2, tag_id FROM event_tags WHERE event_id = $1";

/// The copies' ids are made here, and the copies of ticket types find those of their quotas by them.
const COPY_SALES: &str = "WITH quota AS MATERIALIZED ( \
        SELECT gen_random_uuid() AS copy, q.* FROM quotas q WHERE event_id = $1 \
    ), kind AS MATERIALIZED ( \
        SELECT gen_random_uuid() AS copy, t.* FROM ticket_types t WHERE event_id = $1 \
    ), quotas_copied AS ( \
        INSERT INTO quotas (id, event_id, name, capacity) SELECT copy, $2, name, capacity FROM quota \
    ), types_copied AS ( \
        INSERT INTO ticket_types (id, event_id, quota_id, name, description, position, price, seated, min_per_booking, \
            max_per_booking, sale_starts_at, sale_ends_at) \
        SELECT k.copy, $2, q.copy, k.name, k.description, k.position, k.price, k.seated, k.min_per_booking, k.max_per_booking, \
            k.sale_starts_at + $3::text::interval, k.sale_ends_at + $3::text::interval \
        FROM kind k JOIN quota q ON q.id = k.quota_id \
    ) INSERT INTO ticket_type_sections (ticket_type_id, section_id) \
    SELECT k.copy, s.section_id FROM kind k JOIN ticket_type_sections s ON s.ticket_type_id = k.id";

impl PgStore {
    pub(super) async fn take_step(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        step: Step,
        at: Option<Timestamp>,
    ) -> Result<(), Fault> {
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
        Ok(())
    }

    pub(super) async fn copy_event(
        &self,
        by: &Manager,
        id: EventId,
        copy: EventId,
        starts_at: Timestamp,
    ) -> Result<(), Fault> {
        let mut client = self.pool.get().await?;
        let transaction = client.transaction().await?;
        let event = lock_event(&transaction, by, id, None).await?;
        let micros = starts_at.as_microsecond() - event.starts_at.as_microsecond();
        let (shift, slug) = (format!("{micros} microseconds"), slug_of_copy(&transaction, id, copy).await?);
        let event: [Typed<'_>; 4] =
            [(&id.0, Type::UUID), (&copy.0, Type::UUID), (&shift, Type::TEXT), (&slug, Type::TEXT)];
        transaction.execute_typed(COPY_EVENT, &event).await?;
        transaction.execute_typed(COPY_TAGS, &event[..2]).await?;
        // Foreign keys are checked at the end of the statement, so the order within it does not matter.
        transaction.execute_typed(COPY_SALES, &event[..3]).await?;
        note(&transaction, by, Action::Created, ("event", copy.to_string()), serde_json::json!({ "copyOf": id }))
            .await?;
        transaction.commit().await?;
        Ok(())
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

async fn slug_of_copy(transaction: &Transaction<'_>, id: EventId, copy: EventId) -> Result<String, Fault> {
    let rows = transaction.query_typed("SELECT title FROM events WHERE id = $1", &[(&id.0, Type::UUID)]).await?;
    let title: &str = rows.first().map_or(Ok(""), |row| row.try_get(0))?;
    Ok(domain::text::slug_of(title, &tail(copy)))
}
