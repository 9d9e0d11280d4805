//! Venue search.

use domain::{
    search::{Slice, Total, VenueFilter, VenueOrder, VenueSearch},
    venues::Venue,
};
use tokio_postgres::{Row, types::Type};

use super::{
    Typing, rows,
    statement::Statement,
    typing::Places,
    walk::{self, Walk},
};
use crate::postgres::rows::StoreError;

/// Venues are few: of a part of their words no column is kept.
const PLACES: Places =
    ["ts_filter(l.words, '{a}')", "ts_filter(l.words, '{a,b}')", "ts_filter(l.words, '{a,b,c}')", "l.words"];

/// The page of a search. However many are found, venues are few.
pub(super) fn page(search: &VenueSearch, typing: &Typing<'_>, _few: bool) -> Statement {
    let walk = Walk::new(&search.place, search.limit, search.sort);
    let mut statement = Statement::default();
    statement.sql("SELECT ").sql(walk.columns()).sql(rows::VENUE_COLUMNS).sql(" FROM (");
    if search.sort.by == VenueOrder::Relevance {
        walk.pick_ranked(&mut statement, typing.ranks(), |statement, rank| {
            keyed(statement, search);
            typing.ranked(statement, rank, PLACES);
        });
    } else {
        walk.pick(&mut statement, |statement| {
            keyed(statement, search);
            typing.condition(statement);
        });
    }
    statement.sql(") AS page JOIN venues v ON v.id = page.id");
    walk.order(&mut statement, "page");
    statement
}

/// How many venues a search finds, as far as they are counted.
pub(super) fn count(search: &VenueSearch, typing: &Typing<'_>) -> Statement {
    walk::count(search.filter.text.is_some(), |statement| matching(statement, search, typing))
}

/// What the planner is asked about a list that is too long to count.
pub(super) fn estimate(search: &VenueSearch, typing: &Typing<'_>) -> Statement {
    let mut statement = Statement::default();
    matching(&mut statement, search, typing);
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

/// The entries without their words, with the keys that an index has.
fn keyed(statement: &mut Statement, search: &VenueSearch) {
    statement.sql("SELECT l.id, ").sql(match search.sort.by {
        VenueOrder::Name => "l.name_key AS key1",
        VenueOrder::City => "l.city_key AS key1, l.name_key AS key2",
        VenueOrder::Capacity => "l.capacity AS key1",
        VenueOrder::CreatedAt => "l.created_at AS key1",
        VenueOrder::Relevance => "l.name_key AS key2",
    });
    statement.sql(" FROM venues l");
    conditions(statement, &search.filter);
}

/// The entries without anything else.
fn matching(statement: &mut Statement, search: &VenueSearch, typing: &Typing<'_>) {
    statement.sql("SELECT FROM venues l");
    conditions(statement, &search.filter);
    typing.condition(statement);
}

fn conditions(statement: &mut Statement, filter: &VenueFilter) {
    statement.sql(" WHERE true");
    if let Some(city) = &filter.city {
        statement.sql(" AND l.city_key = fold(").bind(city.clone(), Type::TEXT).sql(")");
    }
    if let Some(country) = &filter.country {
        statement.sql(" AND l.country = ").bind(country.clone(), Type::BPCHAR);
    }
}
