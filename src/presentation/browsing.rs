//! Pages of the public catalogue, walked by cursor in both directions or by offset (H5).

use actors::cache::{Key, Load, Namespace};
use domain::{
    cache::Tag,
    repositories::Found,
    search::{KeyKind, Place, Position, Slice, Total},
    validation::FieldError,
};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::{
    cache,
    cursor::{Cursor, CursorFault, Fingerprint, fingerprint},
    openapi::parameter::Parameter,
    query::Query,
};

/// Entries on a page unless the client says otherwise.
const LIMIT_DEFAULT: u32 = 20;
/// Most entries on a page.
const LIMIT_MAX: u32 = 100;
/// Furthest offset: the database walks over all entries before it; a cursor goes as far as the list.
pub(super) const OFFSET_MAX: u32 = 10_000;
/// Furthest offset of a list that has to be looked for: words, or what is left at this moment, which no index has in order.
pub(super) const SEARCH_OFFSET_MAX: u32 = 1_000;

/// Longest cursor: two names of a hundred characters, four bytes each, a third longer as a text.
const CURSOR_CHARS_MAX: usize = 1_200;

/// The parameters that [`List::page`] reads.
pub(super) fn parameters() -> [Parameter; 3] {
    [
        Parameter::query("limit", "Entries on a page. Of events there are as many as the setting `eventsPerPage` says when it is left out.")
            .integer(1..=LIMIT_MAX)
            .default(LIMIT_DEFAULT),
        Parameter::query(
            "cursor",
            "Where the page begins or ends: `nextCursor` or `prevCursor` of another page, with the same filter and sort.",
        )
        .opaque(CURSOR_CHARS_MAX),
        Parameter::query("offset", "Entries to leave out; not together with `cursor`. At most 1,000 with `q` or `available`.")
            .integer(0..=OFFSET_MAX)
            .default(0),
    ]
}

/// A list with its filter and sort: what all of its pages have in common.
#[derive(Debug)]
pub(super) struct List {
    path: &'static str,
    /// Filter and sort, in one definite order and spelling.
    parameters: Vec<(&'static str, String)>,
    /// Entries on a page unless the client says otherwise.
    limit_default: u32,
}

/// Which page of a list.
#[derive(Debug)]
pub(super) struct PageWanted {
    pub(super) place: Place,
    pub(super) limit: u32,
}

impl List {
    /// The list at `path` with these parameters, which name filter and sort as a client could.
    pub(super) fn new(path: &'static str, parameters: Vec<(&'static str, String)>) -> Self {
        Self { path, parameters, limit_default: LIMIT_DEFAULT }
    }

    /// With so many entries on a page unless the client says otherwise.
    pub(super) fn per_page(self, limit_default: u32) -> Self {
        Self { limit_default, ..self }
    }

    /// What its cursors know it by.
    fn fingerprint(&self) -> Fingerprint {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish();
        fingerprint(&format!("{}?{query}", self.path))
    }

    /// Reads `limit`, and `cursor` or `offset`, which is `offset_max` at most; `kinds` are those of the sort's keys.
    pub(super) fn page(&self, query: &mut Query<'_>, kinds: &[KeyKind], offset_max: u32) -> PageWanted {
        let limit = query.number("limit", self.limit_default, 1..=LIMIT_MAX);
        let offset = query.number("offset", 0, 0..=offset_max);
        let place = match query.text("cursor") {
            None => Place::Offset(offset),
            Some(text) => match self.cursor(&text, kinds) {
                Ok(_) if offset > 0 => {
                    query.fault(FieldError::new("offset", "CONFLICT", "give either cursor or offset"));
                    Place::Offset(0)
                }
                Ok(Cursor { position, backwards: true }) => Place::Before(position),
                Ok(Cursor { position, backwards: false }) => Place::After(position),
                Err(fault) => {
                    query.fault(of_cursor(fault));
                    Place::Offset(0)
                }
            },
        };
        PageWanted { place, limit }
    }

    fn cursor(&self, text: &str, kinds: &[KeyKind]) -> Result<Cursor, CursorFault> {
        if text.len() > CURSOR_CHARS_MAX {
            return Err(CursorFault::Damaged);
        }
        Cursor::decode(text, self.fingerprint(), kinds)
    }

    /// Under which a page is kept.
    pub(super) fn key(&self, namespace: Namespace, place: &Place, limit: u32) -> Key {
        let mut key = Key::of(namespace);
        for (name, value) in &self.parameters {
            key = key.with(name, value);
        }
        if limit != LIMIT_DEFAULT {
            key = key.with("limit", limit);
        }
        let cursor = |position: &Position, backwards| {
            Cursor { position: position.clone(), backwards }.encode(self.fingerprint())
        };
        match place {
            Place::Offset(0) => key,
            Place::Offset(offset) => key.with("offset", offset),
            Place::After(position) => key.with("cursor", cursor(position, false)),
            Place::Before(position) => key.with("cursor", cursor(position, true)),
        }
    }

    /// The page with each entry as `show` has it, and `Link` to its neighbours (RFC 8288). It shows what `tags` name.
    pub(super) fn load<'a, E, T: Serialize>(
        &self,
        slice: &'a Slice<E>,
        wanted: (&Place, u32),
        show: impl Fn(&'a E) -> T,
        tags: &[Tag],
    ) -> Found<Load> {
        let (place, limit) = wanted;
        let fingerprint = self.fingerprint();
        let cursor = |position: &Option<_>, backwards| {
            let position = position.clone()?;
            Some(Cursor { position, backwards }.encode(fingerprint))
        };
        let next = slice.has_more.then(|| cursor(&slice.last, false)).flatten();
        let previous = slice.has_previous.then(|| cursor(&slice.first, true)).flatten();
        let links = self.links(limit, next.as_deref(), previous.as_deref());
        let pagination = Pagination::new(place, limit, slice, next, previous);
        let listing = Listing { data: slice.entries.iter().map(show).collect::<Vec<_>>(), pagination };
        Ok(cache::found(&listing, tags)?.linked(links))
    }

    fn links(&self, limit: u32, next: Option<&str>, previous: Option<&str>) -> String {
        let link = |relation: &str, cursor: Option<&str>| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&self.parameters);
            query.append_pair("limit", &limit.to_string());
            cursor.map(|cursor| query.append_pair("cursor", cursor));
            format!("<{}?{}>; rel=\"{relation}\"", self.path, query.finish())
        };
        let next = next.map(|cursor| link("next", Some(cursor)));
        let previous = previous.map(|cursor| link("prev", Some(cursor)));
        let links: Vec<String> = [next, previous, Some(link("first", None))].into_iter().flatten().collect();
        links.join(", ")
    }
}

fn of_cursor(fault: CursorFault) -> FieldError {
    let (code, message) = match fault {
        CursorFault::Damaged => ("INVALID", "is not a cursor: take nextCursor or prevCursor from a page as it is"),
        CursorFault::Outdated => ("OUTDATED", "is of another version of this server: begin again without a cursor"),
        CursorFault::Foreign => (
            "MISMATCH",
            "belongs to another list, filter or sort: keep these as they were, or begin again without a cursor",
        ),
    };
    FieldError::new("cursor", code, message)
}

#[derive(Serialize)]
struct Listing<T> {
    data: Vec<T>,
    pagination: Pagination,
}

/// Where a page is in a list that can be walked both ways.
#[derive(Serialize, ToSchema)]
#[schema(as = WalkPagination)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pagination {
    limit: u32,
    /// Of a page that was asked for by offset, as are `page` and `pageCount`: a walk by cursor does not know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    offset: Option<u32>,
    /// Counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    page: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    page_count: Option<u64>,
    /// Entries on all pages.
    total: u64,
    /// Whether `total` is what the database expects: entries are counted up to 1,000 only.
    total_is_estimate: bool,
    has_more: bool,
    has_previous: bool,
    /// Asks for the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// Asks for the page before, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    prev_cursor: Option<String>,
}

impl Pagination {
    fn new<E>(place: &Place, limit: u32, slice: &Slice<E>, next: Option<String>, previous: Option<String>) -> Self {
        let (total, total_is_estimate) = match slice.total {
            Total::Exact(total) => (total, false),
            Total::About(total) => (total, true),
        };
        let offset = match place {
            Place::Offset(offset) => Some(*offset),
            Place::After(_) | Place::Before(_) => None,
        };
        Self {
            limit,
            offset,
            page: offset.map(|offset| offset / limit.max(1) + 1),
            page_count: offset.map(|_| total.div_ceil(u64::from(limit.max(1)))),
            total,
            total_is_estimate,
            has_more: slice.has_more,
            has_previous: slice.has_previous,
            next_cursor: next,
            prev_cursor: previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_the_neighbours_with_filter_and_sort() {
        let list = List::new("/api/v1/events", vec![("q", "rock & roll".to_owned()), ("sort", "-price".to_owned())]);
        let links = list.links(10, Some("N"), Some("P"));
        let of = |relation: &str, end: &str| {
            format!("</api/v1/events?q=rock+%26+roll&sort=-price&limit=10{end}>; rel=\"{relation}\"")
        };
        assert_eq!(links, [of("next", "&cursor=N"), of("prev", "&cursor=P"), of("first", "")].join(", "));
        assert_eq!(list.links(10, None, None), of("first", ""));
    }
}
