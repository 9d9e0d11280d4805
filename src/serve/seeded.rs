//! Accounts with passwords that everybody can read: those of the demo and of the load test. A server that sells has none.

use boxoffice_store::postgres::connection::Statements;
use tokio_postgres::Client;

use crate::config::Environment;

/// The domains of all seeds end like this; it is reserved for examples (RFC 6761).
const SEEDED: &str = "SELECT email FROM accounts \
    WHERE status = 'ACTIVE' AND email LIKE '%@%.boxoffice.example' ORDER BY role DESC, email LIMIT 3";

/// Accounts whose addresses are published, and whose passwords once were, would work here.
#[derive(Debug, thiserror::Error)]
#[error("the database has accounts of a seed, which everybody knows ({0}): use another database, or suspend them")]
pub(super) struct HasSeededAccounts(String);

/// Refuses, in production, a database with active accounts of a seed.
pub(super) async fn check(client: &Client, environment: Environment) -> anyhow::Result<()> {
    if environment != Environment::Production {
        return Ok(());
    }
    let rows = Statements::query_typed(client, SEEDED, &[]).await?;
    let names = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<&str>, _>>()?;
    if names.is_empty() { Ok(()) } else { Err(HasSeededAccounts(names.join(", ")).into()) }
}
