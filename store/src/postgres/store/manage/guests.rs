//! Guest list: the bookings of an event, with the people who made them.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    bookings::Booking,
    ids::{BookingId, EventId},
    lists::{ListQuery, Page},
    management::{
        Manager,
        events::{GuestBooking, GuestList},
    },
    repositories::{EventNames, Found},
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::super::{
    super::{
        connection::Connection,
        rows::{self, BOOKING_COLUMNS, StoreError},
    },
    PgStore,
    bookings::event_names,
    lists::{self, statement::Statement, table::TableList},
};

/// The reference is made of bits of the id, see [`BookingId::reference`], so the index of the event's bookings answers without the table.
/// There is no index of references: each booking would have to write to it.
const REFERRED: &str = "SELECT id FROM bookings WHERE event_id = $1 \
    AND (('x' || right(replace(id::text, '-', ''), 16))::bit(64)::bigint >> 8) & 1125899906842623 = $2";

/// Who has made the bookings.
macro_rules! guests {
    () => {
        " JOIN accounts a ON a.id = b.account_id JOIN profiles p ON p.account_id = a.id"
    };
}

/// The accounts that a search finds, some of them twice. Folded, as the trigram indexes have them.
const FOUND: &str = "SELECT id FROM accounts WHERE fold(email) LIKE part_pattern($1) \
    UNION ALL SELECT account_id FROM profiles WHERE fold(name) LIKE part_pattern($1) LIMIT $2";

/// Of so many accounts at most the bookings are looked up. When a search finds more, a page of bookings is soon found by looking at each.
const FOUND_MAX: usize = 1_000;

/// Whose bookings are listed.
enum Guests {
    All,
    /// Of these accounts, which a search has found.
    Found(Vec<Uuid>),
    /// Of more accounts than that, or of those that no index finds: each booking is looked at, until there are enough.
    Many,
}

impl Guests {
    /// Adds the condition that a booking is one of them, or is `referred` to.
    fn condition(&self, statement: &mut Statement, event: EventId, q: &str, referred: &[Uuid]) {
        match self {
            Self::All => {}
            // Apart, so that none but the bookings found are looked at, however many the event has.
            Self::Found(accounts) => {
                statement.sql(" AND b.id IN (SELECT id FROM bookings WHERE event_id = ").bind(event.0, Type::UUID);
                statement.sql(" AND account_id = ANY(").bind(accounts.clone(), Type::UUID_ARRAY);
                statement.sql(") UNION SELECT id FROM bookings WHERE event_id = ").bind(event.0, Type::UUID);
                statement.sql(" AND id = ANY(").bind(referred.to_vec(), Type::UUID_ARRAY).sql("))");
            }
            Self::Many => {
                statement.sql(" AND (fold(p.name) LIKE part_pattern(").bind(q.to_owned(), Type::TEXT);
                statement.sql(") OR fold(a.email) LIKE part_pattern(").bind(q.to_owned(), Type::TEXT);
                statement.sql(") OR b.id = ANY(").bind(referred.to_vec(), Type::UUID_ARRAY).sql("))");
            }
        }
    }
}

/// Whether the trigram indexes help to find `text`, which takes three letters or digits in a row.
fn is_indexed(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word.chars().count() >= 3)
}

/// Whom a search for `q` is about.
async fn guests(client: &Connection, q: Option<&str>) -> Result<Guests, StoreError> {
    let Some(q) = q else { return Ok(Guests::All) };
    if !is_indexed(q) {
        return Ok(Guests::Many);
    }
    let most = i64::try_from(FOUND_MAX).unwrap_or(i64::MAX).saturating_add(1);
    let found = client.query_typed(FOUND, &[(&q, Type::TEXT), (&most, Type::INT8)]).await?;
    if found.len() > FOUND_MAX {
        return Ok(Guests::Many);
    }
    Ok(Guests::Found(found.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?))
}

/// The bookings of the event that have the reference.
async fn referred(client: &Connection, event: EventId, reference: Option<i64>) -> Result<Vec<Uuid>, StoreError> {
    let Some(reference) = reference else { return Ok(Vec::new()) };
    let rows = client.query_typed(REFERRED, &[(&event.0, Type::UUID), (&reference, Type::INT8)]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// With the organizer whose event it must be; of everybody's without one.
const ONE: &str = concat!(
    ", p.name, a.email FROM bookings b JOIN events e ON e.id = b.event_id",
    guests!(),
    " WHERE b.id = $1 AND ($2::uuid IS NULL OR e.organizer_id = $2)"
);

fn guest(booking: Booking, row: &Row, names: Option<Arc<EventNames>>) -> Result<GuestBooking, StoreError> {
    Ok(GuestBooking { booking, name: row.try_get("name")?, email: row.try_get("email")?, names })
}

impl PgStore {
    async fn read_guest_booking(&self, by: &Manager, id: BookingId) -> Result<Option<GuestBooking>, StoreError> {
        let client = self.pool.get().await?;
        let only = by.only().map(|account| account.0);
        let statement = format!("SELECT {BOOKING_COLUMNS}{ONE}");
        let found = client.query_typed(&statement, &[(&id.0, Type::UUID), (&only, Type::UUID)]).await?;
        let (Some(booking), Some(row)) = (rows::bookings(&client, &found).await?.pop(), found.first()) else {
            return Ok(None);
        };
        let event = booking.event_id;
        let names = event_names(&client, &[event], None).await?.remove(&event).map(Arc::new);
        guest(booking, row, names).map(Some)
    }
}

#[async_trait]
impl GuestList for PgStore {
    async fn guest_booking(&self, by: &Manager, id: BookingId) -> Found<Option<GuestBooking>> {
        Ok(self.read_guest_booking(by, id).await?)
    }

    async fn bookings_of_event(&self, event: EventId, query: &ListQuery, counted: bool) -> Found<Page<GuestBooking>> {
        let client = self.pool.get().await?;
        let q = query.text("q");
        let reference = q.and_then(BookingId::reference_bits);
        let referred = referred(&client, event, reference).await?;
        let guests = guests(&client, q).await?;
        let names_are_needed = matches!(guests, Guests::Many);
        let bookings = TableList {
            query,
            from: if names_are_needed { concat!("bookings b", guests!()) } else { "bookings b" },
            of: "b.",
            joined: if names_are_needed { "" } else { guests!() },
            columns: |statement| {
                statement.sql(BOOKING_COLUMNS).sql(", p.name, a.email");
            },
            conditions: |statement| {
                statement.sql("b.event_id = ").bind(event.0, Type::UUID);
                guests.condition(statement, event, q.unwrap_or_default(), &referred);
            },
        };
        let found = if counted {
            lists::read(&client, &bookings, query).await?
        } else {
            lists::read_on(&client, &bookings, query).await?
        };
        let names = event_names(&client, &[event], None).await?.remove(&event).map(Arc::new);
        let bookings = rows::readable_bookings(&client, &found.rows).await?;
        let of = |booking, row| guest(booking, row, names.clone());
        let guests = found.rows.iter().zip(bookings).map(|(row, booking)| (row, booking.and_then(|it| of(it, row))));
        let entries = rows::some_readable(guests)?;
        Ok(found.with(entries))
    }
}
