//! A scenario into the database: one transaction, one multi-row statement a table.
//!
//! Only what hangs on a row that this run made is written: the seats of a venue that was there before are its people's
//! business, and so are the ticket types of an event that may have sold some. `ON CONFLICT (id)` names its arbiter, so
//! that a foreign row under one of our e-mail addresses or slugs is an error instead of a half-written scenario.
//!
//! Statements are unnamed and typed: one round trip each, also through a pooler that knows no prepared statements.

mod events;
mod prices;
mod venues;

use std::collections::HashSet;

use tokio_postgres::{Client, Transaction, types::Type};
use uuid::Uuid;

use super::{
    Counts, SeedError,
    model::{Account, Event, Scenario, Venue},
};

/// Rows of one statement. More would save nothing, and would let `--events` decide the size of a message.
const ROWS_PER_STATEMENT: usize = 10_000;

/// One run at a time, for two servers that start together. Without it, two inserts of one account that cross between the
/// arbiter's index and the next may end in a violation of the next. The number is arbitrary and ours.
const SEED_LOCK: i64 = i64::from_be_bytes(*b"box-seed");

/// Writes what is missing of a scenario, and tells how much that was.
pub(super) async fn write(client: &mut Client, scenario: &Scenario) -> Result<Counts, SeedError> {
    let transaction = client.transaction().await?;
    lock(&transaction).await?;
    let accounts = write_accounts(&transaction, &scenario.accounts).await?;
    let new_venues = venues::write_venues(&transaction, &scenario.venues).await?;
    let venues: Vec<&Venue> = scenario.venues.iter().filter(|venue| new_venues.contains(&venue.id)).collect();
    let seats = venues::write_seat_maps(&transaction, &venues).await?;
    let new_events = events::write_events(&transaction, &scenario.events).await?;
    let events: Vec<&Event> = scenario.events.iter().filter(|event| new_events.contains(&event.id)).collect();
    events::write_categories(&transaction, &events).await?;
    events::write_tags(&transaction, &events).await?;
    let ticket_types = events::write_inventory(&transaction, &events).await?;
    prices::write_prices(&transaction, &events).await?;
    transaction.commit().await?;

    let created = Counts { accounts, venues: venues.len(), seats, events: events.len(), ticket_types };
    if created != Counts::default() {
        analyze(client).await?;
    }
    Ok(created)
}

/// Waits for other runs, and keeps them waiting until the transaction ends.
pub(super) async fn lock(transaction: &Transaction<'_>) -> Result<(), SeedError> {
    transaction.execute_typed("SELECT pg_advisory_xact_lock($1)", &[(&SEED_LOCK, Type::INT8)]).await?;
    Ok(())
}

/// Without this the first queries are planned on empty tables, until autovacuum comes by a minute later.
async fn analyze(client: &Client) -> Result<(), SeedError> {
    let tables = "accounts, profiles, venues, seat_maps, sections, seat_rows, seats, \
                  events, tags, event_tags, quotas, ticket_types, ticket_type_sections, sale_terms, promo_codes, \
                  event_listings, search_terms";
    Ok(client.batch_execute(&format!("ANALYZE {tables}")).await?)
}

/// The accounts that were not there before; how many that is.
pub(super) async fn write_accounts(transaction: &Transaction<'_>, accounts: &[Account]) -> Result<usize, SeedError> {
    let mut created = HashSet::new();
    for rows in accounts.chunks(ROWS_PER_STATEMENT) {
        let statement = "INSERT INTO accounts (id, email, password_hash, role, email_verified_at)
             SELECT id, email, password_hash, role::account_role, now()
             FROM unnest($1, $2, $3, $4) AS row (id, email, password_hash, role)
             ON CONFLICT (id) DO NOTHING RETURNING id";
        let parameters: [Parameter<'_>; 4] = [
            (&column(rows, |account| account.id), Type::UUID_ARRAY),
            (&column(rows, |account| account.email.as_str()), Type::TEXT_ARRAY),
            (&column(rows, |account| account.password_hash.as_str()), Type::TEXT_ARRAY),
            (&column(rows, |account| account.role.as_str()), Type::TEXT_ARRAY),
        ];
        created.extend(returned_ids(transaction, statement, &parameters).await?);
    }
    let profiles: Vec<&Account> = accounts.iter().filter(|account| created.contains(&account.id)).collect();
    for rows in profiles.chunks(ROWS_PER_STATEMENT) {
        let statement = "INSERT INTO profiles (account_id, name) SELECT * FROM unnest($1, $2)";
        let parameters: [Parameter<'_>; 2] = [
            (&column(rows, |account| account.id), Type::UUID_ARRAY),
            (&column(rows, |account| account.name.as_str()), Type::TEXT_ARRAY),
        ];
        transaction.execute_typed(statement, &parameters).await?;
    }
    Ok(created.len())
}

/// A column of a multi-row statement, with its type as an array.
type Parameter<'a> = (&'a (dyn tokio_postgres::types::ToSql + Sync), Type);

/// One column of the rows.
fn column<'a, Row, Value>(rows: &'a [Row], value: impl Fn(&'a Row) -> Value) -> Vec<Value> {
    rows.iter().map(value).collect()
}

/// Runs an `INSERT … RETURNING id`: the rows that were not there before.
async fn returned_ids(
    transaction: &Transaction<'_>,
    statement: &str,
    parameters: &[Parameter<'_>],
) -> Result<Vec<Uuid>, SeedError> {
    let rows = transaction.query_typed(statement, parameters).await?;
    Ok(rows.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?)
}
