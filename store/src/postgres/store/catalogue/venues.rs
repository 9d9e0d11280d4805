//! Venue search.

use domain::lists::ListQuery;

use super::{
    super::lists::{statement::Statement, table::filters, walk::Walk},
    Typing, rows,
    typing::Places,
};

/// Venues are few: of a part of their words no column is kept.
const PLACES: Places =
    ["ts_filter(l.words, '{a}')", "ts_filter(l.words, '{a,b}')", "ts_filter(l.words, '{a,b,c}')", "l.words"];

/// The page of a search. However many are found, venues are few.
pub(super) fn page(query: &ListQuery, typing: &Typing<'_>, _few: bool) -> Statement {
    let walk = Walk(query);
    let mut statement = Statement::default();
    statement.sql("SELECT ");
    walk.page_keys(&mut statement);
    statement.sql(", ").sql(rows::VENUE_COLUMNS).sql(" FROM (");
    if query.is_ranked() {
        walk.pick_ranked(&mut statement, typing.ranks(), |statement, rank| {
            keyed(statement, query);
            typing.ranked(statement, rank, PLACES);
        });
    } else {
        walk.pick(&mut statement, |statement| {
            keyed(statement, query);
            typing.condition(statement);
        });
    }
    statement.sql(") AS page JOIN venues v ON v.id = page.id");
    walk.page_order(&mut statement);
    statement
}

/// The entries without their words, with the keys that an index has.
fn keyed(statement: &mut Statement, query: &ListQuery) {
    statement.sql("SELECT ");
    Walk(query).indexed_keys(statement);
    statement.sql(" FROM venues l WHERE true");
    filters(statement, query, "l.");
}

/// The entries without anything else.
pub(super) fn matching(statement: &mut Statement, query: &ListQuery, typing: &Typing<'_>) {
    statement.sql("SELECT FROM venues l WHERE true");
    filters(statement, query, "l.");
    typing.condition(statement);
}
