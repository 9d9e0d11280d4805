//! Keyset pagination: one page of a sorted list in either direction, and the length of the list.
//!
//! A list is a *matching* statement, such as `SELECT … FROM event_listings l WHERE …`, that gives each entry's `id` and the values it is
//! sorted by as `key1`, `key2`. What a page is made of beyond that is looked up for the entries of the page only.

use std::{ops::RangeInclusive, slice};

use domain::search::{Key, Place, Position, Slice, Sort, SortKeyKind, Total};
use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::statement::Statement;
use crate::postgres::rows::{StoreError, readable};

/// Entries of a list are counted up to this number for each page; of a longer one the planner's estimate is told, which costs
/// as much for a hundred entries as for a million.
pub(in crate::postgres::store) const COUNT_MAX: u32 = 1_000;

/// Names for the entries of each rank, in the order of a walk.
const RANKS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];

/// What a page needs to know of its list's order.
pub(super) struct Walk<'a> {
    pub(super) place: &'a Place,
    pub(super) limit: u32,
    pub(super) descending: bool,
    pub(super) keys: &'static [SortKeyKind],
}

impl<'a> Walk<'a> {
    pub(super) fn new<By: domain::search::Order>(place: &'a Place, limit: u32, sort: Sort<By>) -> Self {
        Self { place, limit, descending: sort.descending, keys: sort.by.keys() }
    }

    /// Adds what picks the page from `matching`, in the order of the walk: one row more than the limit.
    pub(super) fn pick(&self, statement: &mut Statement, matching: impl FnOnce(&mut Statement)) {
        let two = self.keys.len() == 2;
        let columns = if two { "key1, key2, id" } else { "key1, id" };
        statement.sql("SELECT ").sql(columns).sql(" FROM (");
        matching(statement);
        statement.sql(") AS found");
        if let Some(position) = self.place.comes_from() {
            statement.sql(" WHERE ");
            self.beyond(statement, columns, &position.keys, position.id);
        }
        self.order(statement, "");
        self.cut(statement);
    }

    /// As [`Walk::pick`], where the first key is a rank that no index has, and `matching` gives those of one rank, without it. Each
    /// rank is read only if those before it leave room on the page, and only as far as there is room: a word that half of all
    /// entries have costs a short walk along the index of the second key, and not a rank for each.
    pub(super) fn pick_ranked(
        &self,
        statement: &mut Statement,
        ranks: RangeInclusive<i32>,
        matching: impl Fn(&mut Statement, i32),
    ) {
        let from = self.place.comes_from().and_then(|position| match &position.keys[..] {
            // Anyone who writes a cursor may write any rank.
            [Key::Number(rank), key] => Some(((*rank).clamp(*ranks.start(), *ranks.end()), key, position.id)),
            _ => None,
        });
        let mut ranks: Vec<i32> = ranks.collect();
        if self.downwards() {
            ranks.reverse();
        }
        ranks.retain(|rank| from.is_none_or(|(from, ..)| if self.downwards() { *rank <= from } else { *rank >= from }));
        statement.sql("WITH ");
        for (index, rank) in ranks.iter().enumerate() {
            statement.sql(if index == 0 { "" } else { ", " }).sql(RANKS[index]).sql(" AS MATERIALIZED (SELECT ");
            statement.bind(*rank, Type::INT4).sql(" AS key1, key2, id FROM (");
            matching(statement, *rank);
            statement.sql(") AS found WHERE ");
            for before in &RANKS[..index] {
                statement.sql("(SELECT count(*) FROM ").sql(before).sql(") + ");
            }
            statement.sql("0 < ").bind(self.rows(), Type::INT8);
            if let Some((_, key, id)) = from.filter(|(from, ..)| from == rank) {
                statement.sql(" AND ");
                self.beyond(statement, "key2, id", slice::from_ref(key), id);
            }
            statement.sql(if self.downwards() { " ORDER BY key2 DESC, id DESC" } else { " ORDER BY key2, id" });
            statement.sql(" LIMIT ").bind(self.rows(), Type::INT8).sql(")");
        }
        statement.sql(" SELECT key1, key2, id FROM (");
        for (index, name) in RANKS[..ranks.len()].iter().enumerate() {
            statement.sql(if index == 0 { "TABLE " } else { " UNION ALL TABLE " }).sql(name);
        }
        statement.sql(") AS found");
        self.order(statement, "");
        self.cut(statement);
    }

    /// Adds the condition that an entry comes after a position on the walk.
    fn beyond(&self, statement: &mut Statement, columns: &'static str, keys: &[Key], id: Uuid) {
        statement.sql("(").sql(columns).sql(if self.downwards() { ") < (" } else { ") > (" });
        for key in keys {
            bind(statement, key);
            statement.sql(", ");
        }
        statement.bind(id, Type::UUID).sql(")");
    }

    /// How many rows of the walk the page is picked from.
    fn rows(&self) -> i64 {
        i64::from(self.place.offset()) + i64::from(self.limit) + 1
    }

    /// Adds how many of the rows are the page: one more than the limit.
    fn cut(&self, statement: &mut Statement) {
        statement.sql(" LIMIT ").bind(i64::from(self.limit) + 1, Type::INT8);
        if let Place::Offset(offset @ 1..) = self.place {
            statement.sql(" OFFSET ").bind(i64::from(*offset), Type::INT8);
        }
    }

    /// Adds the order of the walk.
    pub(super) fn order(&self, statement: &mut Statement, of_page: &'static str) {
        let order = match (of_page.is_empty(), self.keys.len() == 2, self.downwards()) {
            (true, false, false) => " ORDER BY key1, id",
            (true, false, true) => " ORDER BY key1 DESC, id DESC",
            (true, true, false) => " ORDER BY key1, key2, id",
            (true, true, true) => " ORDER BY key1 DESC, key2 DESC, id DESC",
            (false, false, false) => " ORDER BY page.key1, page.id",
            (false, false, true) => " ORDER BY page.key1 DESC, page.id DESC",
            (false, true, false) => " ORDER BY page.key1, page.key2, page.id",
            (false, true, true) => " ORDER BY page.key1 DESC, page.key2 DESC, page.id DESC",
        };
        statement.sql(order);
    }

    /// Whether keys fall along the walk: one way or the other, not both.
    fn downwards(&self) -> bool {
        self.descending != self.place.is_backwards()
    }

    /// The columns of `page` by which [`Walk::slice`] knows each entry's position.
    pub(super) fn columns(&self) -> &'static str {
        if self.keys.len() == 2 {
            "page.key1, page.key2, page.id AS place_id, "
        } else {
            "page.key1, page.id AS place_id, "
        }
    }

    /// The page from its rows.
    pub(super) fn slice<T>(
        &self,
        mut rows: Vec<Row>,
        respelt: bool,
        total: Total,
        entry: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Slice<T>, StoreError> {
        let limit = self.limit as usize;
        let further = rows.len() > limit;
        rows.truncate(limit);
        if self.place.is_backwards() {
            rows.reverse();
        }
        // What can't be known without a look is looked at afterwards.
        let has_passed = self.place.passed(further, rows.len(), total).unwrap_or(true);
        let (has_more, has_previous) = self.place.neighbours(further, has_passed);
        // Of all rows: a walk goes on behind one that can't be read.
        let positions = readable(&rows, |row| self.position(row, respelt))?;
        let entries = readable(&rows, entry)?;
        Ok(Slice {
            first: positions.first().cloned(),
            last: positions.last().cloned(),
            entries,
            total,
            has_more,
            has_previous,
        })
    }

    fn position(&self, row: &Row, respelt: bool) -> Result<Position, StoreError> {
        let key = |(index, kind): (usize, &SortKeyKind)| -> Result<Key, StoreError> {
            Ok(match kind {
                SortKeyKind::Instant => Key::Instant(row.try_get(index)?),
                SortKeyKind::Text => Key::Text(row.try_get(index)?),
                SortKeyKind::Amount => Key::Amount(row.try_get(index)?),
                SortKeyKind::Number => Key::Number(row.try_get(index)?),
            })
        };
        let keys = self.keys.iter().enumerate().map(key).collect::<Result<_, _>>()?;
        Ok(Position { keys, id: row.try_get::<_, Uuid>("place_id")?, respelt })
    }
}

/// How long the list is, when the rows of a page tell: it is the last page, and not one beyond the end.
pub(super) fn total_by_page(place: &Place, limit: u32, rows: usize) -> Option<Total> {
    let Place::Offset(offset) = place else { return None };
    let ends_here = rows <= limit as usize && (*offset == 0 || rows > 0);
    ends_here.then(|| Total::Exact(u64::from(*offset) + rows as u64))
}

fn bind(statement: &mut Statement, key: &Key) {
    match key {
        Key::Instant(at) => statement.bind(*at, Type::TIMESTAMPTZ),
        Key::Text(text) => statement.bind(text.clone(), Type::TEXT),
        Key::Amount(amount) => statement.bind(*amount, Type::NUMERIC),
        Key::Number(number) => statement.bind(*number, Type::INT4),
    };
}

/// Counts what `matching` gives, up to one more than [`COUNT_MAX`]. For `words` as if all were to be read: the planner then asks their
/// index, though it believes that many have them, and not one entry after the other.
pub(super) fn count(words: bool, matching: impl FnOnce(&mut Statement)) -> Statement {
    let mut statement = Statement::default();
    statement.sql("WITH found AS ").sql(if words { "MATERIALIZED (" } else { "NOT MATERIALIZED (" });
    matching(&mut statement);
    statement.sql(") SELECT count(*) FROM (SELECT FROM found LIMIT ");
    statement.bind(i64::from(COUNT_MAX) + 1, Type::INT8).sql(") AS counted");
    statement
}

/// How many rows the planner expects, from what `EXPLAIN (FORMAT JSON)` says.
pub(in crate::postgres::store) fn expected_rows(explained: &[Row]) -> Result<u64, StoreError> {
    let plan: Value = explained.first().map_or(Ok(Value::Null), |row| row.try_get(0))?;
    Ok(plan[0]["Plan"]["Plan Rows"].as_u64().unwrap_or(0))
}
