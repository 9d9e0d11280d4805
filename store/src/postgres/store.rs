//! Repositories: accounts, catalogue and bookings in PostgreSQL.
//!
//! Statements are typed and unnamed: one round trip each, and PgBouncer may pool transactions.

mod accounts;
mod administration;
mod audit;
mod bookings;
pub mod catalogue;
mod credentials;
mod event_columns;
mod manage;
mod paging;
mod retention;
mod sessions;

use domain::search::Total;

use self::catalogue::walk;
use super::{
    connection::{Connection, RequestPool, Typed},
    rows::StoreError,
};

/// The repositories, over one pool.
#[derive(Clone)]
pub struct PgStore {
    pool: RequestPool,
}

impl PgStore {
    pub fn new(pool: RequestPool) -> Self {
        Self { pool }
    }
}

/// The condition that `column`, of an enumerated type, is one of `names`, which are constants of this program; no condition when there are none.
/// Written out, and not a parameter: of an array that has yet to become one of the type, the planner knows neither how rare its values are
/// nor which partial index has them, and walks the whole list to fill a page.
fn is_one_of(column: &str, names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<_> = names.map(|name| format!("'{name}'")).collect();
    if names.is_empty() { "true".to_owned() } else { format!("{column} IN ({})", names.join(", ")) }
}

/// How many rows there are `from` (a table, joins, `WHERE …`): counted up to a thousand, because a count reads all that a page goes out of
/// its way not to read; what the planner expects beyond that. `from` is made of constants of this program only.
async fn total_of(client: &Connection, from: &str, parameters: &[Typed<'_>]) -> Result<Total, StoreError> {
    let most = walk::COUNT_MAX + 1;
    let count = format!("SELECT count(*) FROM (SELECT FROM {from} LIMIT {most}) AS counted");
    let counted: i64 = client.query_typed_one(&count, parameters).await?.try_get(0)?;
    let counted = u64::try_from(counted).unwrap_or(0);
    if counted < u64::from(most) {
        return Ok(Total::Exact(counted));
    }
    let explained = client.query_typed(&format!("EXPLAIN (FORMAT JSON) SELECT FROM {from}"), parameters).await?;
    Ok(Total::About(walk::expected_rows(&explained)?.max(counted)))
}
