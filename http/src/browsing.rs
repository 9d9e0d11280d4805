//! Pagination of the public catalogue: lists walked by cursor in both directions, or by offset. Other lists use
//! [`pagination`](super::pagination).

use std::borrow::Cow;

use actors::cache::{Key, Load, Namespace};
use domain::{
    cache::Tag,
    repositories::{Found, Start},
    search::{Place, Position, Slice, SortKeyKind, Total},
    validation::FieldError,
};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::{
    cursor::{self, CursorFault, Fingerprint, fingerprint},
    openapi::parameter::Parameter,
    query::Query,
    request::Request,
    response_cache,
};

/// Entries on a page unless the client says otherwise.
const LIMIT_DEFAULT: u32 = 20;
/// Most entries on a page.
const LIMIT_MAX: u32 = 100;
/// Furthest offset: the database walks over all entries before it; a cursor goes as far as the list.
pub const OFFSET_MAX: u32 = 10_000;
/// Furthest offset of a list that has to be looked for: words, or what is left at this moment, which no index has in order.
pub const SEARCH_OFFSET_MAX: u32 = 1_000;

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
        Parameter::query("offset", "Entries to leave out; not together with `cursor`. In the public catalogue at most 1,000 with `q` or `available`.")
            .integer(0..=OFFSET_MAX)
            .default(0),
    ]
}

/// A list with its filter and sort: what all of its pages have in common.
#[derive(Debug)]
pub struct List {
    path: Cow<'static, str>,
    /// Filter and sort, in one definite order and spelling.
    parameters: Vec<(Cow<'static, str>, String)>,
    /// Entries on a page unless the client says otherwise.
    limit_default: u32,
}

/// What chooses a page of a list.
const OF_PAGE: [&str; 3] = ["limit", "cursor", "offset"];

/// Which page of a list.
#[derive(Debug)]
pub struct PageWanted {
    pub place: Place,
    pub limit: u32,
}

impl List {
    /// The list at `path` with these parameters, which name filter and sort as a client could.
    pub fn new(path: &'static str, parameters: Vec<(&'static str, String)>) -> Self {
        let parameters = parameters.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect();
        Self { path: Cow::Borrowed(path), parameters, limit_default: LIMIT_DEFAULT }
    }

    /// With so many entries on a page unless the client says otherwise.
    pub fn per_page(self, limit_default: u32) -> Self {
        Self { limit_default, ..self }
    }

    /// The list that is asked for, with whatever filter and sort.
    pub fn asked(request: &Request) -> Self {
        let query = request.head.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        let given = pairs.filter(|(name, value)| !value.is_empty() && !OF_PAGE.contains(&name.as_str()));
        let mut parameters: Vec<(Cow<'static, str>, String)> =
            given.map(|(name, value)| (name.into(), value)).collect();
        parameters.sort_unstable();
        Self { path: Cow::Owned(request.path().to_owned()), parameters, limit_default: LIMIT_DEFAULT }
    }

    /// What its cursors know it by.
    fn fingerprint(&self) -> Fingerprint {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish();
        fingerprint(&format!("{}?{query}", self.path))
    }

    /// Reads `limit`, and `cursor` or `offset`, which is `offset_max` at most; `kinds` are those of the sort's keys.
    pub fn page(&self, query: &mut Query<'_>, kinds: &[SortKeyKind], offset_max: u32) -> PageWanted {
        let limit = query.number("limit", self.limit_default, 1..=LIMIT_MAX);
        let offset = query.number("offset", 0, 0..=offset_max);
        let place = match query.text("cursor") {
            None => Place::Offset(offset),
            Some(text) => match self.cursor(&text, kinds) {
                Ok(_) if offset > 0 => {
                    query.fault(FieldError::new("offset", "CONFLICT", "give either cursor or offset"));
                    Place::Offset(0)
                }
                Ok(place) => place,
                Err(fault) => {
                    query.fault(of_cursor(fault));
                    Place::Offset(0)
                }
            },
        };
        PageWanted { place, limit }
    }

    fn cursor(&self, text: &str, kinds: &[SortKeyKind]) -> Result<Place, CursorFault> {
        if text.len() > CURSOR_CHARS_MAX {
            return Err(CursorFault::Damaged);
        }
        cursor::decode(text, self.fingerprint(), kinds)
    }

    /// Under which a page is kept.
    pub fn key(&self, namespace: Namespace, place: &Place, limit: u32) -> Key {
        let mut key = Key::of(namespace);
        for (name, value) in &self.parameters {
            // Of a list that is kept, each is named in the source.
            if let Cow::Borrowed(name) = name {
                key = key.with(name, value);
            }
        }
        if limit != LIMIT_DEFAULT {
            key = key.with("limit", limit);
        }
        match place {
            Place::Offset(0) => key,
            Place::Offset(offset) => key.with("offset", offset),
            place => key.with("cursor", cursor::encode(place, self.fingerprint())),
        }
    }

    /// The cursors of the pages after and before one with these positions at its ends. A page without entries has no place of its own:
    /// what is before it, or behind it, ends where the list does.
    fn cursors(&self, ends: (Option<Position>, Option<Position>), has: (bool, bool)) -> Neighbours {
        let ((first, last), (has_more, has_previous), list) = (ends, has, self.fingerprint());
        let next = has_more.then(|| cursor::encode(&last.map_or(Place::Offset(0), Place::After), list));
        let previous = has_previous.then(|| cursor::encode(&first.map_or(Place::End, Place::Before), list));
        Neighbours { next, previous }
    }

    /// The page with each entry as `show` has it, and `Link` to its neighbours (RFC 8288). It shows what `tags` name.
    pub fn load<'a, E, T: Serialize>(
        &self,
        slice: &'a Slice<E>,
        wanted: (&Place, u32),
        show: impl Fn(&'a E) -> T,
        tags: &[Tag],
    ) -> Found<Load> {
        let (listing, links) = self.written(
            wanted,
            slice.entries.iter().map(show).collect(),
            slice.total,
            (slice.first.clone(), slice.last.clone()),
            (slice.has_more, slice.has_previous),
        );
        Ok(response_cache::found(&listing, tags)?.linked(links))
    }

    /// A page with these entries, of so many in all; the positions of its first and last one; whether it `has` pages behind it and before
    /// it, to which the links lead.
    pub(super) fn written<K, T: Serialize>(
        &self,
        (start, limit): (&Start<K>, u32),
        data: Vec<T>,
        total: Total,
        ends: (Option<Position>, Option<Position>),
        has: (bool, bool),
    ) -> (Listing<T>, String) {
        let neighbours = self.cursors(ends, has);
        let links = self.links(limit, neighbours.next.as_deref(), neighbours.previous.as_deref());
        let pagination = Pagination::new((start, limit), data.len(), total, has, neighbours);
        (Listing { data, pagination }, links)
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

/// What is said of a cursor that no server has written.
pub(super) fn damaged() -> FieldError {
    of_cursor(CursorFault::Damaged)
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

/// One page in JSON.
#[derive(Serialize)]
pub(super) struct Listing<T> {
    data: Vec<T>,
    pagination: Pagination,
}

/// The cursors of the pages around one.
struct Neighbours {
    next: Option<String>,
    previous: Option<String>,
}

/// Where a page is in its list, which can be walked both ways.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pagination {
    limit: u32,
    /// Of a page that was asked for by offset, as are `page` and `pageCount`: a walk by cursor does not know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    offset: Option<u32>,
    /// Counted from 1. Left out beyond the end, where there are no pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    page: Option<u32>,
    /// At least `page`, except that an empty list has a first page and a count of 0.
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
    fn new<K>(
        (start, limit): (&Start<K>, u32),
        entries: usize,
        total: Total,
        (has_more, has_previous): (bool, bool),
        neighbours: Neighbours,
    ) -> Self {
        let (total, total_is_estimate) = match total {
            Total::Exact(total) => (total, false),
            Total::About(total) => (total, true),
        };
        let offset = if let Start::Offset(offset) = start { Some(*offset) } else { None };
        // An estimate, or a count that was made a moment before, may say something else than the page itself.
        let total = match (offset.map(u64::from), entries as u64) {
            (Some(offset), 0) => total.min(offset),
            (offset, entries) => total.max(offset.unwrap_or(0) + entries + u64::from(has_more)),
        };
        let page_count = total.div_ceil(u64::from(limit.max(1)));
        let page = offset.map(|offset| offset / limit.max(1) + 1);
        Self {
            limit,
            offset,
            // Beyond the last entry there is none, though the last page may have room left.
            page: page.filter(|page| u64::from(*page) <= page_count.max(1) && (entries > 0 || offset == Some(0))),
            page_count: offset.map(|_| page_count),
            total,
            total_is_estimate,
            has_more,
            has_previous,
            next_cursor: neighbours.next,
            prev_cursor: neighbours.previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards: an estimate that is wrong, and what lies beyond the end.
    #[test]
    fn a_page_is_one_of_those_that_are_counted() {
        let of = |offset: u32, entries: usize, total: Total, more: bool| {
            let none = Neighbours { next: None, previous: None };
            let shown = Pagination::new::<()>((&Start::Offset(offset), 10), entries, total, (more, offset > 0), none);
            (shown.page, shown.page_count, shown.total)
        };
        assert_eq!(of(0, 0, Total::Exact(0), false), (Some(1), Some(0), 0));
        assert_eq!(of(20, 5, Total::Exact(25), false), (Some(3), Some(3), 25));
        assert_eq!(of(25, 0, Total::Exact(25), false), (None, Some(3), 25));
        assert_eq!(of(30, 0, Total::Exact(25), false), (None, Some(3), 25));
        assert_eq!(of(5_000, 0, Total::About(9_000), false), (None, Some(500), 5_000));
        assert_eq!(of(5_000, 10, Total::About(1_200), true), (Some(501), Some(502), 5_011));
        let none = Neighbours { next: None, previous: None };
        let walked = Pagination::new::<()>((&Start::End, 10), 7, Total::About(3), (false, true), none);
        assert_eq!((walked.page, walked.page_count, walked.total), (None, None, 7));
    }

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
