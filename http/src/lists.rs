//! Lists over HTTP: one protocol for all of them. A list is walked by cursor in both directions, or by offset, and every page says
//! where it is, in its body and with `Link` (RFC 8288).

use std::borrow::Cow;

use actors::cache::{Key, Load, Namespace};
use domain::{
    cache::Tag,
    ids::AccountId,
    lists::{List, ListQuery, Page, Place, Position, Total},
    repositories::Found,
    validation::FieldError,
};
use http::{HeaderValue, header};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::{
    cursor::{self, CursorFault, Fingerprint, fingerprint},
    filters,
    openapi::parameter::Parameter,
    problem::Problem,
    query::Query,
    reply::Reply,
    request::Request,
    response_cache,
    route_info::Ownership,
};

/// Entries on a page unless the client says otherwise.
const LIMIT_DEFAULT: u32 = 20;
/// Most entries on a page.
const LIMIT_MAX: u32 = 100;
/// Furthest offset: the database walks over all entries before it; a cursor goes as far as the list.
const OFFSET_MAX: u32 = 10_000;
/// Furthest offset of a list whose entries have to be looked for.
const SEARCH_OFFSET_MAX: u32 = 1_000;

/// Longest cursor: two names of a hundred characters, four bytes each, a third longer as a text.
const CURSOR_CHARS_MAX: usize = 1_200;

/// The parameters that choose a page of any list.
pub(super) fn page_parameters() -> [Parameter; 3] {
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

/// Reads filters and sort of a list; `everybody` tells whether the client sees the entries of all accounts.
pub fn list_query(query: &mut Query<'_>, list: &'static List, everybody: bool) -> ListQuery {
    let filters = filters::read(query, list, everybody);
    let mut asked = ListQuery::first(list, filters, LIMIT_DEFAULT);
    let has_words = list.relevance.is_some() && asked.get("q").is_some();
    asked.sort = filters::sort(query, list, has_words);
    asked
}

/// A request for a page of a list.
#[derive(Debug)]
pub struct ListRequest {
    pub query: ListQuery,
    path: Cow<'static, str>,
    /// Whose things the list has, when everybody finds their own only.
    owner: Option<AccountId>,
}

impl ListRequest {
    /// Reads filters, `sort`, `limit`, and `cursor` or `offset`. 422 with every fault.
    pub fn read(request: &Request, list: &'static List) -> Result<Self, Problem> {
        Self::with_limit(request, list, LIMIT_DEFAULT)
    }

    /// The same, with so many entries on a page unless the client says otherwise.
    pub fn with_limit(request: &Request, list: &'static List, limit_default: u32) -> Result<Self, Problem> {
        let route = request.route();
        let path = if route.params().is_empty() { route.path.into() } else { request.path().to_owned().into() };
        let owner = match route.ownership {
            Ownership::Own => Some(request.caller()?.account),
            Ownership::Shared => None,
        };
        let mut query = request.query();
        let mut asked = Self { query: list_query(&mut query, list, owner.is_none()), path, owner };
        asked.query.limit = query.number("limit", limit_default, 1..=LIMIT_MAX);
        asked.query.place = asked.place(&mut query);
        query.finish()?;
        Ok(asked)
    }

    fn place(&self, query: &mut Query<'_>) -> Place {
        let offset_max = if self.query.is_search() { SEARCH_OFFSET_MAX } else { OFFSET_MAX };
        let offset = query.number("offset", 0, 0..=offset_max);
        let Some(text) = query.text("cursor") else { return Place::Offset(offset) };
        let fault = match self.cursor(&text) {
            Ok(place) if offset == 0 => return place,
            Ok(_) => FieldError::new("offset", "CONFLICT", "give either cursor or offset"),
            Err(CursorFault::Damaged) => FieldError::new(
                "cursor",
                "INVALID",
                "is not a cursor: take nextCursor or prevCursor from a page as it is",
            ),
            Err(CursorFault::Outdated) => FieldError::new(
                "cursor",
                "OUTDATED",
                "is of another version of this server: begin again without a cursor",
            ),
            Err(CursorFault::Foreign) => FieldError::new(
                "cursor",
                "MISMATCH",
                "belongs to another list, filter or sort: keep these as they were, or begin again without a cursor",
            ),
        };
        query.fault(fault);
        Place::Offset(0)
    }

    fn cursor(&self, text: &str) -> Result<Place, CursorFault> {
        if text.len() > CURSOR_CHARS_MAX {
            return Err(CursorFault::Damaged);
        }
        cursor::decode(text, self.fingerprint(), self.query.sort.order)
    }

    /// Filter and sort as parameters, in one definite order and spelling: two requests with equal ones ask for the same list.
    fn parameters(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        let filters = self.query.filters.iter().map(|(filter, value)| (filter.name, value.written()));
        let filters = filters.flat_map(|(name, values)| values.into_iter().map(move |value| (name, value)));
        let sort = self.query.sort;
        let way = if sort.descending { "-" } else { "" };
        let sort = (!sort.order.name.is_empty()).then(|| ("sort", format!("{way}{}", sort.order.name).into()));
        filters.chain(sort)
    }

    /// What the cursors of the list know it by.
    fn fingerprint(&self) -> Fingerprint {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(self.parameters()).finish();
        let owner = self.owner.map_or(String::new(), |owner| format!("#{owner}"));
        fingerprint(&format!("{}?{query}{owner}", self.path))
    }

    /// Under which the page is kept.
    pub fn key(&self, namespace: Namespace) -> Key {
        let mut key = self.parameters().fold(Key::of(namespace), |key, (name, value)| key.with(name, value));
        if self.query.limit != LIMIT_DEFAULT {
            key = key.with("limit", self.query.limit);
        }
        match &self.query.place {
            Place::Offset(0) => key,
            Place::Offset(offset) => key.with("offset", offset),
            place => key.with("cursor", cursor::encode(place, self.fingerprint())),
        }
    }

    /// The page with each entry as `show` has it, for the cache. It shows what `tags` name.
    pub fn load<'a, E, T: Serialize>(&self, page: &'a Page<E>, show: impl Fn(&'a E) -> T, tags: &[Tag]) -> Found<Load> {
        let (listing, links) = self.written(page, show);
        Ok(response_cache::found(&listing, tags)?.linked(links))
    }

    /// The page with each entry as `show` has it.
    pub fn reply<'a, E, T: Serialize>(&self, page: &'a Page<E>, show: impl Fn(&'a E) -> T) -> Result<Reply, Problem> {
        let (listing, links) = self.written(page, show);
        let links = HeaderValue::from_str(&links).map_err(Problem::internal)?;
        Ok(Reply::ok(&listing)?.header(header::LINK, links))
    }

    /// The page, and the links to its neighbours.
    fn written<'a, E, T: Serialize>(&self, page: &'a Page<E>, show: impl Fn(&'a E) -> T) -> (Listing<T>, String) {
        let neighbours = self.neighbours(page);
        let links = self.links(&neighbours);
        let data = page.entries.iter().map(show).collect();
        (Listing { data, pagination: Pagination::new(&self.query, page, neighbours) }, links)
    }

    /// The cursors of the pages after and before one. A page without entries has no place of its own: what is before it, or behind it,
    /// ends where the list does.
    fn neighbours<E>(&self, page: &Page<E>) -> Neighbours {
        let to = |position: &Option<Position>, edge: Place, beside: fn(Position) -> Place| {
            cursor::encode(&position.clone().map_or(edge, beside), self.fingerprint())
        };
        Neighbours {
            next: page.has_more.then(|| to(&page.last, Place::Offset(0), Place::After)),
            previous: page.has_previous.then(|| to(&page.first, Place::End, Place::Before)),
        }
    }

    fn links(&self, neighbours: &Neighbours) -> String {
        let link = |relation: &str, cursor: Option<&str>| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(self.parameters());
            query.append_pair("limit", &self.query.limit.to_string());
            cursor.map(|cursor| query.append_pair("cursor", cursor));
            format!("<{}?{}>; rel=\"{relation}\"", self.path, query.finish())
        };
        let next = neighbours.next.as_deref().map(|cursor| link("next", Some(cursor)));
        let previous = neighbours.previous.as_deref().map(|cursor| link("prev", Some(cursor)));
        let links: Vec<String> = [next, previous, Some(link("first", None))].into_iter().flatten().collect();
        links.join(", ")
    }
}

/// One page in JSON.
#[derive(Serialize)]
struct Listing<T> {
    data: Vec<T>,
    pagination: Pagination,
}

/// The cursors of the pages around one.
#[derive(Default)]
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
    fn new<E>(query: &ListQuery, of: &Page<E>, neighbours: Neighbours) -> Self {
        let (limit, entries) = (query.limit, of.entries.len());
        let (total, total_is_estimate) = match of.total {
            Total::Exact(total) => (total, false),
            Total::About(total) => (total, true),
        };
        let offset = if let Place::Offset(offset) = query.place { Some(offset) } else { None };
        // An estimate, or a count that was made a moment before, may say something else than the page itself.
        let total = match (offset.map(u64::from), entries as u64) {
            (Some(offset), 0) => total.min(offset),
            (offset, entries) => total.max(offset.unwrap_or(0) + entries + u64::from(of.has_more)),
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
            has_more: of.has_more,
            has_previous: of.has_previous,
            next_cursor: neighbours.next,
            prev_cursor: neighbours.previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::lists::declared;

    use super::*;

    fn asked(text: &str, list: &'static List) -> ListRequest {
        let mut query = Query::parse(text);
        let asked = list_query(&mut query, list, true);
        query.finish().unwrap();
        ListRequest { query: asked, path: "/api/v1/events".into(), owner: None }
    }

    #[test]
    fn parameters_are_spelt_in_one_way() {
        let asked = asked(
            "tag=b&sort=-price&q=+rock++%26+roll&minPrice=010.50&available=true&tag=a&from=2026-03-14&to=2026-03-15T01:00:00%2B01:00&tag=b&status=PUBLISHED",
            &declared::EVENTS,
        );
        let spelt: Vec<String> = asked.parameters().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "q=rock & roll",
            "from=2026-03-14T00:00:00Z",
            "to=2026-03-15T00:00:00Z",
            "tag=a",
            "tag=b",
            "minPrice=10.5",
            "available=true",
            "sort=-price",
        ];
        assert_eq!(spelt, expected);
    }

    /// Guards: the account in the fingerprint.
    #[test]
    fn a_cursor_is_of_one_list_and_of_one_owner() {
        let [ada, bob] = [AccountId::generate(), AccountId::generate()];
        let of = |text, owner| ListRequest { owner, ..asked(text, &declared::BOOKINGS) }.fingerprint();
        assert_eq!(of("status=CONFIRMED", Some(ada)), of("status=CONFIRMED", Some(ada)));
        assert_ne!(of("status=CONFIRMED", Some(ada)), of("status=CONFIRMED", Some(bob)));
        assert_ne!(of("status=CONFIRMED", Some(ada)), of("", Some(ada)));
        assert_ne!(of("", Some(ada)), of("", None));
    }

    /// Guards: an estimate that is wrong, and what lies beyond the end.
    #[test]
    fn a_page_is_one_of_those_that_are_counted() {
        let page = |place: Place, entries: usize, total: Total, has: (bool, bool)| {
            let query = asked("", &declared::EVENTS).query.at(place, 10);
            let (entries, (has_more, has_previous)) = (vec![(); entries], has);
            let page = Page { entries, first: None, last: None, total, has_more, has_previous };
            let shown = Pagination::new(&query, &page, Neighbours::default());
            (shown.page, shown.page_count, shown.total)
        };
        let of = |offset: u32, entries: usize, total: Total, more: bool| {
            page(Place::Offset(offset), entries, total, (more, offset > 0))
        };
        assert_eq!(of(0, 0, Total::Exact(0), false), (Some(1), Some(0), 0));
        assert_eq!(of(20, 5, Total::Exact(25), false), (Some(3), Some(3), 25));
        assert_eq!(of(25, 0, Total::Exact(25), false), (None, Some(3), 25));
        assert_eq!(of(30, 0, Total::Exact(25), false), (None, Some(3), 25));
        assert_eq!(of(5_000, 0, Total::About(9_000), false), (None, Some(500), 5_000));
        assert_eq!(of(5_000, 10, Total::About(1_200), true), (Some(501), Some(502), 5_011));
        assert_eq!(page(Place::End, 7, Total::About(3), (false, true)), (None, None, 7));
    }

    #[test]
    fn links_name_the_neighbours_with_filter_and_sort() {
        let mut list = asked("q=rock+%26+roll&sort=-price", &declared::EVENTS);
        list.query.limit = 10;
        let links = list.links(&Neighbours { next: Some("N".to_owned()), previous: Some("P".to_owned()) });
        let of = |relation: &str, end: &str| {
            format!("</api/v1/events?q=rock+%26+roll&sort=-price&limit=10{end}>; rel=\"{relation}\"")
        };
        assert_eq!(links, [of("next", "&cursor=N"), of("prev", "&cursor=P"), of("first", "")].join(", "));
        assert_eq!(list.links(&Neighbours::default()), of("first", ""));
    }
}
