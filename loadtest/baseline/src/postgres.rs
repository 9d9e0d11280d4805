//! A PostgreSQL that is not the server's: one that can be away for longer than a server would leave its own down.

use std::io::Write as _;

use anyhow::bail;
use boxoffice::{config::Config, serve::database::Database};
use embedded_postgres::PrivatePostgres;

use crate::stop_signal;

/// Runs it until SIGTERM or SIGINT, then shuts it down.
pub(crate) async fn keep(config: &Config) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    let database = Database::own(config).await?;
    let Some(url) = PrivatePostgres::url_of_running(&config.database.data_dir) else { bail!("it did not start") };
    // A line that its reader waits for.
    writeln!(std::io::stdout(), "{url}")?;
    stop.await;
    database.release().await;
    Ok(())
}
