//! A page of a list that has one order, whichever way it is walked.
//!
//! A statement finds its rows by `WHERE … (key) {comparison} ($n)`, `ORDER BY key {direction}`, `OFFSET` and `LIMIT`, all of which
//! [`Steps`] say; [`cut`] and [`page_of`] bring them into the order of the list.

use domain::{
    repositories::{Page, PageRequest},
    search::Total,
};
use tokio_postgres::Row;

use super::super::rows::{StoreError, some_readable};

/// How a statement walks to a page.
pub(super) struct Steps<'a, K> {
    /// The entry that the walk comes from, which is not on the page.
    pub(super) from: Option<&'a K>,
    /// `>` or `<`: where the entries of the page are from there.
    pub(super) comparison: &'static str,
    /// `ASC` or `DESC`: in which order the walk meets them.
    pub(super) direction: &'static str,
    /// Entries to pass over.
    pub(super) offset: i64,
    /// Rows to read: one more than the page has room for, which tells whether the walk goes on.
    pub(super) rows: i64,
}

impl<'a, K> Steps<'a, K> {
    /// To this page of a list whose keys grow, or fall.
    pub(super) fn to(request: &'a PageRequest<K>, falls: bool) -> Self {
        let downwards = falls != request.start.is_backwards();
        let (comparison, direction) = if downwards { ("<", "DESC") } else { (">", "ASC") };
        Self {
            from: request.start.comes_from(),
            comparison,
            direction,
            offset: i64::from(request.start.offset()),
            rows: i64::from(request.limit) + 1,
        }
    }
}

/// The rows of a page in the order of the list, whether pages follow, and whether some come before. Without rows, `total` tells whether
/// the list has any.
pub(super) fn cut<K>(mut rows: Vec<Row>, request: &PageRequest<K>, total: Total) -> (Vec<Row>, bool, bool) {
    let limit = request.limit as usize;
    let further = rows.len() > limit;
    rows.truncate(limit);
    if request.start.is_backwards() {
        rows.reverse();
    }
    let (has_more, has_previous) = request.start.neighbours(further, rows.is_empty(), total.is_none());
    (rows, has_more, has_previous)
}

/// The page from its rows, as far as they can be read.
pub(super) fn page_of<T, K>(
    rows: Vec<Row>,
    request: &PageRequest<K>,
    total: Total,
    entry: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let (rows, has_more, has_previous) = cut(rows, request, total);
    let entries = some_readable(rows.iter().map(|row| (row, entry(row))))?;
    Ok(Page { entries, total, has_more, has_previous })
}
