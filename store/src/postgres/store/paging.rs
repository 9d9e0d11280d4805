//! Pagination of a list that has one order, in either direction.
//!
//! A statement finds its rows by `WHERE … (key) {comparison} ($n)`, `ORDER BY key {direction}`, and `OFFSET` and `LIMIT` as its last two
//! parameters; [`read`] runs it, and brings the rows into the order of the list.

use domain::{
    repositories::{Page, PageRequest},
    search::Total,
};
use tokio_postgres::{Row, types::Type};

use super::super::{
    connection::{Statements, Typed},
    rows::{StoreError, some_readable},
};

/// The rows of a page in the order of the list, whether pages follow, and whether some come before.
pub(super) struct Cut {
    pub(super) rows: Vec<Row>,
    pub(super) has_more: bool,
    pub(super) has_previous: bool,
}

/// Reads a page of a list whose keys grow, or fall. `statement` is given comparison and direction; `parameters` are all but the last
/// two. Of whom no `total` is known, nobody asks what lies behind.
///
/// One row more than the page has room for tells whether the walk goes on. Whether there is a page where it comes from, the total tells
/// if it is exact and the walk ends here; otherwise one more row is read, backwards from where the walk began: what was there may have
/// gone. Without rows, `total` tells whether the list has any.
pub(super) async fn read<K>(
    client: &impl Statements,
    request: &PageRequest<K>,
    falls: bool,
    total: Option<Total>,
    statement: impl Fn(&'static str, &'static str) -> String,
    parameters: &[Typed<'_>],
) -> Result<Cut, StoreError> {
    let downwards = falls != request.start.is_backwards();
    let (onwards, back) = if downwards { (("<", "DESC"), (">=", "ASC")) } else { ((">", "ASC"), ("<=", "DESC")) };
    let limit = request.limit as usize;
    let mut rows = {
        let (offset, count) = (i64::from(request.start.offset()), i64::from(request.limit) + 1);
        let place: [Typed<'_>; 2] = [(&offset, Type::INT8), (&count, Type::INT8)];
        client.query_typed(&statement(onwards.0, onwards.1), &[parameters, &place].concat()).await?
    };
    let further = rows.len() > limit;
    rows.truncate(limit);
    let has_passed = match total.map(|total| request.start.passed(further, rows.len(), total)) {
        Some(Some(has_passed)) => has_passed,
        Some(None) => {
            let place: [Typed<'_>; 2] = [(&0_i64, Type::INT8), (&1_i64, Type::INT8)];
            !client.query_typed(&statement(back.0, back.1), &[parameters, &place].concat()).await?.is_empty()
        }
        None => false,
    };
    if request.start.is_backwards() {
        rows.reverse();
    }
    let (has_more, has_previous) = request.start.neighbours(further, has_passed);
    Ok(Cut { rows, has_more, has_previous })
}

/// The page from its rows, as far as they can be read.
pub(super) fn page_of<T>(
    Cut { rows, has_more, has_previous }: Cut,
    total: Total,
    entry: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let entries = some_readable(rows.iter().map(|row| (row, entry(row))))?;
    Ok(Page { entries, total, has_more, has_previous })
}
