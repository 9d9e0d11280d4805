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
    mail::{BookedPlace, BookingSummary, Locale, Message, Template},
    management::events::{EventUpkeep, Publishing},
    money::{Currency, Money},
    payments::books::{BooksRepository as _, PaidBooking},
    repositories::{Found, RepositoryError},
};
use tokio_postgres::{Row, types::Type};
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

/// Cancelled since: by this work, whose mails were not queued before it broke off, or by their accounts in between. The seconds are for
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

const TO_TELL: &str = "SELECT b.id, p.name, a.email, a.locale, e.title, e.starts_at, e.time_zone, v.name AS venue, b.total, \
        b.currency::text AS currency, ARRAY(SELECT t.name FROM booking_items i JOIN ticket_types t ON t.id = i.ticket_type_id \
            WHERE i.booking_id = b.id ORDER BY i.position) AS types, \
        ARRAY(SELECT i.price FROM booking_items i WHERE i.booking_id = b.id ORDER BY i.position) AS prices, \
        ARRAY(SELECT coalesce(c.name, '') FROM booking_items i \
            LEFT JOIN seats s ON s.id = i.seat_id LEFT JOIN seat_rows r ON r.id = s.row_id \
            LEFT JOIN sections c ON c.id = r.section_id WHERE i.booking_id = b.id ORDER BY i.position) AS sections, \
        ARRAY(SELECT r.label FROM booking_items i \
            LEFT JOIN seats s ON s.id = i.seat_id LEFT JOIN seat_rows r ON r.id = s.row_id \
            WHERE i.booking_id = b.id ORDER BY i.position) AS seat_rows, \
        ARRAY(SELECT s.label FROM booking_items i LEFT JOIN seats s ON s.id = i.seat_id \
            WHERE i.booking_id = b.id ORDER BY i.position) AS seats \
    FROM bookings b JOIN events e ON e.id = b.event_id JOIN venues v ON v.id = e.venue_id \
        JOIN accounts a ON a.id = b.account_id JOIN profiles p ON p.account_id = a.id \
    WHERE b.id = ANY($1) AND b.status = 'CANCELLED'";

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
                let told = transaction.query_typed(TO_TELL, &[(ids, Type::UUID_ARRAY)]).await?;
                let done = i64::try_from(told.len()).unwrap_or(i64::MAX);
                let parameters: [Typed<'_>; 4] =
                    [(&event.0, Type::UUID), (last, Type::UUID), (&done, Type::INT8), (first, Type::UUID)];
                if transaction.execute_typed(ADVANCE, &parameters).await? == 1 {
                    tell(&transaction, &told).await?;
                }
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

async fn tell(transaction: &Transaction, rows: &[Row]) -> Result<(), StoreError> {
    for row in rows {
        let to = EmailAddress::stored(row.try_get("email")?);
        // Payments do not exist yet, so there is nothing to give back.
        let locale = Locale::of_tag(row.try_get("locale")?).unwrap_or_default();
        let template = Template::EventCancelled { booking: summary(row, locale)?, refund: None };
        enqueue(transaction, &Message { to, locale, template }).await?;
    }
    Ok(())
}

fn summary(row: &Row, locale: Locale) -> Result<BookingSummary, StoreError> {
    let currency: Currency = rows::parse(row.try_get("currency")?)?;
    let types: Vec<String> = row.try_get("types")?;
    let prices: Vec<rust_decimal::Decimal> = row.try_get("prices")?;
    let sections: Vec<String> = row.try_get("sections")?;
    let (seat_rows, seats): (Vec<Option<String>>, Vec<Option<String>>) =
        (row.try_get("seat_rows")?, row.try_get("seats")?);
    let seats = sections.into_iter().zip(seat_rows).zip(seats);
    let seat = |((section, row), seat): ((String, Option<String>), Option<String>)| {
        Some(BookedPlace::seat_name(locale, &section, &row?, &seat?))
    };
    let place = |((ticket_type, seat), price)| BookedPlace { ticket_type, seat, price: Money::new(price, currency) };
    Ok(BookingSummary {
        name: row.try_get("name")?,
        booking_id: BookingId(row.try_get("id")?),
        event_title: row.try_get("title")?,
        starts_at: row.try_get("starts_at")?,
        time_zone: row.try_get("time_zone")?,
        venue: row.try_get("venue")?,
        places: types.into_iter().zip(seats.map(seat)).zip(prices).map(place).collect(),
        discount: None,
        fees: None,
        tax: None,
        tax_included: true,
        total: Money::new(row.try_get("total")?, currency),
    })
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
