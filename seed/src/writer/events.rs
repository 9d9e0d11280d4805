//! Events, and the tags, quotas and ticket types of new ones.

use std::collections::{BTreeSet, HashSet};

use tokio_postgres::{Transaction, types::Type};
use uuid::Uuid;

use super::{Parameter, ROWS_PER_STATEMENT, column, returned_ids};
use crate::{
    SeedError, ids,
    model::{Event, Quota, Ticket},
};

/// The events that were not there before.
pub(super) async fn write_events(transaction: &Transaction<'_>, events: &[Event]) -> Result<HashSet<Uuid>, SeedError> {
    let statement = "INSERT INTO events
             (id, slug, organizer_id, venue_id, seat_map_version_id, title, summary, description, category,
              status, starts_at, ends_at, time_zone, currency, sale_starts_at, sale_ends_at, max_per_account,
              series_id)
         SELECT id, slug, organizer_id, venue_id, seat_map_version_id, title, summary, description, category,
                status::event_status, starts_at, ends_at, time_zone, currency, sale_starts_at, sale_ends_at,
                max_per_account, series_id
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
              AS row (id, slug, organizer_id, venue_id, seat_map_version_id, title, summary, description, category,
                      status, starts_at, ends_at, time_zone, currency, sale_starts_at, sale_ends_at,
                      max_per_account, series_id)
         ON CONFLICT (id) DO NOTHING RETURNING id";
    let mut created = HashSet::new();
    for rows in events.chunks(ROWS_PER_STATEMENT) {
        let parameters: [Parameter<'_>; 18] = [
            (&column(rows, |event| event.id), Type::UUID_ARRAY),
            (&column(rows, |event| event.slug.as_str()), Type::TEXT_ARRAY),
            (&column(rows, |event| event.organizer_id), Type::UUID_ARRAY),
            (&column(rows, |event| event.venue_id), Type::UUID_ARRAY),
            (&column(rows, |event| event.seat_map_version_id), Type::UUID_ARRAY),
            (&column(rows, |event| event.title.as_str()), Type::TEXT_ARRAY),
            (&column(rows, |event| event.summary), Type::TEXT_ARRAY),
            (&column(rows, |event| event.description), Type::TEXT_ARRAY),
            (&column(rows, |event| event.category), Type::TEXT_ARRAY),
            (&column(rows, |event| event.status.as_str()), Type::TEXT_ARRAY),
            (&column(rows, |event| event.starts_at), Type::TIMESTAMPTZ_ARRAY),
            (&column(rows, |event| event.ends_at), Type::TIMESTAMPTZ_ARRAY),
            (&column(rows, |event| event.time_zone), Type::TEXT_ARRAY),
            (&column(rows, |event| event.currency.code()), Type::TEXT_ARRAY),
            (&column(rows, |event| event.sale_starts_at), Type::TIMESTAMPTZ_ARRAY),
            (&column(rows, |event| event.sale_ends_at), Type::TIMESTAMPTZ_ARRAY),
            (&column(rows, |event| event.max_per_account), Type::INT4_ARRAY),
            (&column(rows, |event| event.series_id), Type::UUID_ARRAY),
        ];
        created.extend(returned_ids(transaction, statement, &parameters).await?);
    }
    Ok(created)
}

/// The kinds of events that there are not yet: an event whose kind nobody knows could not be changed.
pub(super) async fn write_categories(transaction: &Transaction<'_>, events: &[&Event]) -> Result<(), SeedError> {
    let mut slugs: Vec<&str> = events.iter().map(|event| event.category).collect();
    slugs.sort_unstable();
    slugs.dedup();
    let statement =
        "INSERT INTO categories (slug, name) SELECT slug, initcap(slug) FROM unnest($1) AS slug ON CONFLICT DO NOTHING";
    transaction.execute_typed(statement, &[(&slugs, Type::TEXT_ARRAY)]).await?;
    Ok(())
}

/// The tags of these events. Tags belong to everybody: one that exists under its slug is used, no matter who made it.
pub(super) async fn write_tags(transaction: &Transaction<'_>, events: &[&Event]) -> Result<(), SeedError> {
    let slugs: BTreeSet<&str> = events.iter().flat_map(|event| &event.tags).copied().collect();
    let slugs: Vec<&str> = slugs.into_iter().collect();
    for rows in slugs.chunks(ROWS_PER_STATEMENT) {
        let statement = "INSERT INTO tags (id, slug, name) SELECT * FROM unnest($1, $2, $3)
             ON CONFLICT (slug) DO NOTHING";
        let parameters: [Parameter<'_>; 3] = [
            (&column(rows, |slug| ids::stable("tag", slug)), Type::UUID_ARRAY),
            (&rows, Type::TEXT_ARRAY),
            (&column(rows, |slug| slug.replace('-', " ")), Type::TEXT_ARRAY),
        ];
        transaction.execute_typed(statement, &parameters).await?;
    }
    let tagged: Vec<(Uuid, &str)> =
        events.iter().flat_map(|event| event.tags.iter().map(|slug| (event.id, *slug))).collect();
    for rows in tagged.chunks(ROWS_PER_STATEMENT) {
        let statement = "INSERT INTO event_tags (event_id, tag_id)
             SELECT row.event_id, tags.id FROM unnest($1, $2) AS row (event_id, slug) JOIN tags USING (slug)";
        let parameters: [Parameter<'_>; 2] = [
            (&column(rows, |(event_id, _)| *event_id), Type::UUID_ARRAY),
            (&column(rows, |(_, slug)| *slug), Type::TEXT_ARRAY),
        ];
        transaction.execute_typed(statement, &parameters).await?;
    }
    Ok(())
}

/// The quotas and ticket types of these events; how many ticket types that makes.
pub(super) async fn write_inventory(transaction: &Transaction<'_>, events: &[&Event]) -> Result<usize, SeedError> {
    let quotas: Vec<(Uuid, &Quota)> =
        events.iter().flat_map(|event| event.quotas.iter().map(|quota| (event.id, quota))).collect();
    write_quotas(transaction, &quotas).await?;
    let tickets: Vec<Offered<'_>> = events.iter().flat_map(|event| offered(event)).collect();
    write_ticket_types(transaction, &tickets).await?;
    let sections: Vec<(Uuid, Uuid)> = tickets
        .iter()
        .flat_map(|offered| offered.ticket.section_ids.iter().map(|section_id| (offered.ticket.id, *section_id)))
        .collect();
    write_ticket_type_sections(transaction, &sections).await?;
    Ok(tickets.len())
}

async fn write_quotas(transaction: &Transaction<'_>, quotas: &[(Uuid, &Quota)]) -> Result<(), SeedError> {
    for rows in quotas.chunks(ROWS_PER_STATEMENT) {
        let statement = "INSERT INTO quotas (id, event_id, name, capacity) SELECT * FROM unnest($1, $2, $3, $4)";
        let parameters: [Parameter<'_>; 4] = [
            (&column(rows, |(_, quota)| quota.id), Type::UUID_ARRAY),
            (&column(rows, |(event_id, _)| *event_id), Type::UUID_ARRAY),
            (&column(rows, |(_, quota)| quota.name), Type::TEXT_ARRAY),
            (&column(rows, |(_, quota)| quota.capacity), Type::INT4_ARRAY),
        ];
        transaction.execute_typed(statement, &parameters).await?;
    }
    Ok(())
}

/// A ticket type where it is offered.
struct Offered<'a> {
    event_id: Uuid,
    quota_id: Uuid,
    position: i32,
    ticket: &'a Ticket,
}

fn offered(event: &Event) -> impl Iterator<Item = Offered<'_>> {
    (0..).zip(event.tickets()).map(|(position, (quota, ticket))| Offered {
        event_id: event.id,
        quota_id: quota.id,
        position,
        ticket,
    })
}

async fn write_ticket_types(transaction: &Transaction<'_>, tickets: &[Offered<'_>]) -> Result<(), SeedError> {
    for rows in tickets.chunks(ROWS_PER_STATEMENT) {
        let statement = "INSERT INTO ticket_types
                 (id, event_id, quota_id, position, name, description, price, seated, max_per_booking, sale_ends_at, hidden,
                  tax_rate)
             SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let parameters: [Parameter<'_>; 12] = [
            (&column(rows, |row| row.ticket.id), Type::UUID_ARRAY),
            (&column(rows, |row| row.event_id), Type::UUID_ARRAY),
            (&column(rows, |row| row.quota_id), Type::UUID_ARRAY),
            (&column(rows, |row| row.position), Type::INT4_ARRAY),
            (&column(rows, |row| row.ticket.name.as_str()), Type::TEXT_ARRAY),
            (&column(rows, |row| row.ticket.description), Type::TEXT_ARRAY),
            (&column(rows, |row| row.ticket.price), Type::NUMERIC_ARRAY),
            (&column(rows, |row| row.ticket.seated()), Type::BOOL_ARRAY),
            (&column(rows, |row| row.ticket.max_per_booking), Type::INT4_ARRAY),
            (&column(rows, |row| row.ticket.sale_ends_at), Type::TIMESTAMPTZ_ARRAY),
            (&column(rows, |row| row.ticket.hidden), Type::BOOL_ARRAY),
            (&column(rows, |row| row.ticket.tax_rate), Type::NUMERIC_ARRAY),
        ];
        transaction.execute_typed(statement, &parameters).await?;
    }
    Ok(())
}

async fn write_ticket_type_sections(transaction: &Transaction<'_>, sections: &[(Uuid, Uuid)]) -> Result<(), SeedError> {
    for rows in sections.chunks(ROWS_PER_STATEMENT) {
        let statement = "INSERT INTO ticket_type_sections (ticket_type_id, section_id) SELECT * FROM unnest($1, $2)";
        let parameters: [Parameter<'_>; 2] = [
            (&column(rows, |(ticket_type_id, _)| *ticket_type_id), Type::UUID_ARRAY),
            (&column(rows, |(_, section_id)| *section_id), Type::UUID_ARRAY),
        ];
        transaction.execute_typed(statement, &parameters).await?;
    }
    Ok(())
}
