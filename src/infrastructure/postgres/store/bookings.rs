//! Holds and bookings as their owners see them.

use domain::{
    bookings::{Booking, Hold},
    ids::{AccountId, BookingId, HoldId},
    repositories::{BookingRepository, Found, Page, PageRequest},
};
use tokio_postgres::types::Type;

use super::{
    super::{
        connection::Typed,
        rows::{self, BOOKING_COLUMNS, HOLD_COLUMNS, StoreError},
    },
    PgStore,
    paging::{Steps, cut},
    total_of,
};

const OF_ACCOUNT: &str = "bookings WHERE account_id = $1";

impl PgStore {
    async fn read_bookings(
        &self,
        account: AccountId,
        page: &PageRequest<BookingId>,
    ) -> Result<Page<Booking>, StoreError> {
        let client = self.pool.get().await?;
        // UUIDv7: the order of the ids is the order of the making.
        let Steps { from, comparison, direction, offset, rows } = Steps::to(page, true);
        let from = from.map(|id| id.0);
        let statement = format!(
            "SELECT {BOOKING_COLUMNS} FROM bookings b WHERE b.account_id = $1 AND ($2::uuid IS NULL OR b.id {comparison} $2) \
             ORDER BY b.id {direction} OFFSET $3 LIMIT $4"
        );
        let parameters: [Typed<'_>; 4] =
            [(&account.0, Type::UUID), (&from, Type::UUID), (&offset, Type::INT8), (&rows, Type::INT8)];
        let found = client.query_typed(&statement, &parameters).await?;
        let total = total_of(&client, OF_ACCOUNT, &parameters[..1]).await?;
        let (found, has_more, has_previous) = cut(found, page, total);
        let entries = rows::bookings(&client, &found).await?;
        Ok(Page { entries, total, has_more, has_previous })
    }

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

impl BookingRepository for PgStore {
    async fn bookings_of(&self, account: AccountId, page: &PageRequest<BookingId>) -> Found<Page<Booking>> {
        Ok(self.read_bookings(account, page).await?)
    }

    async fn booking(&self, id: BookingId) -> Found<Option<Booking>> {
        Ok(self.read_booking(id).await?)
    }

    async fn hold(&self, id: HoldId) -> Found<Option<Hold>> {
        Ok(self.read_hold(id).await?)
    }
}
