//! How a list is read page by page.

/// Where a page begins, or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start<K> {
    /// After so many entries. Entries that come or go meanwhile shift the pages.
    Offset(u32),
    /// After the entry with this key, whatever came or went meanwhile.
    After(K),
    /// The page that ends before the entry with this key.
    Before(K),
    /// The page that ends with the list.
    End,
}

impl<K> Start<K> {
    /// The entry that the walk comes from, if it is under way.
    pub fn comes_from(&self) -> Option<&K> {
        match self {
            Self::After(key) | Self::Before(key) => Some(key),
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

/// Which entries to show.
#[derive(Clone, Debug)]
pub struct PageRequest<K> {
    pub start: Start<K>,
    /// How many at most.
    pub limit: u32,
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub entries: Vec<T>,
    /// How many there are on all pages.
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
