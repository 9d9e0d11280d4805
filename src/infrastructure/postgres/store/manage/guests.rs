//! The bookings of an event, with those who have made them.

use std::collections::HashMap;

use domain::{
    ids::{BookingId, EventId},
    management::events::{BookingFilter, GuestBooking, GuestList},
    repositories::{Found, Page, PageRequest, Start},
};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::Typed,
            rows::{self, BOOKING_COLUMNS, StoreError},
        },
        PgStore,
    },
    events::containing,
};

/// The reference is made of bits of the id, see [`BookingId::reference`].
const WHICH: &str = "b.event_id = $1 AND (cardinality($2::text[]) = 0 OR b.status::text = ANY($2)) \
    AND ($3::text IS NULL OR p.name ILIKE $3 OR a.email ILIKE $3 \
        OR (('x' || right(replace(b.id::text, '-', ''), 16))::bit(64)::bigint >> 8) & 1125899906842623 = $4)";

const FROM: &str = "bookings b JOIN accounts a ON a.id = b.account_id JOIN profiles p ON p.account_id = a.id";

impl PgStore {
    async fn read_guests(
        &self,
        event: EventId,
        filter: &BookingFilter,
        request: &PageRequest<BookingId>,
        counted: bool,
    ) -> Result<Page<GuestBooking>, StoreError> {
        let statuses: Vec<&str> = filter.statuses.iter().map(|status| status.as_str()).collect();
        let q = filter.q.as_deref().map(containing);
        let reference = filter.q.as_deref().and_then(BookingId::reference_bits);
        let (before, offset) = match &request.start {
            Start::After(id) => (id.0, 0),
            Start::Offset(offset) => (Uuid::max(), i64::from(*offset)),
        };
        let limit = i64::from(request.limit) + 1;
        let filters: [Typed<'_>; 4] =
            [(&event.0, Type::UUID), (&statuses, Type::TEXT_ARRAY), (&q, Type::TEXT), (&reference, Type::INT8)];
        let place: [Typed<'_>; 3] = [(&before, Type::UUID), (&offset, Type::INT8), (&limit, Type::INT8)];
        let statement = format!(
            "SELECT {BOOKING_COLUMNS}, p.name, a.email FROM {FROM} WHERE {WHICH} AND b.id < $5 \
             ORDER BY b.id DESC OFFSET $6 LIMIT $7"
        );
        let client = self.pool.get().await?;
        let mut found = client.query_typed(&statement, &[&filters[..], &place[..]].concat()).await?;
        let total: i64 = if counted {
            // Without a search nobody needs to be looked up.
            let from = if q.is_some() { FROM } else { "bookings b" };
            let which = if q.is_some() { WHICH } else { WHICH.split(" AND ($3").next().unwrap_or(WHICH) };
            let filters = if q.is_some() { &filters[..] } else { &filters[..2] };
            let count = client.query_typed(&format!("SELECT count(*) FROM {from} WHERE {which}"), filters).await?;
            count.first().map_or(Ok(0), |row| row.try_get(0))?
        } else {
            0
        };
        let has_more = found.len() > request.limit as usize;
        found.truncate(request.limit as usize);
        let names = "SELECT id, name FROM ticket_types WHERE event_id = $1";
        let mut ticket_types: HashMap<Uuid, String> = HashMap::new();
        for row in client.query_typed(names, &[(&event.0, Type::UUID)]).await? {
            ticket_types.insert(row.try_get("id")?, row.try_get("name")?);
        }
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
        Ok(Page { entries, total: domain::search::Total::Exact(u64::try_from(total).unwrap_or(0)), has_more })
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
