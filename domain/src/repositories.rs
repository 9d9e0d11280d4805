//! Ports to what is stored outside of inventories: accounts, catalogue, and bookings as their owners see them.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    accounts::{Account, PersonName, Phone},
    audit::Actor,
    bookings::{Booking, Hold},
    events::{Event, TicketType},
    ids::{AccountId, BookingId, EventId, HoldId, SeatMapId, SeatMapVersionId, TicketTypeId},
    lists::{ListQuery, Page},
    mail::Locale,
    money::Currency,
    pricing::terms::SaleTerms,
    promo_codes::{CodeName, PromoCode},
    sales::EventSales,
    search::{EventSummary, Facet},
    venues::Venue,
};
pub use crate::{
    events::EventTag,
    repository_error::{Found, RepositoryError},
};

/// What a client names a thing by.
#[derive(Clone, Copy, Debug)]
pub enum IdOrSlug<'a, I> {
    Id(I),
    Slug(&'a str),
}

/// An event with all that a buyer wants to know.
#[derive(Debug)]
pub struct EventDetail {
    pub event: Event,
    pub venue: Venue,
    /// What is sold to everybody, in the organizer's order: without what is hidden.
    pub ticket_types: Vec<TicketType>,
    /// By what it is found.
    pub tags: Vec<EventTag>,
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

/// What an event costs.
#[derive(Debug)]
pub struct PricedEvent {
    /// Of all its prices.
    pub currency: Currency,
    /// On which it is sold.
    pub terms: SaleTerms,
    /// What is sold, in the organizer's order, hidden ones among them.
    pub ticket_types: Vec<TicketType>,
}

/// A promo code with how often it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedCode {
    pub code: PromoCode,
    /// Holds and bookings that have it and are not over.
    pub used: u32,
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
pub enum CreateAccountError {
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
    async fn create_account(
        &self,
        account: &Account,
        password_hash: &str,
        actor: &Actor,
    ) -> Result<(), CreateAccountError>;

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
    async fn public_events(&self, query: &ListQuery) -> Found<Page<EventSummary>>;

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

/// What events cost, as anybody may ask.
#[async_trait]
pub trait PriceRepository: Send + Sync {
    /// What an event costs, unless it was never published.
    async fn priced_event(&self, event: EventId) -> Found<Option<PricedEvent>>;

    /// The event's promo code of that name.
    async fn promo_code_named(&self, event: EventId, name: &CodeName) -> Found<Option<CountedCode>>;
}

#[async_trait]
pub trait VenueRepository: Send + Sync {
    /// The venues that a search finds.
    async fn venues(&self, query: &ListQuery) -> Found<Page<Venue>>;

    async fn venue(&self, by: IdOrSlug<'_, crate::ids::VenueId>) -> Found<Option<Venue>>;

    /// The present slug of a venue that once had this one.
    async fn venue_moved_from(&self, slug: &str) -> Found<Option<String>>;
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
    async fn bookings_of(&self, account: AccountId, query: &ListQuery) -> Found<Page<Booking>>;

    /// What these events and their ticket types are called, by one look; of those that there are.
    async fn event_names(&self, events: &[EventId]) -> Found<HashMap<EventId, EventNames>>;

    /// What an event and its ticket types were called at that time.
    async fn event_names_at(&self, event: EventId, at: Timestamp) -> Found<Option<EventNames>>;

    async fn booking(&self, id: BookingId) -> Found<Option<Booking>>;

    async fn hold(&self, id: HoldId) -> Found<Option<Hold>>;
}
