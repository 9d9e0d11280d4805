//! Lists whose entries are rows of one table, and filters as conditions.

use domain::lists::{Filter, FilterKind, FilterValue, ListQuery, Match};
use tokio_postgres::types::Type;

use super::{Source, statement::Statement, walk::Walk};

/// A list whose entries are the rows of one table.
pub(in super::super) struct TableList<'a, Columns: Fn(&mut Statement) + Sync, Conditions: Fn(&mut Statement) + Sync> {
    pub(in super::super) query: &'a ListQuery,
    /// The table, with the name by which filters and order know it.
    pub(in super::super) from: &'static str,
    /// This name, as in `b.`; nothing of a table that has no other name.
    pub(in super::super) of: &'static str,
    /// What a page needs beyond the table.
    pub(in super::super) joined: &'static str,
    /// Adds the columns of an entry, those of the keys among them.
    pub(in super::super) columns: Columns,
    /// Adds what all entries have in common, which is `true` at least, and the filters that only this list knows.
    pub(in super::super) conditions: Conditions,
}

/// Adds this piece.
pub(in super::super) fn sql(piece: &'static str) -> impl Fn(&mut Statement) + Sync {
    move |statement| {
        statement.sql(piece);
    }
}

impl<C: Fn(&mut Statement) + Sync, W: Fn(&mut Statement) + Sync> TableList<'_, C, W> {
    fn conditions(&self, statement: &mut Statement) {
        statement.sql(" WHERE ");
        (self.conditions)(statement);
        filters(statement, self.query, self.of);
    }
}

impl<C: Fn(&mut Statement) + Sync, W: Fn(&mut Statement) + Sync> Source for TableList<'_, C, W> {
    fn matching(&self, statement: &mut Statement) {
        statement.sql("SELECT FROM ").sql(self.from);
        self.conditions(statement);
    }

    fn page(&self, query: &ListQuery, _few: bool) -> Statement {
        let mut statement = Statement::default();
        statement.sql("SELECT ");
        (self.columns)(&mut statement);
        statement.sql(" FROM ").sql(self.from).sql(self.joined);
        self.conditions(&mut statement);
        Walk(query).page(&mut statement, self.of);
        statement
    }
}

/// Adds ` AND …` for each filter that is given, but for the special ones; `of` names whose attributes they are, as in `l.`.
pub(in super::super) fn filters(statement: &mut Statement, query: &ListQuery, of: &'static str) {
    for (filter, value) in &query.filters {
        let (opening, name, comparison, closing) = match (filter.matches, value) {
            (Match::Special, _) => continue,
            (Match::Is(name), FilterValue::OneOf(_)) => ("", name, " IN (", ")"),
            (Match::Is(name), _) => ("", name, " = ", ""),
            (Match::IsThere(name), _) => ("(", name, " IS NOT NULL) = ", ""),
            (Match::AtLeast(name), _) => ("", name, " >= ", ""),
            (Match::Below(name), _) => ("", name, " < ", ""),
            (Match::AtMost(name), _) => ("", name, " <= ", ""),
            (Match::HasAll(name), _) => ("", name, " @> ", ""),
            (Match::Folded(name), _) => ("", name, " = fold(", ")"),
            (Match::Part(name), _) => ("fold(", name, ") LIKE part_pattern(", ")"),
        };
        statement.sql(" AND ").sql(opening).sql(of).sql(name).sql(comparison);
        bind(statement, filter, value);
        statement.sql(closing);
    }
}

fn bind(statement: &mut Statement, filter: &Filter, value: &FilterValue) {
    match value {
        FilterValue::Text(text) if matches!(filter.kind, FilterKind::Country) => {
            statement.bind(text.clone(), Type::BPCHAR)
        }
        FilterValue::Text(text) => statement.bind(text.clone(), Type::TEXT),
        FilterValue::Texts(texts) => statement.bind(texts.clone(), Type::TEXT_ARRAY),
        FilterValue::OneOf(names) => one_of(statement, names),
        FilterValue::Id(id) => statement.bind(*id, Type::UUID),
        FilterValue::Instant(at) => statement.bind(*at, Type::TIMESTAMPTZ),
        FilterValue::Amount(amount) => statement.bind(*amount, Type::NUMERIC),
        FilterValue::Flag(flag) => statement.bind(*flag, Type::BOOL),
    };
}

/// Adds names of an enumerated type, which are constants of this program. Written out, and not a parameter: of an array that has yet to
/// become one of the type, the planner knows neither how rare its values are nor which partial index has them, and walks the whole list
/// to fill a page.
fn one_of<'a>(statement: &'a mut Statement, names: &[&'static str]) -> &'a mut Statement {
    for (index, name) in names.iter().enumerate() {
        statement.sql(if index == 0 { "'" } else { ", '" }).sql(name).sql("'");
    }
    statement
}
