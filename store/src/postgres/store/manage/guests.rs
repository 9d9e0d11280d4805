//! Guest list: the bookings of an event, with the people who made them.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    bookings::Booking,
    ids::{BookingId, EventId},
    management::events::{BookingFilter, GuestBooking, GuestList},
    repositories::{Found, Page, PageRequest},
    search::Total,
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::super::{
    super::{
        connection::{Connection, Typed},
        rows::{self, BOOKING_COLUMNS, StoreError},
    },
    PgStore,
    bookings::event_names,
    is_one_of,
    paging::{self, Cut},
    total_of,
};

/// The reference is made of bits of the id, see [`BookingId::reference`], so the index of the event's bookings answers without the table.
/// There is no index of references: each booking would have to write to it.
const REFERRED: &str = "SELECT id FROM bookings WHERE event_id = $1 \
    AND (('x' || right(replace(id::text, '-', ''), 16))::bit(64)::bigint >> 8) & 1125899906842623 = $2";

const FROM: &str = "bookings b JOIN accounts a ON a.id = b.account_id JOIN profiles p ON p.account_id = a.id";

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
    /// The tables that a count needs, and the condition. `$1` is the event, `$2` what is looked for, `$3` the accounts found, and `$4` the
    /// bookings with the reference.
    fn filter(&self) -> (&'static str, &'static str) {
        match self {
            Self::All => ("bookings b", "b.event_id = $1"),
            // Apart, so that none but the bookings found are looked at, however many the event has.
            Self::Found(_) => (
                "bookings b",
                "b.event_id = $1 AND b.id IN (SELECT id FROM bookings WHERE event_id = $1 AND account_id = ANY($3) \
                    UNION SELECT id FROM bookings WHERE event_id = $1 AND id = ANY($4))",
            ),
            Self::Many => (
                FROM,
                "b.event_id = $1 AND (fold(p.name) LIKE part_pattern($2) OR fold(a.email) LIKE part_pattern($2) OR b.id = ANY($4))",
            ),
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

impl PgStore {
    async fn read_guests(
        &self,
        event: EventId,
        filter: &BookingFilter,
        request: &PageRequest<BookingId>,
        counted: bool,
    ) -> Result<Page<GuestBooking>, StoreError> {
        let client = self.pool.get().await?;
        let q = filter.q.as_deref();
        let reference = q.and_then(BookingId::reference_bits);
        let referred = referred(&client, event, reference).await?;
        let guests = guests(&client, q).await?;
        let (from, which) = guests.filter();
        let which = format!("{which} AND {}", is_one_of("b.status", filter.statuses.iter().map(|of| of.as_str())));
        let accounts = if let Guests::Found(accounts) = guests { accounts } else { Vec::new() };
        let start = request.start.comes_from().map(|id| id.0);
        let filters: [Typed<'_>; 4] =
            [(&event.0, Type::UUID), (&q, Type::TEXT), (&accounts, Type::UUID_ARRAY), (&referred, Type::UUID_ARRAY)];
        let statement = |comparison, direction| {
            format!(
                "SELECT {BOOKING_COLUMNS}, p.name, a.email FROM {FROM} WHERE {which} \
                 AND ($5::uuid IS NULL OR b.id {comparison} $5) ORDER BY b.id {direction} OFFSET $6 LIMIT $7"
            )
        };
        let total =
            if counted { Some(total_of(&client, &format!("{from} WHERE {which}"), &filters).await?) } else { None };
        let parameters = [&filters[..], &[(&start, Type::UUID)]].concat();
        let Cut { rows: found, has_more, has_previous } =
            paging::read(&client, request, true, total, statement, &parameters).await?;
        let total = total.unwrap_or(Total::Exact(0));
        let names = event_names(&client, &[event], None).await?.remove(&event).map(Arc::new);
        let bookings = rows::readable_bookings(&client, &found).await?;
        let guest = |booking: Booking, row: &Row| {
            let (name, email) = (row.try_get("name")?, row.try_get("email")?);
            Ok(GuestBooking { booking, name, email, names: names.clone() })
        };
        let guests = found.iter().zip(bookings).map(|(row, booking)| (row, booking.and_then(|of| guest(of, row))));
        let entries = rows::some_readable(guests)?;
        Ok(Page { entries, total, has_more, has_previous })
    }
}

#[async_trait]
impl GuestList for PgStore {
    async fn bookings_of_event(
        &self,
        event: EventId,
        filter: &BookingFilter,
        page: &PageRequest<BookingId>,
        counted: bool,
    ) -> Found<Page<GuestBooking>> {
        Ok(self.read_guests(event, filter, page, counted).await?)
    }
}
