//! Pagination of lists outside the public catalogue: the same protocol as [`browsing`](super::browsing), for lists that
//! are sorted by one key of a type of their own and are never cached.

use domain::{
    ids::{AccountId, BookingId, EventId, SeatMapId},
    repositories::{Page, PageRequest, Start},
    search::{Key, Position, SortKeyKind},
};
use http::{HeaderValue, header};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{
    browsing::{List, OFFSET_MAX},
    problem::Problem,
    query::Query,
    reply::Reply,
};

/// The place of an entry in its list, as a cursor has it.
pub trait CursorKey: Sized {
    /// The kinds of what comes before the id.
    const KINDS: &'static [SortKeyKind];

    /// Writes the place down.
    fn position(self) -> Position;

    /// Reads it back; nothing for what no entry has.
    fn at(position: Position) -> Option<Self>;
}

fn by_id(keys: Vec<Key>, id: Uuid) -> Position {
    Position { keys, id, respelt: false }
}

/// Lists in the order of ids.
macro_rules! ids {
    ($($id:ident),+) => {$(
        impl CursorKey for $id {
            const KINDS: &'static [SortKeyKind] = &[];

            fn position(self) -> Position {
                by_id(Vec::new(), self.0)
            }

            fn at(position: Position) -> Option<Self> {
                Some(Self(position.id))
            }
        }
    )+};
}
ids!(AccountId, BookingId);

/// Lists by an instant, the id among equals.
macro_rules! instants {
    ($($id:ident),+) => {$(
        impl CursorKey for (Timestamp, $id) {
            const KINDS: &'static [SortKeyKind] = &[SortKeyKind::Instant];

            fn position(self) -> Position {
                by_id(vec![Key::Instant(self.0)], self.1.0)
            }

            fn at(position: Position) -> Option<Self> {
                match position.keys[..] {
                    [Key::Instant(at)] => Some((at, $id(position.id))),
                    _ => None,
                }
            }
        }
    )+};
}
instants!(EventId, SeatMapId);

/// Lists in the order of numbers, which stand where others have ids.
impl CursorKey for u64 {
    const KINDS: &'static [SortKeyKind] = &[];

    fn position(self) -> Position {
        by_id(Vec::new(), Uuid::from_u64_pair(0, self))
    }

    fn at(position: Position) -> Option<Self> {
        let (rest, number) = position.id.as_u64_pair();
        (rest == 0).then_some(number)
    }
}

impl CursorKey for i64 {
    const KINDS: &'static [SortKeyKind] = &[];

    fn position(self) -> Position {
        u64::try_from(self).unwrap_or(0).position()
    }

    fn at(position: Position) -> Option<Self> {
        u64::at(position).and_then(|number| number.try_into().ok())
    }
}

/// Lists by a text that no two entries have.
impl CursorKey for String {
    const KINDS: &'static [SortKeyKind] = &[SortKeyKind::Text];

    fn position(self) -> Position {
        by_id(vec![Key::Text(self)], Uuid::nil())
    }

    fn at(mut position: Position) -> Option<Self> {
        match position.keys.pop() {
            Some(Key::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl List {
    /// Reads `limit`, and `cursor` or `offset`.
    pub fn page_request<K: CursorKey>(&self, query: &mut Query<'_>) -> PageRequest<K> {
        let wanted = self.page(query, K::KINDS, OFFSET_MAX);
        let mut key = |position| {
            let key = K::at(position);
            if key.is_none() {
                query.fault(super::browsing::damaged());
            }
            key
        };
        let start = match wanted.place {
            Start::Offset(offset) => Some(Start::Offset(offset)),
            Start::End => Some(Start::End),
            Start::After(position) => key(position).map(Start::After),
            Start::Before(position) => key(position).map(Start::Before),
        };
        PageRequest { start: start.unwrap_or(Start::Offset(0)), limit: wanted.limit }
    }

    /// The page with each entry as `show` has it, and `Link` to its neighbours (RFC 8288); `key` is an entry's place in the list.
    pub fn reply<'a, E, K: CursorKey, T: Serialize>(
        &self,
        page: &'a Page<E>,
        request: &PageRequest<K>,
        key: impl Fn(&'a E) -> K,
        show: impl Fn(&'a E) -> T,
    ) -> Result<Reply, Problem> {
        let position = |entry: Option<&'a E>| entry.map(|entry| key(entry).position());
        let (listing, links) = self.written(
            (&request.start, request.limit),
            page.entries.iter().map(show).collect(),
            page.total,
            (position(page.entries.first()), position(page.entries.last())),
            (page.has_more, page.has_previous),
        );
        let links = HeaderValue::from_str(&links).map_err(Problem::internal)?;
        Ok(Reply::ok(&listing)?.header(header::LINK, links))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again<K: CursorKey + Clone + PartialEq + std::fmt::Debug>(key: K) {
        let position = key.clone().position();
        assert_eq!(position.keys.len(), K::KINDS.len());
        assert_eq!(K::at(position), Some(key));
    }

    #[test]
    fn a_key_is_read_back_from_its_position() {
        again(BookingId::generate());
        again((Timestamp::from_microsecond(1_767_225_600_000_001).unwrap(), EventId::generate()));
        again(u64::MAX);
        again(i64::MAX);
        again("jazz".to_owned());
        assert_eq!(i64::at(u64::MAX.position()), None);
        assert_eq!(u64::at(BookingId::generate().position()), None);
    }
}
