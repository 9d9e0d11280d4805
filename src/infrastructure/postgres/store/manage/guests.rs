//! The bookings of an event, with those who have made them.

use std::collections::HashMap;

use domain::{
    ids::{BookingId, EventId},
    management::events::{BookingFilter, GuestBooking, GuestList},
    repositories::{Found, Page, PageRequest},
    search::Total,
};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Connection, Typed},
            rows::{self, BOOKING_COLUMNS, StoreError},
        },
        PgStore, is_one_of,
        paging::{Steps, cut},
        total_of,
    },
    events::containing,
};

/// The reference is made of bits of the id, see [`BookingId::reference`], so the index of the event's bookings answers without the table.
/// There is no index of references: each booking would have to write to it.
const REFERRED: &str = "SELECT id FROM bookings WHERE event_id = $1 \
    AND (('x' || right(replace(id::text, '-', ''), 16))::bit(64)::bigint >> 8) & 1125899906842623 = $2";

const FROM: &str = "bookings b JOIN accounts a ON a.id = b.account_id JOIN profiles p ON p.account_id = a.id";

/// The accounts that a search finds, some of them twice. In lower case, as the trigram indexes have them.
const FOUND: &str = "SELECT id FROM accounts WHERE email LIKE lower($1) \
    UNION ALL SELECT account_id FROM profiles WHERE lower(name) LIKE lower($1) LIMIT $2";

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
    /// The tables that a count needs, and the condition. `$1` is the event, `$2` the pattern, `$3` the accounts found, and `$4` the bookings
    /// with the reference.
    fn filter(&self) -> (&'static str, &'static str) {
        match self {
            Self::All => ("bookings b", "b.event_id = $1"),
            // Apart, so that none but the bookings found are looked at, however many the event has.
            Self::Found(_) => (
                "bookings b",
                "b.event_id = $1 AND b.id IN (SELECT id FROM bookings WHERE event_id = $1 AND account_id = ANY($3) \
                    UNION SELECT id FROM bookings WHERE event_id = $1 AND id = ANY($4))",
            ),
            Self::Many => {
                (FROM, "b.event_id = $1 AND (lower(p.name) LIKE lower($2) OR a.email LIKE lower($2) OR b.id = ANY($4))")
            }
        }
    }
}

/// Whether the trigram indexes help to find `text`, which takes three letters or digits in a row.
fn is_indexed(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word.chars().count() >= 3)
}

/// Whom a search for `q`, with its `pattern`, is about.
async fn guests(client: &Connection, q: Option<&str>, pattern: Option<&String>) -> Result<Guests, StoreError> {
    let (Some(q), Some(pattern)) = (q, pattern) else { return Ok(Guests::All) };
    if !is_indexed(q) {
        return Ok(Guests::Many);
    }
    let most = i64::try_from(FOUND_MAX).unwrap_or(i64::MAX).saturating_add(1);
    let found = client.query_typed(FOUND, &[(pattern, Type::TEXT), (&most, Type::INT8)]).await?;
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

/// The names of an event's ticket types.
async fn names_of(client: &Connection, event: EventId) -> Result<HashMap<Uuid, String>, StoreError> {
    let names = "SELECT id, name FROM ticket_types WHERE event_id = $1";
    let rows = client.query_typed(names, &[(&event.0, Type::UUID)]).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("name")?))).collect()
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
        let q = filter.q.as_deref().map(containing);
        let reference = filter.q.as_deref().and_then(BookingId::reference_bits);
        let referred = referred(&client, event, reference).await?;
        let guests = guests(&client, filter.q.as_deref(), q.as_ref()).await?;
        let (from, which) = guests.filter();
        let which = format!("{which} AND {}", is_one_of("b.status", filter.statuses.iter().map(|of| of.as_str())));
        let accounts = if let Guests::Found(accounts) = guests { accounts } else { Vec::new() };
        let Steps { from: start, comparison, direction, offset, rows } = Steps::to(request, true);
        let start = start.map(|id| id.0);
        let filters: [Typed<'_>; 4] =
            [(&event.0, Type::UUID), (&q, Type::TEXT), (&accounts, Type::UUID_ARRAY), (&referred, Type::UUID_ARRAY)];
        let place: [Typed<'_>; 3] = [(&start, Type::UUID), (&offset, Type::INT8), (&rows, Type::INT8)];
        let statement = format!(
            "SELECT {BOOKING_COLUMNS}, p.name, a.email FROM {FROM} WHERE {which} \
             AND ($5::uuid IS NULL OR b.id {comparison} $5) ORDER BY b.id {direction} OFFSET $6 LIMIT $7"
        );
        let found = client.query_typed(&statement, &[&filters[..], &place[..]].concat()).await?;
        let total = if counted {
            total_of(&client, &format!("{from} WHERE {which}"), &filters).await?
        } else {
            Total::Exact(0)
        };
        let (found, has_more, has_previous) = cut(found, request, total);
        let ticket_types = names_of(&client, event).await?;
        let bookings = rows::bookings(&client, &found).await?;
        let guest = |(booking, row): (domain::bookings::Booking, &tokio_postgres::Row)| {
            let name =
                |item: &domain::bookings::Item| ticket_types.get(&item.ticket_type_id.0).cloned().unwrap_or_default();
            Ok(GuestBooking {
                ticket_types: booking.items.iter().map(name).collect(),
                booking,
                name: row.try_get("name")?,
                email: row.try_get("email")?,
            })
        };
        let entries = bookings.into_iter().zip(&found).map(guest).collect::<Result<_, StoreError>>()?;
        Ok(Page { entries, total, has_more, has_previous })
    }
}

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
