//! What mails about bookings are made of, and the mails themselves.

mod confirmations;

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use domain::{
    accounts::EmailAddress,
    bookings::Booking,
    ids::{BookingId, EventId, MailId, RefundId, TicketTypeId, VenueId},
    jobs::{Job, JobPayload},
    mail::{Locale, Message},
    money::Money,
    notices::{BookingNotices, ToldBooking, ToldEvent, ToldRefund, UntoldBookings},
    repositories::Found,
};
use tokio_postgres::{
    Row,
    types::{Json, Type},
};
use uuid::Uuid;

use super::{
    super::{
        connection::{Statements, Typed},
        outbox,
        rows::{self, BOOKING_COLUMNS, StoreError},
    },
    PgStore,
};

const EVENTS: &str = "SELECT e.id, e.title, e.status::text AS status, e.starts_at, e.ends_at, e.time_zone, e.venue_id, v.name AS venue, \
        ARRAY(SELECT t.id FROM ticket_types t WHERE t.event_id = e.id ORDER BY t.id) AS types, \
        ARRAY(SELECT t.name FROM ticket_types t WHERE t.event_id = e.id ORDER BY t.id) AS type_names, \
        EXISTS (SELECT FROM booking_mails m WHERE m.event_id = e.id AND m.is_off) AS is_off \
    FROM events e JOIN venues v ON v.id = e.venue_id WHERE e.id = ANY($1)";

const BUYERS: &str = "SELECT a.id, a.email, a.locale, p.name FROM accounts a JOIN profiles p ON p.account_id = a.id WHERE a.id = ANY($1)";

const GIVEN_BACK: &str = "SELECT booking_id, sum(amount) AS amount FROM refunds \
    WHERE booking_id = ANY($1) AND cause = 'TICKETS' AND state <> 'FAILED' GROUP BY booking_id";

const REFUND: &str =
    "SELECT amount, currency::text AS currency, state = 'FAILED' AS has_failed FROM refunds WHERE id = $1";

const BOOKED_AFTER: &str = "SELECT id FROM bookings WHERE event_id = $1 AND id > $2 \
    AND status IN ('PENDING_PAYMENT', 'CONFIRMED') ORDER BY id LIMIT $3";

/// The job's lease proves that it is still the claimant's.
const NOTE_PART: &str = "UPDATE jobs SET payload = $3 WHERE id = $1 AND due_at = $2 AND status = 'PENDING'";

/// How far the end of a booking may be when its buyer is told: a third of all the time that it has, and no less than two minutes. Who has less than
/// ten minutes is told nothing. One whose money may be on its way needs nothing.
const EXPIRING: &str = "SELECT b.id FROM bookings b CROSS JOIN LATERAL (SELECT coalesce(b.extended_until, b.expires_at)) AS e (ends_at) \
    WHERE b.status = 'PENDING_PAYMENT' AND e.ends_at - b.created_at >= interval '10 minutes' \
        AND e.ends_at - now() BETWEEN interval '2 minutes' AND (e.ends_at - b.created_at) / 3 \
        AND NOT EXISTS (SELECT FROM outbox o WHERE o.id = encode(set_byte(uuid_send(b.id), 15, 255), 'hex')::uuid) \
        AND NOT EXISTS (SELECT FROM payments p WHERE p.booking_id = b.id AND p.state IN ('STARTED', 'PROCESSING')) \
        AND NOT EXISTS (SELECT FROM booking_mails m WHERE m.event_id = b.event_id AND m.is_off) \
    LIMIT $1";

fn uuids<T: Copy>(ids: impl IntoIterator<Item = T>, id: impl Fn(T) -> Uuid) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = ids.into_iter().map(id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn told_event(row: &Row) -> Result<ToldEvent, StoreError> {
    let (types, names): (Vec<Uuid>, Vec<String>) = (row.try_get("types")?, row.try_get("type_names")?);
    Ok(ToldEvent {
        title: row.try_get("title")?,
        status: rows::parse(row.try_get("status")?)?,
        starts_at: row.try_get("starts_at")?,
        ends_at: row.try_get("ends_at")?,
        time_zone: row.try_get("time_zone")?,
        venue_id: VenueId(row.try_get("venue_id")?),
        venue: row.try_get("venue")?,
        ticket_types: types.into_iter().map(TicketTypeId).zip(names).collect(),
        is_off: row.try_get("is_off")?,
    })
}

async fn told_events(client: &impl Statements, ids: &[Uuid]) -> Result<HashMap<Uuid, Arc<ToldEvent>>, StoreError> {
    let rows = client.query_typed(EVENTS, &[(&ids, Type::UUID_ARRAY)]).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, Arc::new(told_event(row)?)))).collect()
}

/// Everything of these bookings, by a statement for each kind of thing.
async fn told(client: &impl Statements, bookings: Vec<Booking>) -> Result<Vec<ToldBooking>, StoreError> {
    let events = uuids(bookings.iter().map(|booking| booking.event_id), |id| id.0);
    let accounts = uuids(bookings.iter().map(|booking| booking.account_id), |id| id.0);
    let ids = uuids(bookings.iter().map(|booking| booking.id), |id| id.0);
    let events = told_events(client, &events).await?;
    let mut buyers = HashMap::new();
    for row in client.query_typed(BUYERS, &[(&accounts, Type::UUID_ARRAY)]).await? {
        let locale = Locale::of_tag(row.try_get("locale")?).unwrap_or_default();
        let to = EmailAddress::stored(row.try_get("email")?);
        buyers.insert(row.try_get::<_, Uuid>("id")?, (row.try_get::<_, String>("name")?, to, locale));
    }
    let mut given_back = HashMap::new();
    for row in client.query_typed(GIVEN_BACK, &[(&ids, Type::UUID_ARRAY)]).await? {
        given_back.insert(row.try_get::<_, Uuid>("booking_id")?, row.try_get("amount")?);
    }
    let of = |booking: Booking| {
        let event = events.get(&booking.event_id.0)?.clone();
        let (name, to, locale) = buyers.get(&booking.account_id.0)?.clone();
        let currency = booking.total.currency;
        let given_back = given_back.get(&booking.id.0).map_or(Money::zero(currency), |sum| Money::new(*sum, currency));
        Some(ToldBooking { booking, event, name, to, locale, given_back })
    };
    Ok(bookings.into_iter().filter_map(of).collect())
}

impl PgStore {
    async fn read_told(&self, ids: &[BookingId]) -> Result<Vec<ToldBooking>, StoreError> {
        let ids = uuids(ids.iter().copied(), |id| id.0);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.pool.get().await?;
        let statement = format!("SELECT {BOOKING_COLUMNS} FROM bookings b WHERE b.id = ANY($1)");
        let found = client.query_typed(&statement, &[(&ids, Type::UUID_ARRAY)]).await?;
        let bookings = rows::bookings(&client, &found).await?;
        told(&client, bookings).await
    }

    async fn read_told_refund(&self, id: RefundId) -> Result<Option<ToldRefund>, StoreError> {
        let rows = self.pool.get().await?.query_typed(REFUND, &[(&id.0, Type::UUID)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let amount = Money::new(row.try_get("amount")?, rows::parse(row.try_get("currency")?)?);
        Ok(Some(ToldRefund { amount, has_failed: row.try_get("has_failed")? }))
    }

    async fn read_ids(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<Vec<BookingId>, StoreError> {
        let rows = self.pool.get().await?.query_typed(statement, parameters).await?;
        rows.iter().map(|row| Ok(BookingId(row.try_get("id")?))).collect()
    }

    async fn note_part(&self, job: &Job, mails: &[(MailId, Message)], left: &JobPayload) -> Result<bool, StoreError> {
        self.pool
            .transaction(|transaction| async move {
                let left = Json(left);
                let parameters: [Typed<'_>; 3] =
                    [(&job.id.0, Type::UUID), (&job.leased_until, Type::TIMESTAMPTZ), (&left, Type::JSONB)];
                if transaction.execute_typed(NOTE_PART, &parameters).await? == 0 {
                    return Ok(false);
                }
                outbox::enqueue_once(&transaction, mails).await?;
                Ok(true)
            })
            .await
    }
}

#[async_trait]
impl BookingNotices for PgStore {
    async fn told_bookings(&self, ids: &[BookingId]) -> Found<Vec<ToldBooking>> {
        Ok(self.read_told(ids).await?)
    }

    async fn told_event(&self, id: EventId) -> Found<Option<ToldEvent>> {
        let client = self.pool.get().await?;
        let rows = client.query_typed(EVENTS, &[(&vec![id.0], Type::UUID_ARRAY)]).await?;
        Ok(rows.first().map(told_event).transpose()?)
    }

    async fn told_refund(&self, id: RefundId) -> Found<Option<ToldRefund>> {
        Ok(self.read_told_refund(id).await?)
    }

    async fn booked_after(&self, event: EventId, after: Option<BookingId>, limit: u32) -> Found<Vec<BookingId>> {
        let after = after.map_or(Uuid::nil(), |booking| booking.0);
        let parameters: [Typed<'_>; 3] =
            [(&event.0, Type::UUID), (&after, Type::UUID), (&i64::from(limit), Type::INT8)];
        Ok(self.read_ids(BOOKED_AFTER, &parameters).await?)
    }

    async fn queue_mails(&self, mails: &[(MailId, Message)]) -> Found<()> {
        let client = self.pool.get().await?;
        Ok(outbox::enqueue_once(&client, mails).await?)
    }

    async fn queue_part(&self, job: &Job, mails: &[(MailId, Message)], left: &JobPayload) -> Found<bool> {
        Ok(self.note_part(job, mails, left).await?)
    }

    async fn set_booking_mails(&self, on: bool) -> Found<()> {
        Ok(self.switch_booking_mails(on).await?)
    }

    async fn untold_bookings(&self, limit: u32) -> Found<Option<UntoldBookings>> {
        Ok(self.read_untold(limit).await?)
    }

    async fn queue_confirmations(&self, of: &UntoldBookings, mails: &[(MailId, Message)]) -> Found<()> {
        Ok(self.note_told(of, mails).await?)
    }

    async fn expiring_bookings(&self, limit: u32) -> Found<Vec<BookingId>> {
        Ok(self.read_ids(EXPIRING, &[(&i64::from(limit), Type::INT8)]).await?)
    }
}
