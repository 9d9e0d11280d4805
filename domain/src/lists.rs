//! Lists: what clients filter and sort each by, and how it is read page by page.
//!
//! Every list is declared once, in [`declared`]. The HTTP server documents and reads its parameters from there, and the store makes
//! conditions of them: another filter is another line of the declaration.

pub mod declared;
mod filter;
mod page;

pub use self::{
    filter::{Filter, FilterKind, FilterValue, Match},
    page::{EARLIEST, Key, Page, Place, Position, SortKeyKind, Total},
};

/// What clients may ask of a list.
#[derive(Debug)]
pub struct List {
    /// In the order in which clients are told of them.
    pub filters: &'static [Filter],
    /// By what it may be sorted, at least one, the usual order first. A single one has no name, and clients do not choose it.
    pub orders: &'static [Order],
    /// How well entries fit the words of `q`: the usual order of a list with words.
    pub relevance: Option<Order>,
}

/// What a list is sorted by.
#[derive(Debug)]
pub struct Order {
    /// As the parameter `sort` has it.
    pub name: &'static str,
    /// Attributes of the entries, from the first key to the last. No two entries have all of them alike.
    pub keys: &'static [(&'static str, SortKeyKind)],
    /// Whether the greatest come first unless the client says otherwise.
    pub descending: bool,
}

impl Order {
    /// The only order of a list.
    const fn only(keys: &'static [(&'static str, SortKeyKind)], descending: bool) -> Self {
        Self { name: "", keys, descending }
    }

    /// An order that clients choose by this name, the least first.
    const fn named(name: &'static str, keys: &'static [(&'static str, SortKeyKind)]) -> Self {
        Self { name, keys, descending: false }
    }
}

/// An order, one way or the other.
#[derive(Clone, Copy, Debug)]
pub struct Sort {
    pub order: &'static Order,
    /// The greatest first.
    pub descending: bool,
}

/// A question for one page of a list.
#[derive(Clone, Debug)]
pub struct ListQuery {
    pub list: &'static List,
    /// Everything that is given must hold.
    pub filters: Vec<(&'static Filter, FilterValue)>,
    pub sort: Sort,
    /// Where the page begins, or ends.
    pub place: Place,
    /// How many entries at most.
    pub limit: u32,
}

impl ListQuery {
    /// The first page in the usual order.
    pub fn first(list: &'static List, filters: Vec<(&'static Filter, FilterValue)>, limit: u32) -> Self {
        let order = &list.orders[0];
        Self { list, filters, sort: Sort { order, descending: order.descending }, place: Place::Offset(0), limit }
    }

    /// The same question for another page.
    #[must_use]
    pub fn at(&self, place: Place, limit: u32) -> Self {
        Self { place, limit, ..self.clone() }
    }

    /// The value of a filter, if it is given.
    pub fn get(&self, name: &str) -> Option<&FilterValue> {
        debug_assert!(self.list.filters.iter().any(|filter| filter.name == name), "the list has no filter {name}");
        self.filters.iter().find(|(filter, _)| filter.name == name).map(|(_, value)| value)
    }

    /// The text that a filter looks for, or the one word that it names.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            FilterValue::Text(text) => Some(text),
            FilterValue::OneOf(names) => names.first().copied(),
            _ => None,
        }
    }

    /// Whether it is sorted by how well entries fit the words.
    pub fn is_ranked(&self) -> bool {
        self.list.relevance.as_ref().is_some_and(|relevance| std::ptr::eq(relevance, self.sort.order))
    }

    /// Whether its entries have to be looked for: no index has them in order.
    pub fn is_search(&self) -> bool {
        self.filters.iter().any(|(filter, _)| filter.unindexed)
    }
}
