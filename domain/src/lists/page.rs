//! Pages of a list: where one begins, and what it has.

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

/// The beginning of the year 1. Nothing takes place before; some calendars do not even go there.
pub const EARLIEST: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// A value that a list is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Instant(Timestamp),
    /// A folded text, or one that no two entries have.
    Text(String),
    Amount(Decimal),
    /// A rank, or a number of people.
    Number(i32),
    /// The number of an entry that is counted upwards.
    Serial(i64),
    Id(Uuid),
}

/// What kind of values [`Key`]s are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKeyKind {
    Instant,
    Text,
    Amount,
    Number,
    Serial,
    Id,
}

/// The place of an entry in a sorted list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// What the entry is sorted by.
    pub keys: Vec<Key>,
    /// Whether the walk that comes by here includes other spellings of the words. Decided once, at its beginning, or an entry
    /// that appears meanwhile would change what the walk is through.
    pub respelt: bool,
}

/// Where a page begins, or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// After so many entries. Entries that come or go meanwhile shift the pages.
    Offset(u32),
    /// After the entry at this position, whatever came or went meanwhile.
    After(Position),
    /// The page that ends before the entry at this position.
    Before(Position),
    /// The page that ends with the list.
    End,
}

impl Place {
    /// The position that the walk comes from, if it is under way.
    pub fn comes_from(&self) -> Option<&Position> {
        match self {
            Self::After(position) | Self::Before(position) => Some(position),
            Self::Offset(_) | Self::End => None,
        }
    }

    /// How many entries are left out.
    pub fn offset(&self) -> u32 {
        if let Self::Offset(offset) = self { *offset } else { 0 }
    }

    /// Whether the page is read from its end.
    pub fn is_backwards(&self) -> bool {
        matches!(self, Self::Before(_) | Self::End)
    }

    /// Whether there is something where a page of so many `entries` comes from, as far as that is known without a look: a page without
    /// any lies beyond all that the list has, an offset has passed over something, and at the end of a list the rest of it is behind.
    /// What a cursor has seen may have gone since.
    pub fn passed(&self, further: bool, entries: usize, total: Total) -> Option<bool> {
        match (self, total) {
            (_, total) if entries == 0 => Some(!total.is_none()),
            (Self::Offset(offset), _) => Some(*offset > 0),
            (Self::End, _) => Some(false),
            (Self::After(_) | Self::Before(_), Total::Exact(total)) if !further => Some(total > entries as u64),
            (Self::After(_) | Self::Before(_), _) => None,
        }
    }

    /// Whether pages follow, and whether some come before: of a page beyond which there is something `further` in the direction of the
    /// walk, or nothing, and that `has_passed` something, or nothing.
    pub fn neighbours(&self, further: bool, has_passed: bool) -> (bool, bool) {
        if self.is_backwards() { (has_passed, further) } else { (further, has_passed) }
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// In the order of the list, whichever way it is walked.
    pub entries: Vec<T>,
    /// Where the first entry is, and the last.
    pub first: Option<Position>,
    pub last: Option<Position>,
    /// How many entries there are on all pages.
    pub total: Total,
    /// Whether another page follows.
    pub has_more: bool,
    /// Whether another page comes before.
    pub has_previous: bool,
}

/// How many entries a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    Exact(u64),
    /// Too many to count for each page: what the database expects.
    About(u64),
}

impl Total {
    /// Whether there is nothing.
    pub fn is_none(self) -> bool {
        self == Self::Exact(0)
    }
}
