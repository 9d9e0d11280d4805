//! Ports to what is stored outside of inventories: accounts, catalogue, and bookings as their owners see them.

use std::{future::Future, time::Duration};

use jiff::Timestamp;

use crate::{
    accounts::{Account, PersonName, Phone},
    audit::Actor,
    bookings::{Booking, Hold},
    events::{Event, TicketType},
    ids::{AccountId, BookingId, EventId, HoldId, SeatMapId, SeatMapVersionId},
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

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start<K> {
    /// After so many entries. Entries that come or go meanwhile shift the pages.
    Offset(u32),
    /// After the entry with this key, whatever came or went meanwhile.
    After(K),
}

/// Which entries to show.
#[derive(Clone, Debug)]
pub struct PageRequest<K> {
    /// Where to begin.
    pub start: Start<K>,
    /// How many at most.
    pub limit: u32,
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// How many there are on all pages.
    pub total: Total,
    /// Whether another page follows.
    pub has_more: bool,
}

/// What a client names a thing by.
#[derive(Clone, Copy, Debug)]
pub enum IdOrSlug<'a, I> {
    /// Its id.
    Id(I),
    /// Its slug.
    Slug(&'a str),
}

/// A small word by which events are found.
#[derive(Clone, Debug)]
pub struct Tag {
    /// For URLs.
    pub slug: String,
    /// For people.
    pub name: String,
}

/// An event with all that a buyer wants to know.
#[derive(Debug)]
pub struct EventDetail {
    /// The event.
    pub event: Event,
    /// Where it happens.
    pub venue: Venue,
    /// What is sold, in the organizer's order.
    pub ticket_types: Vec<TicketType>,
    /// By what it is found.
    pub tags: Vec<Tag>,
    /// The next published occurrences of its series that have not begun, without the event itself, soonest first.
    pub next: Vec<NextOccurrence>,
}

/// Another occurrence of a series, as the page of an event shows it.
#[derive(Clone, Debug)]
pub struct NextOccurrence {
    /// The event that it is.
    pub id: EventId,
    /// For URLs.
    pub slug: String,
    /// Its name.
    pub title: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it is over.
    pub ends_at: Timestamp,
}

/// The seat map of a published event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicSeatMap {
    /// Which map.
    pub map: SeatMapId,
    /// Which version of it.
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
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// Accounts and their profiles.
pub trait AccountRepository {
    /// Adds an account for somebody else, and writes that down in the audit log.
    fn add_account(
        &self,
        account: &Account,
        password_hash: &str,
        actor: &Actor,
    ) -> impl Future<Output = Result<(), AddAccountError>> + Send;

    /// The account with that id.
    fn account(&self, id: AccountId) -> impl Future<Output = Found<Option<Account>>> + Send;

    /// Changes what is given of a profile, and gives the account as it is then.
    fn update_profile(
        &self,
        id: AccountId,
        change: &ProfileChange,
    ) -> impl Future<Output = Found<Option<Account>>> + Send;
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
pub trait EventRepository {
    /// The events that a search finds. Those that were never published are never found.
    fn public_events(&self, search: &EventSearch) -> impl Future<Output = Found<Slice<EventSummary>>> + Send;

    /// One event, unless it was never published.
    fn public_event(&self, by: IdOrSlug<'_, EventId>) -> impl Future<Output = Found<Option<EventDetail>>> + Send;

    /// The present slug of a published event that once had this one.
    fn event_moved_from(&self, slug: &str) -> impl Future<Output = Found<Option<String>>> + Send;

    /// In how long the next published event ends: until then, lists and counts that leave out what is over read as they do now, if
    /// nobody changes anything. Nothing when all are over.
    fn next_end(&self) -> impl Future<Output = Found<Option<Duration>>> + Send;

    /// The version of its seat map that an event sells, or the one with this number, which may be an earlier one. Nothing for an event
    /// without seats, or that was never published, and of a version that is later than the one it sells.
    fn public_seat_map(
        &self,
        event: EventId,
        number: Option<u32>,
    ) -> impl Future<Output = Found<Option<PublicSeatMap>>> + Send;

    /// How these events sell at this moment, by the ledger's counters. Those that were never published are left out.
    fn event_sales(&self, events: &[EventId]) -> impl Future<Output = Found<(Timestamp, Vec<EventSales>)>> + Send;

    /// The categories of published events that are not over, the commonest first.
    fn event_categories(&self) -> impl Future<Output = Found<Vec<Facet>>> + Send;

    /// The tags of published events that are not over, the commonest first, at most `limit`.
    fn event_tags(&self, limit: u32) -> impl Future<Output = Found<Vec<Facet>>> + Send;
}

/// Venues.
pub trait VenueRepository {
    /// The venues that a search finds.
    fn venues(&self, search: &VenueSearch) -> impl Future<Output = Found<Slice<Venue>>> + Send;

    /// One venue.
    fn venue(&self, by: IdOrSlug<'_, crate::ids::VenueId>) -> impl Future<Output = Found<Option<Venue>>> + Send;

    /// The present slug of a venue that once had this one.
    fn venue_moved_from(&self, slug: &str) -> impl Future<Output = Found<Option<String>>> + Send;
}

/// Holds and bookings, read only: they are written through their event's inventory.
pub trait BookingRepository {
    /// An account's bookings, newest first.
    fn bookings_of(
        &self,
        account: AccountId,
        page: &PageRequest<BookingId>,
    ) -> impl Future<Output = Found<Page<Booking>>> + Send;

    /// One booking.
    fn booking(&self, id: BookingId) -> impl Future<Output = Found<Option<Booking>>> + Send;

    /// One hold.
    fn hold(&self, id: HoldId) -> impl Future<Output = Found<Option<Hold>>> + Send;
}
