//! Whether the database knows the capitals of all alphabets. Words are compared in lower case, and so are addresses.

use boxoffice_store::postgres::connection::Statements;
use tokio_postgres::Client;

/// Cyrillic: letters with accents lose them before they are compared, and are known everywhere then.
const KNOWS: &str =
    "SELECT lower('Ж') = 'ж' AS knows, (SELECT datctype FROM pg_database WHERE datname = current_database()) AS ctype";

/// Warns of a database that was made for English only (`LC_CTYPE` of C): a search for `жизель` does not find `Жизель` there. It can't
/// be changed later, so a server that has been running on it goes on.
pub(super) async fn check(client: &Client) -> anyhow::Result<()> {
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
