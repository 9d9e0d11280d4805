//! Holds and bookings of an account.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{
    bookings::{Booking, Hold},
    ids::{AccountId, BookingId, EventId, HoldId, TicketTypeId},
    lists::{ListQuery, Page},
    repositories::{BookingRepository, EventNames, Found},
};
use jiff::Timestamp;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        connection::Statements,
        rows::{self, BOOKING_COLUMNS, HOLD_COLUMNS, StoreError},
    },
    PgStore,
    lists::{
        self,
        table::{TableList, sql},
    },
};

/// Ticket types in arrays: one row for each event, however many it has. With a time in $2 as it was then: a former name is that of the first
/// change since; without one none is found, and none is looked for.
const NAMES: &str = "SELECT e.id, coalesce(f.names ->> 'slug', e.slug) AS slug, coalesce(f.names ->> 'title', e.title) AS title, \
        coalesce((f.names ->> 'starts_at')::timestamptz, e.starts_at) AS starts_at, \
        coalesce(f.names ->> 'time_zone', e.time_zone) AS time_zone, coalesce(w.names ->> 'name', v.name) AS venue, \
        ARRAY(SELECT t.id FROM ticket_types t WHERE t.event_id = e.id ORDER BY t.id) AS types, \
        ARRAY(SELECT coalesce((SELECT names ->> 'name' FROM former_names WHERE thing_id = t.id AND until > $2 ORDER BY until LIMIT 1), \
                t.name) FROM ticket_types t WHERE t.event_id = e.id ORDER BY t.id) AS type_names, \
        greatest(e.updated_at, v.updated_at, (SELECT max(t.updated_at) FROM ticket_types t WHERE t.event_id = e.id)) \
            AS changed_at \
    FROM events e \
    LEFT JOIN LATERAL (SELECT names FROM former_names WHERE thing_id = e.id AND until > $2 ORDER BY until LIMIT 1) f ON true \
    JOIN venues v ON v.id = coalesce((f.names ->> 'venue_id')::uuid, e.venue_id) \
    LEFT JOIN LATERAL (SELECT names FROM former_names WHERE thing_id = v.id AND until > $2 ORDER BY until LIMIT 1) w ON true \
    WHERE e.id = ANY($1)";

fn names(row: &Row) -> Result<(EventId, EventNames), StoreError> {
    let (types, names): (Vec<Uuid>, Vec<String>) = (row.try_get("types")?, row.try_get("type_names")?);
    let names = EventNames {
        slug: row.try_get("slug")?,
        title: row.try_get("title")?,
        starts_at: row.try_get("starts_at")?,
        time_zone: row.try_get("time_zone")?,
        venue: row.try_get("venue")?,
        ticket_types: types.into_iter().map(TicketTypeId).zip(names).collect(),
        changed_at: row.try_get("changed_at")?,
    };
    Ok((EventId(row.try_get("id")?), names))
}

/// What events and their ticket types are called, or were `at` a time, by one statement.
pub(super) async fn event_names(
    client: &impl Statements,
    events: &[EventId],
    at: Option<Timestamp>,
) -> Result<HashMap<EventId, EventNames>, StoreError> {
    let mut ids: Vec<Uuid> = events.iter().map(|event| event.0).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = client.query_typed(NAMES, &[(&ids, Type::UUID_ARRAY), (&at, Type::TIMESTAMPTZ)]).await?;
    Ok(rows::readable(&rows, names)?.into_iter().collect())
}

impl PgStore {
    async fn read_booking(&self, id: BookingId) -> Result<Option<Booking>, StoreError> {
        let client = self.pool.get().await?;
        let statement = format!("SELECT {BOOKING_COLUMNS} FROM bookings b WHERE b.id = $1");
        let found = client.query_typed(&statement, &[(&id.0, Type::UUID)]).await?;
        Ok(rows::bookings(&client, &found).await?.pop())
    }

    async fn read_hold(&self, id: HoldId) -> Result<Option<Hold>, StoreError> {
        let client = self.pool.get().await?;
        let statement = format!("SELECT {HOLD_COLUMNS} FROM holds h WHERE h.id = $1");
        let found = client.query_typed(&statement, &[(&id.0, Type::UUID)]).await?;
        let Some(row) = found.first() else { return Ok(None) };
        let items = rows::stored_items(row)?;
        let named: Vec<_> = rows::named_seats(&items).collect();
        let seats = rows::seats_by_id(&client, &named).await?;
        rows::hold(row, items, |seat| seats.get(&seat).cloned()).map(Some)
    }
}

#[async_trait]
impl BookingRepository for PgStore {
    async fn bookings_of(&self, account: AccountId, query: &ListQuery) -> Found<Page<Booking>> {
        let client = self.pool.get().await?;
        let bookings = TableList {
            query,
            from: "bookings b",
            of: "b.",
            joined: "",
            columns: sql(BOOKING_COLUMNS),
            conditions: |statement| {
                statement.sql("b.account_id = ").bind(account.0, Type::UUID);
            },
        };
        let found = lists::read(&client, &bookings, query).await?;
        let read = rows::readable_bookings(&client, &found.rows).await?;
        let entries = rows::some_readable(found.rows.iter().zip(read))?;
        Ok(found.with(entries))
    }

    async fn event_names(&self, events: &[EventId]) -> Found<HashMap<EventId, EventNames>> {
        Ok(event_names(&self.pool.get().await?, events, None).await?)
    }

    async fn event_names_at(&self, event: EventId, at: Timestamp) -> Found<Option<EventNames>> {
        Ok(event_names(&self.pool.get().await?, &[event], Some(at)).await?.remove(&event))
    }

    async fn booking(&self, id: BookingId) -> Found<Option<Booking>> {
        Ok(self.read_booking(id).await?)
    }

    async fn hold(&self, id: HoldId) -> Found<Option<Hold>> {
        Ok(self.read_hold(id).await?)
    }
}
