//! Idempotency keys: what was written under them.

use std::{collections::HashMap, sync::Arc};

use deadpool_postgres::{Object, Pool};
use domain::ledger::{KeyAnswer, KeyKind, KeyOf, Prior, Unreadable};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        connection::Typed,
        rows::{self, BOOKING_COLUMNS, HOLD_COLUMNS, StoreError},
    },
    lease::Lease,
};

/// What was written under each of `keys`, as first answered.
pub(super) async fn find(pool: &Pool, keys: &[KeyOf]) -> Result<Vec<KeyAnswer>, StoreError> {
    let mut lease = Lease::of(pool).await?;
    let found = find_on(lease.client()?, keys).await;
    lease.give_back();
    found
}

async fn find_on(client: &Object, keys: &[KeyOf]) -> Result<Vec<KeyAnswer>, StoreError> {
    let mut found = vec![Ok(None); keys.len()];
    let (at, accounts, texts) = of_kind(keys, KeyKind::Booking);
    if !at.is_empty() {
        let named: [Typed<'_>; 2] = [(&accounts, Type::UUID_ARRAY), (&texts, Type::TEXT_ARRAY)];
        let found_rows = client.query_typed(&statement(BOOKING_COLUMNS, "bookings b", "b"), &named).await?;
        let bookings = rows::readable_bookings(&***client, &found_rows).await?;
        for (row, booking) in found_rows.iter().zip(bookings) {
            found[at[place(row)?]] = read(booking.map(|booking| Prior::Booking(Arc::new(booking.as_first_answered()))));
        }
    }
    let (at, accounts, texts) = of_kind(keys, KeyKind::Hold);
    if !at.is_empty() {
        let named: [Typed<'_>; 2] = [(&accounts, Type::UUID_ARRAY), (&texts, Type::TEXT_ARRAY)];
        let found_rows = client.query_typed(&statement(HOLD_COLUMNS, "holds h", "h"), &named).await?;
        let items: Vec<_> = found_rows.iter().map(rows::stored_items).collect();
        let named: Vec<_> = items.iter().flatten().flat_map(|items| rows::named_seats(items)).collect();
        let seats = if named.is_empty() { HashMap::new() } else { rows::seats_by_id(&***client, &named).await? };
        for (row, items) in found_rows.iter().zip(items) {
            let hold = items.and_then(|items| rows::hold(row, items, |seat| seats.get(&seat).cloned()));
            found[at[place(row)?]] = read(hold.map(|hold| Prior::Hold(Arc::new(hold.as_first_answered()))));
        }
    }
    Ok(found)
}

/// A row that can't be read is the answer to its own key, and no matter of the others in the group.
fn read(prior: Result<Prior, StoreError>) -> KeyAnswer {
    prior.map(Some).map_err(|error| {
        tracing::error!(%error, "what was written under a key can't be read");
        Unreadable(error.to_string())
    })
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
