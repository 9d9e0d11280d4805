//! The database, made ready for a server.

use boxoffice_auth::passwords::Passwords;
use boxoffice_store::postgres::installation;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{database::Database, demo, suitability};
use crate::config::Config;

/// Migrates, and fills a private database with the demo once, if only this machine reaches it. Says which installation it is of.
pub(super) async fn prepare(database: &Database, config: &Config, hasher: &Passwords) -> anyhow::Result<Uuid> {
    let mut client = database.connect(config).await?;
    suitability::check_durability(&client, config.environment).await?;
    suitability::check_letters(&client).await?;
    database.prepare_schema(config).await?;
    suitability::check_accounts(&client, config.environment).await?;
    if database.is_demo(config) && is_empty(&client).await? {
        fill(&mut client, config, hasher).await?;
    }
    Ok(installation::id(&client).await?)
}

async fn fill(client: &mut Client, config: &Config, hasher: &Passwords) -> anyhow::Result<()> {
    // Anyone who can reach the server would find an administrator's account that its owner may not know of.
    if !config.http.listen.ip().to_canonical().is_loopback() {
        tracing::info!(listen = %config.http.listen, "no demo: others reach this server; `boxoffice seed` loads it");
        return Ok(());
    }
    let (summary, _) = demo::load(client, config, hasher).await?;
    tracing::info!(events = summary.created.events, venues = summary.created.venues, "demo data loaded");
    Ok(())
}

async fn is_empty(client: &Client) -> anyhow::Result<bool> {
    Ok(client.query_opt("SELECT 1 FROM accounts LIMIT 1", &[]).await?.is_none())
}
