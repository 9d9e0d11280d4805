//! Whether a server may run on a database: it keeps what it has acknowledged, knows the capitals of all alphabets, and has no accounts
//! that everybody can sign in to.

use boxoffice_store::postgres::connection::Statements;
use tokio_postgres::Client;

use crate::config::Environment;

/// What is lost in a crash was sold, and will be sold again.
const OFF: &str =
    "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name";

/// The database is set up in a way that this environment does not allow.
#[derive(Debug, thiserror::Error)]
#[error("the database would lose bookings in a crash: set {0} = on in postgresql.conf")]
pub(super) struct NotDurable(String);

/// Refuses, in production, a database whose commits do not survive a crash of its machine; elsewhere there is a warning.
pub(super) async fn check_durability(client: &Client, environment: Environment) -> anyhow::Result<()> {
    let names = names(client, OFF).await?;
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

/// Words are compared in lower case, and so are addresses. Cyrillic: letters with accents lose them before they are compared, and are
/// known everywhere then.
const KNOWS: &str =
    "SELECT lower('Ж') = 'ж' AS knows, (SELECT datctype FROM pg_database WHERE datname = current_database()) AS ctype";

/// Warns of a database that was made for English only (`LC_CTYPE` of C): a search for `жизель` does not find `Жизель` there. It can't
/// be changed later, so a server that has been running on it goes on.
pub(super) async fn check_letters(client: &Client) -> anyhow::Result<()> {
    let rows = Statements::query_typed(client, KNOWS, &[]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let (knows, ctype): (bool, &str) = (row.try_get("knows")?, row.try_get("ctype")?);
    if !knows {
        tracing::warn!(
            lcCtype = ctype,
            "the database knows capitals of English only, so searches in Greek or Cyrillic find less: make one with LC_CTYPE C.UTF-8, \
             or of a language, and restore into it"
        );
    }
    Ok(())
}

/// The domains of all seeds end like this; it is reserved for examples (RFC 6761).
const SEEDED: &str = "SELECT email FROM accounts \
    WHERE status = 'ACTIVE' AND email LIKE '%@%.boxoffice.example' ORDER BY role DESC, email LIMIT 3";

/// Accounts whose addresses are published, and whose passwords once were, would work here.
#[derive(Debug, thiserror::Error)]
#[error("the database has accounts of a seed, which everybody knows ({0}): use another database, or suspend them")]
pub(super) struct HasSeededAccounts(String);

/// Refuses, in production, a database with active accounts of a seed.
pub(super) async fn check_accounts(client: &Client, environment: Environment) -> anyhow::Result<()> {
    if environment != Environment::Production {
        return Ok(());
    }
    let names = names(client, SEEDED).await?;
    if names.is_empty() { Ok(()) } else { Err(HasSeededAccounts(names.join(", ")).into()) }
}

async fn names(client: &Client, sql: &str) -> anyhow::Result<Vec<String>> {
    let rows = Statements::query_typed(client, sql, &[]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}
