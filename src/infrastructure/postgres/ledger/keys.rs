//! What was written under idempotency keys.

use std::{collections::HashMap, sync::Arc};

use deadpool_postgres::Pool;
use domain::ledger::{KeyKind, KeyOf, Prior};
use tokio_postgres::Row;
use uuid::Uuid;

use super::super::rows::{self, BOOKING_COLUMNS, HOLD_COLUMNS, StoreError};

/// What was written under each of `keys`, as first answered.
pub(super) async fn find(pool: &Pool, keys: &[KeyOf]) -> Result<Vec<Option<Prior>>, StoreError> {
    let client = pool.get().await?;
    let mut found = vec![None; keys.len()];
    let (at, accounts, texts) = of_kind(keys, KeyKind::Booking);
    if !at.is_empty() {
        let found_rows = client.query(&statement(BOOKING_COLUMNS, "bookings b", "b"), &[&accounts, &texts]).await?;
        for (row, booking) in found_rows.iter().zip(rows::bookings(&**client, &found_rows).await?) {
            found[at[place(row)?]] = Some(Prior::Booking(Arc::new(booking.as_first_answered())));
        }
    }
    let (at, accounts, texts) = of_kind(keys, KeyKind::Hold);
    if !at.is_empty() {
        let found_rows = client.query(&statement(HOLD_COLUMNS, "holds h", "h"), &[&accounts, &texts]).await?;
        let items = found_rows.iter().map(rows::stored_items).collect::<Result<Vec<_>, _>>()?;
        let named: Vec<_> = items.iter().flat_map(|items| rows::named_seats(items)).collect();
        let seats = if named.is_empty() { HashMap::new() } else { rows::seats_by_id(&**client, &named).await? };
        for (row, items) in found_rows.iter().zip(items) {
            let hold = rows::hold(row, items, |seat| seats.get(&seat).cloned())?;
            found[at[place(row)?]] = Some(Prior::Hold(Arc::new(hold.as_first_answered())));
        }
    }
    Ok(found)
}

/// The keys of one kind: their places in `keys`, accounts and texts.
fn of_kind(keys: &[KeyOf], kind: KeyKind) -> (Vec<usize>, Vec<Uuid>, Vec<&str>) {
    let mut of = (Vec::new(), Vec::new(), Vec::new());
    for (index, key) in keys.iter().enumerate().filter(|(_, key)| key.kind == kind) {
        of.0.push(index);
        of.1.push(key.account_id.0);
        of.2.push(key.key.as_str());
    }
    of
}

/// Built from constants of this program only.
fn statement(columns: &str, table: &str, alias: &str) -> String {
    format!(
        "SELECT k.place, {columns} FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS k (account_id, key, place) \
         JOIN {table} ON {alias}.account_id = k.account_id AND {alias}.idempotency_key = k.key"
    )
}

/// The row's place among the keys asked for; the database counts from 1.
fn place(row: &Row) -> Result<usize, StoreError> {
    let place: i64 = row.try_get("place")?;
    usize::try_from(place - 1).map_err(|error| StoreError::Row(error.to_string()))
}
