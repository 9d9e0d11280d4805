//! Pagination: one page of a list in either direction, and the length of the list.

pub mod statement;
pub(super) mod table;
pub(super) mod walk;

use domain::lists::{ListQuery, Page, Place, Position, Total};
use tokio_postgres::{Row, types::Type};

use self::statement::Statement;
use super::super::{
    connection::Statements,
    rows::{StoreError, readable, some_readable},
};

/// Entries of a list are counted up to this number for each page, because a count reads all that a page goes out of its way not to
/// read. Of a longer list the planner's estimate is told, which costs as much for a hundred entries as for a million.
const COUNT_MAX: u32 = 1_000;

/// A list with one filter and one order: its statements.
pub(super) trait Source: Sync {
    /// Adds all entries that match, without anything of them: `SELECT FROM … WHERE …`.
    fn matching(&self, statement: &mut Statement);

    /// The page at this place, one row longer than its limit, with the keys of the order as columns of their names. With `few`, no
    /// more entries match than are counted.
    fn page(&self, query: &ListQuery, few: bool) -> Statement;

    /// Whether entries are found by words: a count then asks their index, though the planner believes that many have them.
    fn has_words(&self) -> bool {
        false
    }

    /// Whether the words are looked for in other spellings, too.
    fn is_respelt(&self) -> bool {
        false
    }
}

/// The rows of a page in the order of the list, and where it is in the list.
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// All that is known of the page but its entries.
    page: Page<()>,
}

impl Rows {
    /// The page, with each entry from its row. A row that can't be read is left out.
    pub(super) fn entries<T>(self, entry: impl Fn(&Row) -> Result<T, StoreError>) -> Result<Page<T>, StoreError> {
        let entries = some_readable(self.rows.iter().map(|row| (row, entry(row))))?;
        Ok(self.with(entries))
    }

    /// The page with these entries.
    pub(super) fn with<T>(self, entries: Vec<T>) -> Page<T> {
        let Page { first, last, total, has_more, has_previous, .. } = self.page;
        Page { entries, first, last, total, has_more, has_previous }
    }
}

/// Reads a page. Often it tells by itself how long the list is: it is the last one, and not one beyond the end.
pub(super) async fn read(
    client: &impl Statements,
    source: &impl Source,
    query: &ListQuery,
) -> Result<Rows, StoreError> {
    let rows = source.page(query, false).rows(client).await?;
    let total = match query.place {
        Place::Offset(offset) if rows.len() <= query.limit as usize && (offset == 0 || !rows.is_empty()) => {
            Total::Exact(u64::from(offset) + rows.len() as u64)
        }
        _ => total(client, source).await?,
    };
    placed(client, source, query, false, (rows, total)).await
}

/// Reads a page of a list of this length, which decides how it is best read.
pub(super) async fn read_of(
    client: &impl Statements,
    source: &impl Source,
    query: &ListQuery,
    total: Total,
) -> Result<Rows, StoreError> {
    let few = matches!(total, Total::Exact(_));
    let rows = if total.is_none() { Vec::new() } else { source.page(query, few).rows(client).await? };
    placed(client, source, query, few, (rows, total)).await
}

/// Reads a page of which nobody asks how long its list is, and whether a page is behind it.
pub(super) async fn read_on(
    client: &impl Statements,
    source: &impl Source,
    query: &ListQuery,
) -> Result<Rows, StoreError> {
    let rows = source.page(query, false).rows(client).await?;
    cut(source, query, rows, Total::Exact(0)).map(|(rows, _)| rows)
}

/// The page, after a look whether there is something behind it where its walk comes from.
async fn placed(
    client: &impl Statements,
    source: &impl Source,
    query: &ListQuery,
    few: bool,
    (rows, total): (Vec<Row>, Total),
) -> Result<Rows, StoreError> {
    let (mut found, further) = cut(source, query, rows, total)?;
    let is_backwards = query.place.is_backwards();
    let has_passed = match query.place.passed(further, found.rows.len(), total) {
        Some(has_passed) => has_passed,
        None => {
            let (end, behind): (_, fn(Position) -> Place) =
                if is_backwards { (&found.page.last, Place::After) } else { (&found.page.first, Place::Before) };
            let Some(end) = end.clone() else { return Ok(found) };
            !source.page(&query.at(behind(end), 1), few).rows(client).await?.is_empty()
        }
    };
    (found.page.has_more, found.page.has_previous) = query.place.neighbours(further, has_passed);
    Ok(found)
}

/// The page from its rows, one of which may belong to the next page, and whether there is one.
fn cut(source: &impl Source, query: &ListQuery, mut rows: Vec<Row>, total: Total) -> Result<(Rows, bool), StoreError> {
    let limit = query.limit as usize;
    let further = rows.len() > limit;
    rows.truncate(limit);
    if query.place.is_backwards() {
        rows.reverse();
    }
    // Of all rows: a walk goes on behind one that can't be read.
    let positions = readable(&rows, |row| walk::position(query.sort.order, row, source.is_respelt()))?;
    let (first, last) = (positions.first().cloned(), positions.last().cloned());
    let (has_more, has_previous) = query.place.neighbours(further, false);
    Ok((Rows { rows, page: Page { entries: Vec::new(), first, last, total, has_more, has_previous } }, further))
}

/// Counted as far as a count costs little; what the planner expects beyond that.
pub(super) async fn total(client: &impl Statements, source: &impl Source) -> Result<Total, StoreError> {
    let counted = count(source).rows(client).await?;
    let counted: i64 = counted.first().map_or(Ok(0), |row| row.try_get(0))?;
    let counted = u64::try_from(counted).unwrap_or(0);
    if counted <= u64::from(COUNT_MAX) {
        return Ok(Total::Exact(counted));
    }
    let explained = estimate(source).rows(client).await?;
    let plan: serde_json::Value = explained.first().map_or(Ok(serde_json::Value::Null), |row| row.try_get(0))?;
    Ok(Total::About(plan[0]["Plan"]["Plan Rows"].as_u64().unwrap_or(0).max(counted)))
}

/// Counts the entries, up to one more than [`COUNT_MAX`].
pub(super) fn count(source: &impl Source) -> Statement {
    let mut statement = Statement::default();
    statement.sql("WITH found AS ").sql(if source.has_words() { "MATERIALIZED (" } else { "NOT MATERIALIZED (" });
    source.matching(&mut statement);
    statement.sql(") SELECT count(*) FROM (SELECT FROM found LIMIT ");
    statement.bind(i64::from(COUNT_MAX) + 1, Type::INT8).sql(") AS counted");
    statement
}

/// What the planner is asked about a list that is too long to count.
pub(super) fn estimate(source: &impl Source) -> Statement {
    let mut statement = Statement::default();
    source.matching(&mut statement);
    statement.explained()
}
