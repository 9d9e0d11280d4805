//! Background work on events: scheduled publishing, and the bookings of cancelled events.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{
    accounts::EmailAddress,
    bookings::Booking,
    events::{
        EventStatus,
        lifecycle::StepRefused,
        offering::{BrokenRule, Offering},
    },
    ids::{BookingId, EventId, SeriesId},
    mail::{Locale, Message, Template},
    management::events::{EventUpkeep, Publishing},
    payments::books::{BooksRepository as _, PaidBooking},
    repositories::{Found, RepositoryError},
};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            outbox::enqueue,
            rows::{self, BOOKING_COLUMNS, StoreError},
        },
        PgStore,
    },
    Fault, move_versions,
    offering::offering,
};

const DUE: &str =
    "SELECT id FROM events WHERE status = 'SCHEDULED' AND publish_at <= now() ORDER BY publish_at LIMIT $1";
/// Another server that looks at the same time passes it over, and finds it published afterwards: each is published once.
const LOCK_DUE: &str = "SELECT series_id, ends_at <= now() AS is_over FROM events WHERE id = $1 AND status = 'SCHEDULED' AND publish_at <= now() \
    FOR NO KEY UPDATE SKIP LOCKED";
const PUBLISH: &str = "UPDATE events SET status = 'PUBLISHED', publish_at = NULL, revision = revision + 1, updated_at = now() WHERE id = $1";

/// Its organizer says again when it is to be published.
const WITHDRAW: &str =
    "UPDATE events SET status = 'DRAFT', publish_at = NULL, revision = revision + 1, updated_at = now() WHERE id = $1";
const ORGANIZER: &str = "SELECT a.email, a.locale, p.name, e.title FROM events e JOIN accounts a ON a.id = e.organizer_id \
    JOIN profiles p ON p.account_id = a.id WHERE e.id = $1";

const CLAIM: &str = "WITH next AS MATERIALIZED ( \
        SELECT event_id FROM event_cancellations WHERE finished_at IS NULL AND lease_until <= now() \
        ORDER BY lease_until LIMIT 1 FOR UPDATE SKIP LOCKED \
    ) UPDATE event_cancellations c SET lease_until = now() + interval '10 seconds' FROM next WHERE c.event_id = next.event_id \
    RETURNING c.event_id";

/// Cancelled since: by this work, which was not noted before it broke off, or by their accounts in between. The seconds are for
/// clocks, which agree to less than that; what was cancelled within them and before is named.
const CANCELLED_SINCE: &str = "b.status = 'CANCELLED' AND b.updated_at >= c.started_at - interval '10 seconds' \
    AND b.id <> ALL (c.cancelled_before_ids)";

/// A claim that came too late finds that somebody else has moved on. The lease ends: the next portion is of whichever event has waited
/// longest.
const ADVANCE: &str = "UPDATE event_cancellations SET after_booking_id = $2, done = done + $3, lease_until = clock_timestamp() \
    WHERE event_id = $1 AND after_booking_id < $4 AND finished_at IS NULL";
/// The inventory that was asked to close them may have refused on an old plan. What is closed is not opened again.
const IS_OPEN: &str = "SELECT FROM bookings WHERE id = ANY($1) AND status IN ('PENDING_PAYMENT', 'CONFIRMED') LIMIT 1";
const FINISH: &str = "UPDATE event_cancellations SET finished_at = now() WHERE event_id = $1 AND finished_at IS NULL";

const CANCELLED: &str = "SELECT count(*) FROM bookings WHERE id = ANY($1) AND status = 'CANCELLED'";

impl PgStore {
    async fn read_due(&self, limit: u32) -> Result<Vec<EventId>, StoreError> {
        let rows = self.pool.get().await?.query_typed(DUE, &[(&i64::from(limit), Type::INT8)]).await?;
        rows.iter().map(|row| Ok(EventId(row.try_get(0)?))).collect()
    }

    async fn publish(&self, event: EventId) -> Result<Option<Publishing>, Fault> {
        self.pool
            .transaction(|transaction| async move {
                let rows = transaction.query_typed(LOCK_DUE, &[(&event.0, Type::UUID)]).await?;
                let Some(row) = rows.first() else { return Ok(None) };
                move_versions(&transaction, event).await?;
                let as_published = |of: Offering| Offering { status: EventStatus::Published, publish_at: None, ..of };
                let broken =
                    offering(&transaction, event).await?.map(|of| as_published(of).broken()).unwrap_or_default();
                let reasons = reasons(row.try_get("is_over")?, &broken);
                if !reasons.is_empty() {
                    transaction.execute_typed(WITHDRAW, &[(&event.0, Type::UUID)]).await?;
                    tell_organizer(&transaction, event, &reasons).await?;
                    return Ok(Some(Publishing::Withdrawn(reasons)));
                }
                transaction.execute_typed(PUBLISH, &[(&event.0, Type::UUID)]).await?;
                let series: Option<Uuid> = row.try_get("series_id")?;
                Ok(Some(Publishing::Published(series.map(SeriesId))))
            })
            .await
    }

    async fn claim(&self) -> Result<Option<EventId>, StoreError> {
        let rows = self.pool.get().await?.query_typed(CLAIM, &[]).await?;
        Ok(rows.first().map(|row| row.try_get(0)).transpose()?.map(EventId))
    }

    async fn read_next(&self, event: EventId, limit: u32) -> Result<Vec<Booking>, StoreError> {
        let client = self.pool.get().await?;
        let statement = format!(
            "SELECT {BOOKING_COLUMNS} FROM event_cancellations c JOIN bookings b ON b.event_id = c.event_id \
             AND b.id > c.after_booking_id WHERE c.event_id = $1 \
             AND (b.status IN ('PENDING_PAYMENT', 'CONFIRMED') OR {CANCELLED_SINCE}) ORDER BY b.id LIMIT $2"
        );
        let parameters: [Typed<'_>; 2] = [(&event.0, Type::UUID), (&i64::from(limit), Type::INT8)];
        let found = client.query_typed(&statement, &parameters).await?;
        rows::bookings(&client, &found).await
    }

    /// False when one of the bookings is open.
    async fn note(&self, event: EventId, bookings: &[BookingId]) -> Result<bool, StoreError> {
        let ids: Vec<Uuid> = bookings.iter().map(|booking| booking.0).collect();
        let ids = &ids;
        let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
            self.pool.get().await?.execute_typed(FINISH, &[(&event.0, Type::UUID)]).await?;
            return Ok(true);
        };
        self.pool
            .transaction(|transaction| async move {
                if !transaction.query_typed(IS_OPEN, &[(ids, Type::UUID_ARRAY)]).await?.is_empty() {
                    return Ok(false);
                }
                let rows = transaction.query_typed(CANCELLED, &[(ids, Type::UUID_ARRAY)]).await?;
                let done: i64 = rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(0);
                let parameters: [Typed<'_>; 4] =
                    [(&event.0, Type::UUID), (last, Type::UUID), (&done, Type::INT8), (first, Type::UUID)];
                transaction.execute_typed(ADVANCE, &parameters).await?;
                Ok(true)
            })
            .await
    }
}

/// Why an event is not published, one sentence each.
fn reasons(is_over: bool, broken: &[BrokenRule]) -> Vec<String> {
    let over = is_over.then(|| StepRefused::Over.to_string());
    over.into_iter().chain(broken.iter().map(ToString::to_string)).collect()
}

async fn tell_organizer(transaction: &Transaction, event: EventId, reasons: &[String]) -> Result<(), Fault> {
    let rows = transaction.query_typed(ORGANIZER, &[(&event.0, Type::UUID)]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let to = EmailAddress::stored(row.try_get("email")?);
    let template = Template::EventNotPublished {
        name: row.try_get("name")?,
        event_id: event,
        event_title: row.try_get("title")?,
        reasons: reasons.to_vec(),
    };
    let locale = Locale::of_tag(row.try_get("locale")?).unwrap_or_default();
    enqueue(transaction, &Message { to, locale, template }).await?;
    Ok(())
}

#[async_trait]
impl EventUpkeep for PgStore {
    async fn purge_seat_maps(&self) -> Found<bool> {
        Ok(self.purge().await?)
    }

    async fn due_to_publish(&self, limit: u32) -> Found<Vec<EventId>> {
        Ok(self.read_due(limit).await?)
    }

    async fn publish_due(&self, event: EventId) -> Found<Option<Publishing>> {
        self.publish(event).await.map_err(|fault| match fault {
            Fault::Store(error) => error.into(),
            Fault::Change(error) => RepositoryError::Broken(error.to_string()),
        })
    }

    async fn claim_cancellation(&self) -> Found<Option<EventId>> {
        Ok(self.claim().await?)
    }

    async fn next_to_cancel(&self, event: EventId, limit: u32) -> Found<Vec<Booking>> {
        Ok(self.read_next(event, limit).await?)
    }

    async fn paid_of(&self, bookings: &[BookingId]) -> Found<HashMap<BookingId, PaidBooking>> {
        self.paid_bookings(bookings).await
    }

    async fn note_cancelled(&self, event: EventId, bookings: &[BookingId]) -> Found<()> {
        if self.note(event, bookings).await? {
            return Ok(());
        }
        Err(RepositoryError::Unavailable(format!("bookings of event {event} are still open")))
    }
}
