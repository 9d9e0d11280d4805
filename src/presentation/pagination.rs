//! Pages of lists: by cursor, which is stable while entries come and go, or by offset (H5).

use domain::{
    repositories::{Page, PageRequest, Start},
    search::Total,
    validation::FieldError,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{openapi::parameter::Parameter, query::Query};

/// Entries on a page unless the client says otherwise.
pub(super) const LIMIT_DEFAULT: u32 = 20;
/// Most entries on a page.
const LIMIT_MAX: u32 = 100;
/// Furthest offset: the database walks over all entries before it; a cursor goes as far as the list.
const OFFSET_MAX: u32 = 10_000;
/// Longest cursor.
const CURSOR_BYTES_MAX: usize = 2_000;

/// What a list is sorted by, as an opaque text that leads back to it.
pub(super) trait CursorKey: Sized {
    /// Writes the place down.
    fn encode(&self) -> String;
    /// Reads it back; nothing for a text that `encode` never wrote.
    fn decode(text: &str) -> Option<Self>;
}

/// The parameters that [`page_request`] reads.
pub(super) fn parameters() -> [Parameter; 3] {
    [
        Parameter::query("limit", "Entries on a page.").integer(1..=LIMIT_MAX).default(LIMIT_DEFAULT),
        Parameter::query("cursor", "Where the page begins: `nextCursor` of the page before.").opaque(CURSOR_BYTES_MAX),
        Parameter::query("offset", "Entries to leave out; not together with `cursor`.")
            .integer(0..=OFFSET_MAX)
            .default(0),
    ]
}

/// The page a client asks for: `limit`, and `cursor` or `offset`.
pub(super) fn page_request<K: CursorKey>(query: &mut Query<'_>) -> PageRequest<K> {
    let limit = query.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX);
    let offset = query.number("offset", 0, 0..=OFFSET_MAX);
    let start = match query.text("cursor") {
        None => Start::Offset(offset),
        Some(text) => {
            match Some(&text).filter(|text| text.len() <= CURSOR_BYTES_MAX).and_then(|text| K::decode(text)) {
                Some(_) if offset > 0 => {
                    query.fault(FieldError::new("offset", "CONFLICT", "give either cursor or offset"));
                    Start::Offset(0)
                }
                Some(key) => Start::After(key),
                None => {
                    let message = "is not a cursor of this list: take nextCursor from the page before";
                    query.fault(FieldError::new("cursor", "INVALID", message));
                    Start::Offset(0)
                }
            }
        }
    };
    PageRequest { start, limit }
}

/// One page in JSON.
#[derive(Serialize)]
pub(super) struct Listing<T> {
    data: Vec<T>,
    pagination: Pagination,
}

/// Which page of a list it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pagination {
    limit: u32,
    /// Of a page that was asked for by offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    offset: Option<u32>,
    /// Entries on all pages.
    total: u64,
    /// Whether `total` is what the database expects: entries are counted up to 1,000 only.
    total_is_estimate: bool,
    has_more: bool,
    /// Asks for the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

impl<T> Listing<T> {
    /// The page with each entry as `show` has it; `key` is an entry's place in the list.
    pub(super) fn of<'a, E, K: CursorKey>(
        page: &'a Page<E>,
        request: &PageRequest<K>,
        key: impl Fn(&'a E) -> K,
        show: impl Fn(&'a E) -> T,
    ) -> Self {
        let last = page.entries.last().filter(|_| page.has_more);
        let offset = match request.start {
            Start::Offset(offset) => Some(offset),
            Start::After(_) => None,
        };
        let (total, total_is_estimate) = match page.total {
            Total::Exact(total) => (total, false),
            Total::About(total) => (total, true),
        };
        let pagination = Pagination {
            limit: request.limit,
            offset,
            total,
            total_is_estimate,
            has_more: page.has_more,
            next_cursor: last.map(|entry| key(entry).encode()),
        };
        Self { data: page.entries.iter().map(show).collect(), pagination }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document names the bound, and what it names holds.
    #[test]
    fn a_cursor_that_is_too_long_is_none() {
        let asked = |zeros: usize| {
            let text = format!("cursor={}7", "0".repeat(zeros));
            let mut query = Query::parse(&text);
            let request = page_request::<u64>(&mut query);
            query.finish().map(|()| matches!(request.start, Start::After(7)))
        };
        assert!(asked(CURSOR_BYTES_MAX - 1).unwrap());
        assert!(asked(CURSOR_BYTES_MAX).is_err());
    }
}
