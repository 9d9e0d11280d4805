//! Ports to what is stored outside of inventories: accounts, catalogue, and bookings as their owners see them.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    accounts::{Account, PersonName, Phone},
    audit::Actor,
    bookings::{Booking, BookingStatus, Hold},
    events::{Event, TicketType},
    ids::{AccountId, BookingId, EventId, HoldId, SeatMapId, SeatMapVersionId, TicketTypeId},
    mail::Locale,
    sales::EventSales,
    search::{EventSearch, EventSummary, Facet, Slice, Total, VenueSearch},
    venues::Venue,
};

/// Why a repository has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RepositoryError {
    /// It can't be reached now; a later try may succeed.
    #[error("the database is away: {0}")]
    Unavailable(String),
    /// It can't do it now, and nothing of what was to be changed is written: that is sure. A later try may succeed.
    #[error("the database is busy or away: {0}")]
    RolledBack(String),
    /// It can't take a value that came from the client, such as a text with a NUL character.
    #[error("the database can't take a value: {0}")]
    Data(String),
    /// It answered what this version does not expect.
    #[error("the database answered unexpectedly: {0}")]
    Broken(String),
}

/// Shorthand of every port.
pub type Found<T> = Result<T, RepositoryError>;

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

/// What a client names a thing by.
#[derive(Clone, Copy, Debug)]
pub enum IdOrSlug<'a, I> {
    Id(I),
    Slug(&'a str),
}

/// A small word by which events are found.
#[derive(Clone, Debug)]
pub struct Tag {
    pub slug: String,
    pub name: String,
}

/// An event with all that a buyer wants to know.
#[derive(Debug)]
pub struct EventDetail {
    pub event: Event,
    pub venue: Venue,
    /// What is sold, in the organizer's order.
    pub ticket_types: Vec<TicketType>,
    /// By what it is found.
    pub tags: Vec<Tag>,
    /// The next published occurrences of its series that have not begun, without the event itself, soonest first.
    pub next: Vec<NextOccurrence>,
    /// For how long that stays so when nobody changes anything: until the first of them begins.
    pub next_for: Option<Duration>,
}

/// Another occurrence of a series, as the page of an event shows it.
#[derive(Clone, Debug)]
pub struct NextOccurrence {
    pub id: EventId,
    pub slug: String,
    pub title: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

/// The seat map of a published event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicSeatMap {
    pub map: SeatMapId,
    pub version: SeatMapVersionId,
    /// The number of the version, counted from 1.
    pub number: u32,
}

/// Why an account was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddAccountError {
    /// Another account has the address.
    #[error("the e-mail address is registered already")]
    EmailTaken,
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// Accounts and their profiles.
#[async_trait]
pub trait AccountRepository: Send + Sync {
    /// Adds an account for somebody else, and writes that down in the audit log.
    async fn add_account(&self, account: &Account, password_hash: &str, actor: &Actor) -> Result<(), AddAccountError>;

    /// The account with that id.
    async fn account(&self, id: AccountId) -> Found<Option<Account>>;

    /// Changes what is given of a profile, and gives the account as it is then.
    async fn update_profile(&self, id: AccountId, change: &ProfileChange) -> Found<Option<Account>>;
}

/// What somebody changes about themselves. What is not given stays.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// How they are called.
    pub name: Option<PersonName>,
    /// Their number; `Some(None)` takes it away.
    pub phone: Option<Option<Phone>>,
    /// The language of their mails.
    pub locale: Option<Locale>,
}

/// Events as the public sees them.
#[async_trait]
pub trait EventRepository: Send + Sync {
    /// The events that a search finds. Those that were never published are never found.
    async fn public_events(&self, search: &EventSearch) -> Found<Slice<EventSummary>>;

    /// One event, unless it was never published.
    async fn public_event(&self, by: IdOrSlug<'_, EventId>) -> Found<Option<EventDetail>>;

    /// The present slug of a published event that once had this one.
    async fn event_moved_from(&self, slug: &str) -> Found<Option<String>>;

    /// In how long the next published event ends: until then, lists and counts that leave out what is over read as they do now, if
    /// nobody changes anything. Nothing when all are over.
    async fn next_end(&self) -> Found<Option<Duration>>;

    /// The version of its seat map that an event sells, or the one with this number, which may be an earlier one. Nothing for an event
    /// without seats, or that was never published, and of a version that is later than the one it sells.
    async fn public_seat_map(&self, event: EventId, number: Option<u32>) -> Found<Option<PublicSeatMap>>;

    /// How these events sell at this moment, by the ledger's counters. Those that were never published are left out.
    async fn event_sales(&self, events: &[EventId]) -> Found<(Timestamp, Vec<EventSales>)>;

    /// The categories of published events that are not over, the commonest first.
    async fn event_categories(&self) -> Found<Vec<Facet>>;

    /// The tags of published events that are not over, the commonest first, at most `limit`.
    async fn event_tags(&self, limit: u32) -> Found<Vec<Facet>>;
}

#[async_trait]
pub trait VenueRepository: Send + Sync {
    /// The venues that a search finds.
    async fn venues(&self, search: &VenueSearch) -> Found<Slice<Venue>>;

    async fn venue(&self, by: IdOrSlug<'_, crate::ids::VenueId>) -> Found<Option<Venue>>;

    /// The present slug of a venue that once had this one.
    async fn venue_moved_from(&self, slug: &str) -> Found<Option<String>>;
}

/// Which of an account's bookings.
#[derive(Clone, Debug, Default)]
pub struct OwnBookings {
    /// In one of these; all when empty.
    pub statuses: Vec<BookingStatus>,
    pub event: Option<EventId>,
}

/// What a booking names of its event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventNames {
    /// Its name in addresses for people.
    pub slug: String,
    pub title: String,
    pub starts_at: Timestamp,
    /// IANA name of the zone in which that is told.
    pub time_zone: String,
    /// What its venue is called.
    pub venue: String,
    /// What its ticket types are called.
    pub ticket_types: HashMap<TicketTypeId, String>,
    /// When one of these may have become another one: the last change of the event, its venue or its ticket types.
    pub changed_at: Timestamp,
}

/// Holds and bookings, read only: they are written through their event's inventory.
#[async_trait]
pub trait BookingRepository: Send + Sync {
    /// An account's bookings, newest first.
    async fn bookings_of(
        &self,
        account: AccountId,
        filter: &OwnBookings,
        page: &PageRequest<BookingId>,
    ) -> Found<Page<Booking>>;

    /// What these events and their ticket types are called, by one look; of those that there are.
    async fn event_names(&self, events: &[EventId]) -> Found<HashMap<EventId, EventNames>>;

    /// What an event and its ticket types were called at that time.
    async fn event_names_at(&self, event: EventId, at: Timestamp) -> Found<Option<EventNames>>;

    async fn booking(&self, id: BookingId) -> Found<Option<Booking>>;

    async fn hold(&self, id: HoldId) -> Found<Option<Hold>>;
}
