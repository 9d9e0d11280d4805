//! Event search over `event_listings`: one row per event with everything that lists filter and sort by.

use domain::search::{EventFilter, EventOrder, EventSearch, EventSummary, PublicStatus, Slice, Total};
use rust_decimal::Decimal;
use tokio_postgres::{Row, types::Type};

use super::{
    Typing, rows,
    statement::Statement,
    typing::Places,
    walk::{self, Walk},
};
use crate::postgres::rows::StoreError;

const PLACES: Places = ["l.title_words", "l.name_words", "l.summary_words", "l.words"];

/// Something of the event can be bought now. A sub-select with a limit is never turned into a join: it is asked for one event at
/// a time, until the page is full, by the counters themselves.
const AVAILABLE: &str = concat!(
    " AND (SELECT true FROM ticket_types t JOIN quotas q ON q.id = t.quota_id \
        WHERE t.event_id = l.event_id AND q.held + q.sold < q.capacity \
        AND coalesce(t.sale_starts_at, l.sale_starts_at) <= now() AND coalesce(t.sale_ends_at, l.sale_ends_at) > now() AND ",
    sellable!(),
    " > 0 LIMIT 1)"
);

/// For how long the longest published event goes on. What began earlier than that before an instant is over by then, which tells a walk
/// along the beginnings where to begin. Days of an interval are those of a calendar, some of which have 25 hours.
macro_rules! longest {
    () => {
        "(SELECT max(m.ends_at - m.starts_at) + interval '1 day' FROM event_listings m WHERE m.status = 'PUBLISHED')"
    };
}

/// The page of a search; `few`: no more events are found than are counted.
pub(super) fn page(search: &EventSearch, typing: &Typing<'_>, few: bool) -> Statement {
    let walk = Walk::new(&search.place, search.limit, search.sort);
    let mut statement = Statement::default();
    statement.sql("SELECT ").sql(walk.columns()).sql(&rows::SUMMARY_COLUMNS).sql(" FROM (");
    if search.sort.by == EventOrder::Relevance {
        walk.pick_ranked(&mut statement, typing.ranks(), |statement, rank| {
            keyed(statement, search);
            typing.ranked(statement, rank, PLACES);
            fence(statement, search, few);
        });
    } else {
        walk.pick(&mut statement, |statement| {
            keyed(statement, search);
            typing.condition(statement);
            fence(statement, search, few);
        });
    }
    statement.sql(
        ") AS page JOIN events e ON e.id = page.id JOIN venues v ON v.id = e.venue_id \
        JOIN event_listings l ON l.event_id = page.id",
    );
    walk.order(&mut statement, "page");
    statement
}

/// How many events a search finds, as far as they are counted.
pub(super) fn count(search: &EventSearch, typing: &Typing<'_>) -> Statement {
    walk::count(search.filter.text.is_some(), |statement| matching(statement, search, typing))
}

/// What the planner is asked about a list that is too long to count.
pub(super) fn estimate(search: &EventSearch, typing: &Typing<'_>) -> Statement {
    let mut statement = Statement::default();
    matching(&mut statement, search, typing);
    statement.explained()
}

/// The page from the rows of [`page`].
pub(super) fn slice(
    search: &EventSearch,
    typing: &Typing<'_>,
    found: Vec<Row>,
    total: Total,
) -> Result<Slice<EventSummary>, StoreError> {
    Walk::new(&search.place, search.limit, search.sort).slice(found, typing.is_respelt(), total, rows::summary)
}

/// The entries without their words, with the key that an index has.
fn keyed(statement: &mut Statement, search: &EventSearch) {
    statement.sql("SELECT l.event_id AS id, ").sql(match search.sort.by {
        EventOrder::StartsAt => "l.starts_at AS key1",
        EventOrder::Title => "l.title_key AS key1",
        EventOrder::Price => "l.price_key AS key1",
        EventOrder::CreatedAt => "l.created_at AS key1",
        EventOrder::Relevance => "l.starts_at AS key2",
    });
    statement.sql(" FROM event_listings l");
    conditions(statement, &search.filter);
    beginnings(statement, search);
    if let (EventOrder::Price, Some(max)) = (search.sort.by, search.filter.max_price) {
        // Follows from the condition on the cheapest ticket type, and tells a walk down the prices where to begin.
        statement.sql(" AND l.price_key <= ").bind(max, Type::NUMERIC);
    }
}

/// Has all that is found read and then sorted, where the planner would walk along the order until the page is full and might never
/// fill it. It takes what events have for independent and evenly spread: it expects `musik` in Paris as often as anywhere, and
/// `tango` at every letter of the alphabet.
fn fence(statement: &mut Statement, search: &EventSearch, few: bool) {
    let EventFilter { text, tags, min_price, max_price, .. } = &search.filter;
    let uneven = match text {
        // Titles and prices have much to do with words.
        Some(_) => few || matches!(search.sort.by, EventOrder::Title | EventOrder::Price),
        None => !tags.is_empty() && (search.sort.by != EventOrder::StartsAt || min_price.or(*max_price).is_some()),
    };
    if uneven {
        statement.sql(" OFFSET 0");
    }
}

/// The entries without anything else.
fn matching(statement: &mut Statement, search: &EventSearch, typing: &Typing<'_>) {
    statement.sql("SELECT FROM event_listings l");
    conditions(statement, &search.filter);
    typing.condition(statement);
}

fn conditions(statement: &mut Statement, filter: &EventFilter) {
    // In the text, because the indexes of what is shown most are for published events only.
    statement.sql(match filter.status {
        PublicStatus::Published => " WHERE l.status = 'PUBLISHED'",
        PublicStatus::Cancelled => " WHERE l.status = 'CANCELLED'",
        PublicStatus::Archived => " WHERE l.status = 'ARCHIVED'",
    });
    if let Some(from) = filter.from {
        statement.sql(" AND l.starts_at >= ").bind(from, Type::TIMESTAMPTZ);
    }
    if let Some(to) = filter.to {
        statement.sql(" AND l.starts_at < ").bind(to, Type::TIMESTAMPTZ);
    }
    ends(statement, filter);
    if let Some(series) = filter.series {
        statement.sql(" AND l.series_id = ").bind(series.0, Type::UUID);
    }
    if let Some(venue) = filter.venue {
        statement.sql(" AND l.venue_id = ").bind(venue.0, Type::UUID);
    }
    if let Some(city) = &filter.city {
        statement.sql(" AND l.city_key = fold(").bind(city.clone(), Type::TEXT).sql(")");
    }
    if let Some(category) = &filter.category {
        statement.sql(" AND l.category = ").bind(category.clone(), Type::TEXT);
    }
    if !filter.tags.is_empty() {
        statement.sql(" AND l.tags @> ").bind(filter.tags.clone(), Type::TEXT_ARRAY);
    }
    prices(statement, filter.min_price, filter.max_price);
    if filter.available {
        statement.sql(AVAILABLE);
    }
}

fn ends(statement: &mut Statement, filter: &EventFilter) {
    if filter.leaves_out_what_is_over() {
        statement.sql(" AND l.ends_at > now()");
    }
    if let Some(from) = filter.ends_from {
        statement.sql(" AND l.ends_at >= ").bind(from, Type::TIMESTAMPTZ);
    }
    if let Some(to) = filter.ends_to {
        statement.sql(" AND l.ends_at < ").bind(to, Type::TIMESTAMPTZ);
    }
}

/// Follows from what is asked of the ends, and tells a walk along the beginnings where to begin. Only there: the planner does not know how
/// little it leaves out.
fn beginnings(statement: &mut Statement, search: &EventSearch) {
    let filter = &search.filter;
    let is_along = matches!(search.sort.by, EventOrder::StartsAt | EventOrder::Relevance);
    if !is_along || filter.status != PublicStatus::Published {
        return;
    }
    if filter.leaves_out_what_is_over() {
        statement.sql(concat!(" AND l.starts_at > now() - ", longest!()));
    }
    if let Some(from) = filter.ends_from {
        statement.sql(" AND l.starts_at > ").bind(from, Type::TIMESTAMPTZ).sql(concat!(" - ", longest!()));
    }
}

/// One bound is a question to the cheapest or to the dearest ticket type. Of both, one ticket type must be within; the questions to
/// the cheapest and the dearest are then answered by an index, and keep most other events from being looked up.
fn prices(statement: &mut Statement, min: Option<Decimal>, max: Option<Decimal>) {
    if let Some(min) = min {
        statement.sql(" AND l.price_max >= ").bind(min, Type::NUMERIC);
    }
    if let Some(max) = max {
        statement.sql(" AND l.price_min <= ").bind(max, Type::NUMERIC);
    }
    if let (Some(min), Some(max)) = (min, max) {
        statement.sql(" AND EXISTS (SELECT FROM ticket_types t WHERE t.event_id = l.event_id AND t.price BETWEEN ");
        statement.bind(min, Type::NUMERIC).sql(" AND ").bind(max, Type::NUMERIC).sql(")");
    }
}
