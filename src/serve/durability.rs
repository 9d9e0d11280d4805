//! Whether the database keeps what it has acknowledged. What is lost in a crash was sold, and will be sold again.

use boxoffice_store::postgres::connection::Statements;
use tokio_postgres::Client;

use crate::config::Environment;

const OFF: &str =
    "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name";

/// The database is set up in a way that this environment does not allow.
#[derive(Debug, thiserror::Error)]
#[error("the database would lose bookings in a crash: set {0} = on in postgresql.conf")]
pub(super) struct NotDurable(String);

/// Refuses, in production, a database whose commits do not survive a crash of its machine; elsewhere there is a warning.
pub(super) async fn check(client: &Client, environment: Environment) -> anyhow::Result<()> {
    let rows = Statements::query_typed(client, OFF, &[]).await?;
    let names = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<&str>, _>>()?;
    if names.is_empty() {
        return Ok(());
    }
    let fault = NotDurable(names.join(" = on and "));
    if environment == Environment::Production {
        return Err(fault.into());
    }
    tracing::warn!(%fault, "commits do not survive a crash of the database's machine");
    Ok(())
}
