//! Rollback guards: rows that a way back would lose, which the `.down.sql` files name themselves.

use tokio_postgres::Client;

use super::{MigrateError, Migration, directives::guards, source::Direction};

/// Refuses to take these back while there are rows that must not be lost, and names the first of them. Asked before anything runs, so on the
/// newest schema.
pub(super) async fn refuse(client: &Client, migrations: &[&Migration]) -> Result<(), MigrateError> {
    let mut found = Vec::new();
    for migration in migrations {
        for guard in guards(&migration.down) {
            let count: i64 = client.query_one(&format!("SELECT count(*) FROM {}", guard.rows), &[]).await?.get(0);
            if count > 0 {
                let names = names(client, guard.rows).await?;
                let (file, rows, reason) = (migration.file(Direction::Down), guard.rows, guard.reason);
                found.push(format!("{file}: {reason} ({count} of {rows}: {names})"));
            }
        }
    }
    if found.is_empty() { Ok(()) } else { Err(MigrateError::LosesData { found }) }
}

/// The first rows, by what people know them by.
async fn names(client: &Client, rows: &str) -> Result<String, MigrateError> {
    let statement = format!(
        "SELECT string_agg(coalesce(f ->> 'slug', f ->> 'id', f ->> 'event_id', f ->> 'key', f ->> 'seq', '?'), ', ') \
         FROM (SELECT to_jsonb(t) AS f FROM (SELECT * FROM {rows} LIMIT 3) AS t) AS few"
    );
    Ok(client.query_one(&statement, &[]).await?.get::<_, Option<String>>(0).unwrap_or_default())
}
