//! More houses: a fast server sells 20,000 seats in a second or two, and a run lasts ten.

use std::path::Path;

use anyhow::Context;
use boxoffice::{config::Config, serve::database::Database};
use tokio_postgres::Client;
use uuid::Uuid;

/// Adds events that are the hot seated one over again, seat map included, and writes them into the fixture.
pub(crate) async fn prepare(config: &Config, houses: u32, path: &Path) -> anyhow::Result<()> {
    let mut fixture: serde_json::Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let events = fixture["events"].as_array().context("the fixture has no events")?;
    let arena = events.iter().find(|event| event["kind"] == "hot-seated").context("no hot seated event")?;
    let event: Uuid = arena["id"].as_str().unwrap_or_default().parse()?;
    let database = Database::borrow(config).await?;
    let mut client = database.connect(config).await?;
    let mut added = Vec::new();
    for number in 0..houses {
        let (id, ticket_type) = add(&mut client, event, number).await?;
        added.push(serde_json::json!({ "id": id, "ticketTypeId": ticket_type }));
    }
    client.batch_execute("VACUUM ANALYZE").await?;
    drop(client);
    database.release().await;
    fixture["houses"] = added.into();
    std::fs::write(path, serde_json::to_vec(&fixture)?)?;
    Ok(())
}

async fn add(client: &mut Client, event: Uuid, number: u32) -> anyhow::Result<(Uuid, Uuid)> {
    let (id, quota, ticket_type) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let transaction = client.transaction().await?;
    transaction
        .execute(
            "INSERT INTO events (id, slug, organizer_id, venue_id, seat_map_version_id, title, category, status, starts_at, \
                                 ends_at, time_zone, currency, sale_starts_at, sale_ends_at, max_per_account) \
             SELECT $1, slug || '-' || $3, organizer_id, venue_id, seat_map_version_id, title, category, status, starts_at, \
                    ends_at, time_zone, currency, sale_starts_at, sale_ends_at, max_per_account \
             FROM events WHERE id = $2",
            &[&id, &event, &number.to_string()],
        )
        .await?;
    transaction
        .execute(
            "INSERT INTO quotas (id, event_id, name, capacity) \
             SELECT $1, $2, name, capacity FROM quotas WHERE event_id = $3",
            &[&quota, &id, &event],
        )
        .await?;
    transaction
        .execute(
            "INSERT INTO ticket_types (id, event_id, quota_id, name, position, price, seated, min_per_booking, \
                                       max_per_booking) \
             SELECT $1, $2, $3, name, position, price, seated, min_per_booking, max_per_booking \
             FROM ticket_types WHERE event_id = $4",
            &[&ticket_type, &id, &quota, &event],
        )
        .await?;
    transaction
        .execute(
            "INSERT INTO ticket_type_sections (ticket_type_id, section_id) \
             SELECT $1, s.section_id FROM ticket_type_sections s JOIN ticket_types t ON t.id = s.ticket_type_id \
             WHERE t.event_id = $2",
            &[&ticket_type, &event],
        )
        .await?;
    transaction.commit().await?;
    Ok((id, ticket_type))
}
