//! More houses: a fast server sells 20,000 seats in a second or two, and a run lasts ten.

use std::path::Path;

use anyhow::Context;
use boxoffice::{config::Config, serve::database::Database};
use uuid::Uuid;

/// A new event for each of $1, with a quota of $2 and a ticket type of $3, which is event $4 over again, seat map included.
const COPIES: [&str; 4] = [
    "INSERT INTO events (id, slug, organizer_id, venue_id, seat_map_version_id, title, category, status, starts_at, ends_at, \
                         time_zone, currency, sale_starts_at, sale_ends_at, max_per_account) \
     SELECT added.event, slug || '-' || added.number, organizer_id, venue_id, seat_map_version_id, title, category, status, starts_at, \
            ends_at, time_zone, currency, sale_starts_at, sale_ends_at, max_per_account FROM events, added WHERE id = $4",
    "INSERT INTO quotas (id, event_id, name, capacity) \
     SELECT added.quota, added.event, name, capacity FROM quotas, added WHERE event_id = $4",
    "INSERT INTO ticket_types (id, event_id, quota_id, name, position, price, seated, min_per_booking, max_per_booking) \
     SELECT added.ticket_type, added.event, added.quota, name, position, price, seated, min_per_booking, max_per_booking \
     FROM ticket_types, added WHERE event_id = $4",
    "INSERT INTO ticket_type_sections (ticket_type_id, section_id) \
     SELECT added.ticket_type, s.section_id FROM added, ticket_type_sections s JOIN ticket_types t ON t.id = s.ticket_type_id \
     WHERE t.event_id = $4",
];
const NEW: &str = "WITH added AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) WITH ORDINALITY \
                   AS added (event, quota, ticket_type, number)) ";

/// Adds houses, and writes them into the fixture.
pub(crate) async fn prepare(config: &Config, houses: u32, path: &Path) -> anyhow::Result<()> {
    let mut fixture: serde_json::Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let events = fixture["events"].as_array().context("the fixture has no events")?;
    let arena = events.iter().find(|event| event["kind"] == "hot-seated").context("no hot seated event")?;
    let arena: Uuid = arena["id"].as_str().unwrap_or_default().parse()?;
    let ids = || -> Vec<Uuid> { (0..houses).map(|_| Uuid::now_v7()).collect() };
    let (events, quotas, ticket_types) = (ids(), ids(), ids());
    let database = Database::borrow(config).await?;
    let client = database.connect(config).await?;
    for copy in COPIES {
        client.execute(&format!("{NEW}{copy}"), &[&events, &quotas, &ticket_types, &arena]).await?;
    }
    client.batch_execute("VACUUM ANALYZE").await?;
    drop(client);
    database.release().await;
    let house = |(id, ticket_type): (&Uuid, &Uuid)| serde_json::json!({ "id": id, "ticketTypeId": ticket_type });
    fixture["houses"] = events.iter().zip(&ticket_types).map(house).collect();
    std::fs::write(path, serde_json::to_vec(&fixture)?)?;
    Ok(())
}
