//! Keyset pagination: a page is walked from a position in the list, forwards or backwards, along the keys of its order.

use std::{ops::RangeInclusive, slice};

use domain::lists::{Key, ListQuery, Order, Place, Position, SortKeyKind};
use tokio_postgres::{Row, types::Type};

use super::statement::Statement;
use crate::postgres::rows::StoreError;

/// Names for the entries of each rank, in the order of a walk.
const RANKS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];

type Keys = [(&'static str, SortKeyKind)];

/// A page on the walk along its list.
#[derive(Clone, Copy)]
pub(in super::super) struct Walk<'a>(pub(in super::super) &'a ListQuery);

impl Walk<'_> {
    fn keys(&self) -> &'static Keys {
        self.0.sort.order.keys
    }

    /// Adds what picks the keys of the page from `matching`, in the order of the walk: one row more than the limit. What a page is made of
    /// beyond them is looked up for the entries of the page only.
    pub(in super::super) fn pick(&self, statement: &mut Statement, matching: impl FnOnce(&mut Statement)) {
        statement.sql("SELECT ");
        columns(statement, "", self.keys());
        statement.sql(" FROM (");
        matching(statement);
        statement.sql(") AS found");
        if let Some(position) = self.0.place.comes_from() {
            statement.sql(" WHERE ");
            self.beyond(statement, "", self.keys(), &position.keys);
        }
        self.order(statement, "", self.keys());
        self.cut(statement);
    }

    /// As [`Walk::pick`], where the first key is a rank that no index has, and `matching` gives those of one rank, without it. Each
    /// rank is read only if those before it leave room on the page, and only as far as there is room: a word that half of all
    /// entries have costs a short walk along the index of the second key, and not a rank for each.
    pub(in super::super) fn pick_ranked(
        &self,
        statement: &mut Statement,
        ranks: RangeInclusive<i32>,
        matching: impl Fn(&mut Statement, i32),
    ) {
        let from = self.0.place.comes_from().and_then(|position| match &position.keys[..] {
            // Anyone who writes a cursor may write any rank.
            [Key::Number(rank), keys @ ..] => Some(((*rank).clamp(*ranks.start(), *ranks.end()), keys)),
            _ => None,
        });
        let keys = self.keys().get(1..).unwrap_or_default();
        let mut ranks: Vec<i32> = ranks.collect();
        if self.is_downwards() {
            ranks.reverse();
        }
        ranks.retain(|rank| {
            from.is_none_or(|(from, _)| if self.is_downwards() { *rank <= from } else { *rank >= from })
        });
        statement.sql("WITH ");
        for (index, rank) in ranks.iter().enumerate() {
            statement.sql(if index == 0 { "" } else { ", " }).sql(RANKS[index]).sql(" AS MATERIALIZED (SELECT ");
            statement.bind(*rank, Type::INT4).sql(" AS rank, ");
            columns(statement, "", keys);
            statement.sql(" FROM (");
            matching(statement, *rank);
            statement.sql(") AS found WHERE ");
            for before in &RANKS[..index] {
                statement.sql("(SELECT count(*) FROM ").sql(before).sql(") + ");
            }
            let rows = i64::from(self.0.place.offset()) + i64::from(self.0.limit) + 1;
            statement.sql("0 < ").bind(rows, Type::INT8);
            if let Some((_, from)) = from.filter(|(from, _)| from == rank) {
                statement.sql(" AND ");
                self.beyond(statement, "", keys, from);
            }
            self.order(statement, "", keys);
            statement.sql(" LIMIT ").bind(rows, Type::INT8).sql(")");
        }
        statement.sql(" SELECT ");
        columns(statement, "", self.keys());
        statement.sql(" FROM (");
        for (index, name) in RANKS[..ranks.len()].iter().enumerate() {
            statement.sql(if index == 0 { "TABLE " } else { " UNION ALL TABLE " }).sql(name);
        }
        statement.sql(") AS found");
        self.order(statement, "", self.keys());
        self.cut(statement);
    }

    /// Adds the condition that an entry comes after this position on the walk.
    fn beyond(&self, statement: &mut Statement, of: &'static str, keys: &'static Keys, position: &[Key]) {
        statement.sql("(");
        columns(statement, of, keys);
        statement.sql(if self.is_downwards() { ") < (" } else { ") > (" });
        for (index, key) in position.iter().enumerate() {
            statement.sql(if index == 0 { "" } else { ", " });
            bind(statement, key);
        }
        statement.sql(")");
    }

    /// Adds how many of the rows are the page: one more than the limit.
    fn cut(&self, statement: &mut Statement) {
        statement.sql(" LIMIT ").bind(i64::from(self.0.limit) + 1, Type::INT8);
        if let Place::Offset(offset @ 1..) = self.0.place {
            statement.sql(" OFFSET ").bind(i64::from(offset), Type::INT8);
        }
    }

    fn order(&self, statement: &mut Statement, of: &'static str, keys: &'static Keys) {
        for (index, key) in keys.iter().enumerate() {
            statement.sql(if index == 0 { " ORDER BY " } else { ", " });
            columns(statement, of, slice::from_ref(key));
            statement.sql(if self.is_downwards() { " DESC" } else { "" });
        }
    }

    /// Adds the keys of the picked `page`, by which [`position`] knows each entry's.
    pub(in super::super) fn page_keys(&self, statement: &mut Statement) {
        columns(statement, "page.", self.keys());
    }

    /// Adds the order of the picked `page`.
    pub(in super::super) fn page_order(&self, statement: &mut Statement) {
        self.order(statement, "page.", self.keys());
    }

    /// Adds the condition that an entry is on the way, and order and length of the page, to a statement of entries that have the keys
    /// themselves; `of` names them, as in `b.`.
    pub(in super::super) fn page(&self, statement: &mut Statement, of: &'static str) {
        if let Some(position) = self.0.place.comes_from() {
            statement.sql(" AND ");
            self.beyond(statement, of, self.keys(), &position.keys);
        }
        self.order(statement, of, self.keys());
        self.cut(statement);
    }

    /// Adds the keys of entries `l` that an index has: all but the rank.
    pub(in super::super) fn indexed_keys(&self, statement: &mut Statement) {
        let keys = if self.0.is_ranked() { self.keys().get(1..).unwrap_or_default() } else { self.keys() };
        columns(statement, "l.", keys);
    }

    /// Whether keys fall along the walk: one way or the other, not both.
    fn is_downwards(&self) -> bool {
        self.0.sort.descending != self.0.place.is_backwards()
    }
}

/// Adds the keys as columns; `of` names whose they are, as in `page.`.
fn columns(statement: &mut Statement, of: &'static str, keys: &Keys) {
    for (index, (name, _)) in keys.iter().enumerate() {
        statement.sql(if index == 0 { "" } else { ", " }).sql(of).sql(name);
    }
}

/// The position of an entry in its list.
pub(super) fn position(order: &Order, row: &Row, respelt: bool) -> Result<Position, StoreError> {
    let key = |(name, kind): &(&str, SortKeyKind)| -> Result<Key, StoreError> {
        Ok(match kind {
            SortKeyKind::Instant => Key::Instant(row.try_get(name)?),
            SortKeyKind::Text => Key::Text(row.try_get(name)?),
            SortKeyKind::Amount => Key::Amount(row.try_get(name)?),
            SortKeyKind::Number => Key::Number(row.try_get(name)?),
            SortKeyKind::Serial => Key::Serial(row.try_get(name)?),
            SortKeyKind::Id => Key::Id(row.try_get(name)?),
        })
    };
    Ok(Position { keys: order.keys.iter().map(key).collect::<Result<_, _>>()?, respelt })
}

fn bind(statement: &mut Statement, key: &Key) {
    match key {
        Key::Instant(at) => statement.bind(*at, Type::TIMESTAMPTZ),
        Key::Text(text) => statement.bind(text.clone(), Type::TEXT),
        Key::Amount(amount) => statement.bind(*amount, Type::NUMERIC),
        Key::Number(number) => statement.bind(*number, Type::INT4),
        Key::Serial(number) => statement.bind(*number, Type::INT8),
        Key::Id(id) => statement.bind(*id, Type::UUID),
    };
}
