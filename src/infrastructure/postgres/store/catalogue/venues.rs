//! Searches for venues.

use domain::{
    search::{Slice, Total, VenueFilter, VenueOrder, VenueSearch},
    venues::Venue,
};
use tokio_postgres::{Row, types::Type};

use super::{Typing, rows, statement::Statement, walk, walk::Walk};
use crate::infrastructure::postgres::rows::StoreError;

/// The page of a search.
pub(super) fn page(search: &VenueSearch, typing: &Typing<'_>) -> Statement {
    let walk = Walk::new(&search.place, search.limit, search.sort);
    let mut statement = Statement::default();
    statement.sql("SELECT ").sql(walk.columns()).sql(rows::VENUE_COLUMNS).sql(" FROM (");
    walk.pick(&mut statement, |statement| matching(statement, search, typing));
    statement.sql(") AS page JOIN venues v ON v.id = page.id");
    walk.order(&mut statement, "page");
    statement
}

/// How many venues a search finds, as far as they are counted.
pub(super) fn count(search: &VenueSearch, typing: &Typing<'_>) -> Statement {
    walk::count(|statement| {
        statement.sql("SELECT FROM venues l");
        conditions(statement, &search.filter, typing);
    })
}

/// What the planner is asked about a list that is too long to count.
pub(super) fn estimate(search: &VenueSearch, typing: &Typing<'_>) -> Statement {
    let mut statement = Statement::default();
    statement.sql("SELECT FROM venues l");
    conditions(&mut statement, &search.filter, typing);
    statement.explained()
}

/// The page from the rows of [`page`].
pub(super) fn slice(
    search: &VenueSearch,
    typing: &Typing<'_>,
    found: Vec<Row>,
    total: Total,
) -> Result<Slice<Venue>, StoreError> {
    Walk::new(&search.place, search.limit, search.sort).slice(found, typing.is_respelt(), total, rows::venue)
}

fn matching(statement: &mut Statement, search: &VenueSearch, typing: &Typing<'_>) {
    statement.sql("SELECT l.id, ");
    match search.sort.by {
        VenueOrder::Name => statement.sql("l.name_key AS key1"),
        VenueOrder::City => statement.sql("l.city_key AS key1, l.name_key AS key2"),
        VenueOrder::Capacity => statement.sql("l.capacity AS key1"),
        VenueOrder::CreatedAt => statement.sql("l.created_at AS key1"),
        VenueOrder::Relevance => {
            typing.rank(statement);
            statement.sql(" AS key1, l.name_key AS key2")
        }
    };
    statement.sql(" FROM venues l");
    conditions(statement, &search.filter, typing);
}

fn conditions(statement: &mut Statement, filter: &VenueFilter, typing: &Typing<'_>) {
    statement.sql(" WHERE true");
    typing.condition(statement);
    if let Some(city) = &filter.city {
        statement.sql(" AND l.city_key = fold(").bind(city.clone(), Type::TEXT).sql(")");
    }
    if let Some(country) = &filter.country {
        statement.sql(" AND l.country = ").bind(country.clone(), Type::BPCHAR);
    }
}
