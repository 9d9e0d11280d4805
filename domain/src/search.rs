//! What is looked for in the public catalogue, in which order, and how a list of it is walked.

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

pub use crate::paging::Total;
use crate::{
    events::{Event, EventStatus, EventTag},
    ids::{SeriesId, VenueId},
    paging::Start,
    venues::Venue,
};

/// The beginning of the year 1. Nothing takes place before; some calendars do not even go there.
pub const EARLIEST: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// Which events. Everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Words as people type them into a search box: `"a phrase"`, `-without`, `this or that`.
    pub text: Option<String>,
    /// Begins at this instant or later.
    pub from: Option<Timestamp>,
    /// Begins before this instant.
    pub to: Option<Timestamp>,
    /// Ends at this instant or later.
    pub ends_from: Option<Timestamp>,
    /// Ends before this instant.
    pub ends_to: Option<Timestamp>,
    /// Is an occurrence of this series.
    pub series: Option<SeriesId>,
    pub venue: Option<VenueId>,
    /// Takes place in this city, whatever accents and capitals it is written with.
    pub city: Option<String>,
    pub category: Option<String>,
    /// Has all of these tags, by their slugs.
    pub tags: Vec<String>,
    /// Has a ticket type that costs at least this, in its own currency. With `max_price`, the same ticket type is meant.
    pub min_price: Option<Decimal>,
    /// Has a ticket type that costs at most this, in its own currency.
    pub max_price: Option<Decimal>,
    /// On sale now, with places left.
    pub available: bool,
    /// Where it is in its life.
    pub status: PublicStatus,
}

impl EventFilter {
    /// Whether only what is not over yet is meant: a query for a time, or for what is archived, asks for that.
    pub fn leaves_out_what_is_over(&self) -> bool {
        self.from.or(self.to).or(self.ends_from).or(self.ends_to).is_none() && self.status != PublicStatus::Archived
    }
}

/// The states of an event that the public may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PublicStatus {
    #[default]
    Published,
    /// What will not take place.
    Cancelled,
    /// What is over.
    Archived,
}

impl From<PublicStatus> for EventStatus {
    fn from(status: PublicStatus) -> Self {
        match status {
            PublicStatus::Published => Self::Published,
            PublicStatus::Cancelled => Self::Cancelled,
            PublicStatus::Archived => Self::Archived,
        }
    }
}

/// Which venues. Everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueFilter {
    /// Words, as with [`EventFilter::text`].
    pub text: Option<String>,
    /// Is in this city, whatever accents and capitals it is written with.
    pub city: Option<String>,
    /// Is in this country: ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
}

/// What a list is sorted by; the id decides between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort<By> {
    pub by: By,
    /// The greatest first.
    pub descending: bool,
}

impl<By> Sort<By> {
    /// The least first.
    pub fn ascending(by: By) -> Self {
        Self { by, descending: false }
    }

    /// The greatest first.
    pub fn descending(by: By) -> Self {
        Self { by, descending: true }
    }
}

/// What events are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOrder {
    StartsAt,
    /// Its title, without accents and capitals.
    Title,
    /// Its cheapest ticket type; an event without any costs nothing.
    Price,
    CreatedAt,
    /// How well it fits the words: in the title before tags, venue and city, these before the summary, that before the
    /// description, all of them before another spelling; the sooner one of equals first.
    Relevance,
}

/// What venues are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VenueOrder {
    /// Its name, without accents and capitals.
    Name,
    /// Its city, then its name.
    City,
    /// How many people it holds.
    Capacity,
    CreatedAt,
    /// How well it fits the words, as [`EventOrder::Relevance`]; by name between equals.
    Relevance,
}

/// A value that a list is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A point in time.
    Instant(Timestamp),
    /// A folded text.
    Text(String),
    Amount(Decimal),
    /// A rank, or a number of people.
    Number(i32),
}

/// What kind of values [`Key`]s are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKeyKind {
    Instant,
    Text,
    Amount,
    Number,
}

/// An order, and the kinds of its keys from the first to the last.
pub trait Order: Copy {
    fn keys(self) -> &'static [SortKeyKind];
}

impl Order for EventOrder {
    fn keys(self) -> &'static [SortKeyKind] {
        match self {
            Self::StartsAt | Self::CreatedAt => &[SortKeyKind::Instant],
            Self::Title => &[SortKeyKind::Text],
            Self::Price => &[SortKeyKind::Amount],
            Self::Relevance => &[SortKeyKind::Number, SortKeyKind::Instant],
        }
    }
}

impl Order for VenueOrder {
    fn keys(self) -> &'static [SortKeyKind] {
        match self {
            Self::Name => &[SortKeyKind::Text],
            Self::City => &[SortKeyKind::Text, SortKeyKind::Text],
            Self::Capacity => &[SortKeyKind::Number],
            Self::CreatedAt => &[SortKeyKind::Instant],
            Self::Relevance => &[SortKeyKind::Number, SortKeyKind::Text],
        }
    }
}

/// The place of an entry in a sorted list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// What the entry is sorted by.
    pub keys: Vec<Key>,
    /// The entry; decides between those with equal keys.
    pub id: Uuid,
    /// Whether the walk that comes by here includes other spellings of the words. Decided once, at its beginning, or an entry
    /// that appears meanwhile would change what the walk is through.
    pub respelt: bool,
}

/// Where a page of a catalogue begins, or ends.
pub type Place = Start<Position>;

/// A question to a catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search<Filter, By> {
    pub filter: Filter,
    pub sort: Sort<By>,
    /// Where the page begins.
    pub place: Place,
    /// How many entries at most.
    pub limit: u32,
}

/// A question for events.
pub type EventSearch = Search<EventFilter, EventOrder>;
/// A question for venues.
pub type VenueSearch = Search<VenueFilter, VenueOrder>;

/// One page of a list that can be walked both ways.
#[derive(Debug)]
pub struct Slice<T> {
    /// The entries, in the order of the list whichever way the walk goes.
    pub entries: Vec<T>,
    /// Where the first entry is.
    pub first: Option<Position>,
    /// Where the last entry is.
    pub last: Option<Position>,
    /// How many entries there are on all pages.
    pub total: Total,
    /// Whether another page follows.
    pub has_more: bool,
    /// Whether another page comes before.
    pub has_previous: bool,
}

/// An event as a list shows it.
#[derive(Debug)]
pub struct EventSummary {
    /// The event; lists leave its description out.
    pub event: Event,
    /// Where it happens; lists leave its description out.
    pub venue: Venue,
    /// By what it is found.
    pub tags: Vec<EventTag>,
    /// Prices of the cheapest and of the dearest ticket type; nothing without any.
    pub prices: Option<(Decimal, Decimal)>,
}

/// A word that published events that are not over have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    pub slug: String,
    pub name: String,
    /// How many published events that are not over have it.
    pub events: u64,
}
