//! The catalogue scenario into the database: `COPY` into one table after the other, in one transaction.

use std::{collections::HashSet, pin::pin};

use tokio_postgres::{
    Client, Transaction,
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};
use uuid::Uuid;

use super::{Event, Venue};
use crate::{Counts, SeedError, ids, model::Account, writer};

/// Events that are in memory at once.
const EVENTS_A_PART: u32 = 10_000;

/// Writes what is missing: these accounts and venues, and the events numbered from 1 to `events`.
pub(super) async fn write(
    client: &mut Client,
    accounts: &[Account],
    venues: &[Venue],
    events: u32,
    event: impl Fn(u32) -> Result<Event, SeedError>,
) -> Result<Counts, SeedError> {
    let transaction = client.transaction().await?;
    writer::lock(&transaction).await?;
    // A hundred thousand listings at once, instead of once a table.
    transaction.batch_execute("SET LOCAL boxoffice.event_listings = 'later'; SET LOCAL jit = off").await?;
    let mut created = Counts { accounts: writer::write_accounts(&transaction, accounts).await?, ..Counts::default() };
    let known = known(&transaction, "SELECT id FROM venues").await?;
    let new: Vec<&Venue> = venues.iter().filter(|venue| !known.contains(&venue.id)).collect();
    copy_venues(&transaction, &new).await?;
    created.venues = new.len();

    let known = self::known(&transaction, "SELECT id FROM events").await?;
    let mut made: Vec<Uuid> = Vec::new();
    for begin in (1..=events).step_by(EVENTS_A_PART as usize) {
        let numbers = begin..=events.min(begin.saturating_add(EVENTS_A_PART - 1));
        let part: Vec<Event> = numbers.map(&event).collect::<Result<_, _>>()?;
        let part: Vec<&Event> = part.iter().filter(|event| !known.contains(&event.id)).collect();
        copy_events(&transaction, &part).await?;
        copy_tags(&transaction, &part).await?;
        created.ticket_types += copy_tickets(&transaction, &part).await?;
        made.extend(part.iter().map(|event| event.id));
    }
    created.events = made.len();
    list(&transaction, &made, known.len()).await?;
    transaction.commit().await?;
    if created != Counts::default() {
        // Also sets the marks by which an index alone answers.
        client
            .batch_execute(
                "VACUUM ANALYZE venues, events, event_tags, tags, quotas, ticket_types, event_listings, search_terms",
            )
            .await?;
    }
    Ok(created)
}

/// Lists the new events. Where they are the most, the indexes are made again afterwards, which takes a fraction of the time of growing
/// them; until the end of the transaction nobody else can read the list then.
async fn list(transaction: &Transaction<'_>, made: &[Uuid], known: usize) -> Result<(), SeedError> {
    const INDEXES: &str = "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition \
        FROM pg_index WHERE indrelid = 'event_listings'::regclass AND NOT indisprimary";
    let indexes = if made.len() > known { transaction.query_typed(INDEXES, &[]).await? } else { Vec::new() };
    for index in &indexes {
        transaction.batch_execute(&format!("DROP INDEX {}", index.try_get::<_, &str>("name")?)).await?;
    }
    // The prices of each are looked up. Planned on tables that seem empty, each look-up would walk along all prices there are.
    transaction.batch_execute("ANALYZE venues, events, event_tags, tags, ticket_types").await?;
    transaction.execute_typed("SELECT refresh_event_listings($1)", &[(&made, Type::UUID_ARRAY)]).await?;
    for index in &indexes {
        transaction.batch_execute(index.try_get("definition")?).await?;
    }
    Ok(())
}

async fn known(transaction: &Transaction<'_>, statement: &str) -> Result<HashSet<Uuid>, SeedError> {
    let rows = transaction.query_typed(statement, &[]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

type Values<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// Copies rows; the driver's writer wants each value's type.
async fn copy<'a>(
    transaction: &Transaction<'_>,
    statement: &str,
    types: &[Type],
    rows: impl Iterator<Item = Values<'a>>,
) -> Result<usize, SeedError> {
    let sink = transaction.copy_in(statement).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, types));
    for row in rows {
        writer.as_mut().write(&row).await?;
    }
    Ok(usize::try_from(writer.finish().await?).unwrap_or(usize::MAX))
}

async fn copy_venues(transaction: &Transaction<'_>, venues: &[&Venue]) -> Result<(), SeedError> {
    const STATEMENT: &str =
        "COPY venues (id, slug, name, description, address, city, country, time_zone, capacity) FROM STDIN BINARY";
    let types = [&[Type::UUID][..], &[Type::TEXT; 7], &[Type::INT4]].concat();
    let rows = venues.iter().map(|venue| -> Values<'_> {
        vec![
            &venue.id,
            &venue.slug,
            &venue.name,
            &"",
            &venue.address,
            &venue.city.name,
            &venue.city.country,
            &venue.city.time_zone,
            &venue.capacity,
        ]
    });
    copy(transaction, STATEMENT, &types, rows).await.map(|_| ())
}

async fn copy_events(transaction: &Transaction<'_>, events: &[&Event]) -> Result<(), SeedError> {
    const STATEMENT: &str = "COPY events (id, organizer_id, venue_id, series_id, slug, title, summary, description, category, status, time_zone, \
        currency, starts_at, ends_at, sale_starts_at, sale_ends_at, created_at, updated_at) FROM STDIN BINARY";
    // An enumeration travels as its label.
    let types = [&[Type::UUID; 4][..], &[Type::TEXT; 8], &[Type::TIMESTAMPTZ; 6]].concat();
    let labels: Vec<_> = events.iter().map(|event| (event.status.as_str(), event.city.currency.code())).collect();
    let rows = events.iter().zip(&labels).map(|(event, (status, currency))| -> Values<'_> {
        vec![
            &event.id,
            &event.organizer_id,
            &event.venue_id,
            &event.series_id,
            &event.slug,
            &event.title,
            &event.summary,
            &event.description,
            &event.category,
            status,
            &event.city.time_zone,
            currency,
            &event.starts_at,
            &event.ends_at,
            &event.sale_starts_at,
            &event.starts_at,
            &event.created_at,
            &event.created_at,
        ]
    });
    copy(transaction, STATEMENT, &types, rows).await.map(|_| ())
}

/// Tags belong to everybody: one that exists under its slug is used, no matter who made it.
async fn copy_tags(transaction: &Transaction<'_>, events: &[&Event]) -> Result<(), SeedError> {
    let slugs: HashSet<&str> = events.iter().flat_map(|event| &event.tags).copied().collect();
    let slugs: Vec<&str> = slugs.into_iter().collect();
    let own: Vec<Uuid> = slugs.iter().map(|slug| ids::stable("tag", slug)).collect();
    let names: Vec<String> = slugs.iter().map(|slug| slug.replace('-', " ")).collect();
    let statement = "WITH added AS (
             INSERT INTO tags (id, slug, name) SELECT * FROM unnest($1, $2, $3) ON CONFLICT (slug) DO NOTHING RETURNING id, slug
         ) SELECT id, slug FROM added UNION SELECT id, slug FROM tags WHERE slug = ANY ($2)";
    let rows = transaction
        .query_typed(statement, &[(&own, Type::UUID_ARRAY), (&slugs, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)])
        .await?;
    let mut ids = std::collections::HashMap::new();
    for row in &rows {
        ids.insert(row.try_get::<_, &str>("slug")?, row.try_get::<_, Uuid>("id")?);
    }
    let tagged: Vec<(Uuid, Uuid)> = events
        .iter()
        .flat_map(|event| event.tags.iter().filter_map(|slug| Some((event.id, *ids.get(slug)?))))
        .collect();
    let rows = tagged.iter().map(|(event, tag)| -> Values<'_> { vec![event, tag] });
    copy(transaction, "COPY event_tags (event_id, tag_id) FROM STDIN BINARY", &[Type::UUID, Type::UUID], rows)
        .await
        .map(|_| ())
}

async fn copy_tickets(transaction: &Transaction<'_>, events: &[&Event]) -> Result<usize, SeedError> {
    let tickets = || events.iter().flat_map(|event| event.tickets.iter().map(move |ticket| (event, ticket)));
    let rows = tickets()
        .map(|(event, ticket)| -> Values<'_> { vec![&ticket.quota_id, &event.id, &ticket.name, &ticket.capacity] });
    let types = [Type::UUID, Type::UUID, Type::TEXT, Type::INT4];
    copy(transaction, "COPY quotas (id, event_id, name, capacity) FROM STDIN BINARY", &types, rows).await?;

    const STATEMENT: &str = "COPY ticket_types (id, event_id, quota_id, position, name, price) FROM STDIN BINARY";
    let types = [Type::UUID, Type::UUID, Type::UUID, Type::INT4, Type::TEXT, Type::NUMERIC];
    let positions: Vec<i32> =
        (0..i32::try_from(events.iter().map(|event| event.tickets.len()).max().unwrap_or(0)).unwrap_or(0)).collect();
    let rows = events.iter().flat_map(|event| {
        event.tickets.iter().zip(&positions).map(|(ticket, position)| -> Values<'_> {
            vec![&ticket.id, &event.id, &ticket.quota_id, position, &ticket.name, &ticket.price]
        })
    });
    copy(transaction, STATEMENT, &types, rows).await
}
