//! Searches for events, over `event_listings`: one row an event with all that lists filter and sort by.

use domain::search::{EventFilter, EventOrder, EventSearch, EventSummary, PublicStatus, Slice, Total};
use rust_decimal::Decimal;
use tokio_postgres::{Row, types::Type};

use super::{Typing, rows, statement::Statement, walk, walk::Walk};
use crate::infrastructure::postgres::rows::StoreError;

/// Something of the event can be bought now. A sub-select with a limit is never turned into a join: it is asked for one event at
/// a time, until the page is full, by the counters themselves.
const AVAILABLE: &str = " AND (SELECT true FROM ticket_types t JOIN quotas q ON q.id = t.quota_id \
    WHERE t.event_id = l.event_id AND q.held + q.sold < q.capacity \
    AND coalesce(t.sale_starts_at, l.sale_starts_at) <= now() AND coalesce(t.sale_ends_at, l.sale_ends_at) > now() LIMIT 1)";

/// The page of a search.
pub(super) fn page(search: &EventSearch, typing: &Typing<'_>) -> Statement {
    let walk = Walk::new(&search.place, search.limit, search.sort);
    let mut statement = Statement::default();
    statement.sql("SELECT ").sql(walk.columns()).sql(rows::SUMMARY_COLUMNS).sql(" FROM (");
    walk.pick(&mut statement, |statement| matching(statement, search, typing));
    statement.sql(
        ") AS page JOIN events e ON e.id = page.id JOIN venues v ON v.id = e.venue_id \
        JOIN event_listings l ON l.event_id = page.id",
    );
    walk.order(&mut statement, "page");
    statement
}

/// How many events a search finds, as far as they are counted.
pub(super) fn count(search: &EventSearch, typing: &Typing<'_>) -> Statement {
    walk::count(|statement| {
        statement.sql("SELECT FROM event_listings l");
        conditions(statement, &search.filter, typing);
    })
}

/// What the planner is asked about a list that is too long to count.
pub(super) fn estimate(search: &EventSearch, typing: &Typing<'_>) -> Statement {
    let mut statement = Statement::default();
    statement.sql("SELECT FROM event_listings l");
    conditions(&mut statement, &search.filter, typing);
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

fn matching(statement: &mut Statement, search: &EventSearch, typing: &Typing<'_>) {
    statement.sql("SELECT l.event_id AS id, ");
    match search.sort.by {
        EventOrder::StartsAt => statement.sql("l.starts_at AS key1"),
        EventOrder::Title => statement.sql("l.title AS key1"),
        EventOrder::Price => statement.sql("l.price AS key1"),
        EventOrder::CreatedAt => statement.sql("l.created_at AS key1"),
        EventOrder::Relevance => {
            typing.rank(statement);
            statement.sql(" AS key1, l.starts_at AS key2")
        }
    };
    statement.sql(" FROM event_listings l");
    conditions(statement, &search.filter, typing);
}

fn conditions(statement: &mut Statement, filter: &EventFilter, typing: &Typing<'_>) {
    // In the text, because the indexes of what is shown most are for published events only.
    statement.sql(match filter.status {
        PublicStatus::Published => " WHERE l.status = 'PUBLISHED'",
        PublicStatus::Cancelled => " WHERE l.status = 'CANCELLED'",
        PublicStatus::Archived => " WHERE l.status = 'ARCHIVED'",
    });
    typing.condition(statement);
    if let Some(from) = filter.from {
        statement.sql(" AND l.starts_at >= ").bind(from, Type::TIMESTAMPTZ);
    }
    if let Some(to) = filter.to {
        statement.sql(" AND l.starts_at < ").bind(to, Type::TIMESTAMPTZ);
    }
    if let Some(series) = filter.series {
        statement.sql(" AND l.series_id = ").bind(series.0, Type::UUID);
    }
    if let Some(venue) = filter.venue {
        statement.sql(" AND l.venue_id = ").bind(venue.0, Type::UUID);
    }
    if let Some(city) = &filter.city {
        statement.sql(" AND l.city = fold(").bind(city.clone(), Type::TEXT).sql(")");
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

/// One bound is a question to the cheapest or to the dearest ticket type. Of both, one ticket type must be within.
fn prices(statement: &mut Statement, min: Option<Decimal>, max: Option<Decimal>) {
    if let Some(min) = min {
        statement.sql(" AND l.price_max >= ").bind(min, Type::NUMERIC);
    }
    if let Some(max) = max {
        statement.sql(" AND l.price_min <= ").bind(max, Type::NUMERIC);
    }
    if let (Some(min), Some(max)) = (min, max) {
        statement.sql(" AND (SELECT true FROM ticket_types t WHERE t.event_id = l.event_id AND t.price BETWEEN ");
        statement.bind(min, Type::NUMERIC).sql(" AND ").bind(max, Type::NUMERIC).sql(" LIMIT 1)");
    }
}
