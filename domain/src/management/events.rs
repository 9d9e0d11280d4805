//! Events, their ticket types, quotas and bookings, as their organizers see and change them.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Changed, Expected, Manager};
pub use crate::events::managed::{Cancellation, ManagedEvent};
use crate::{
    bookings::{Booking, Hold, Item},
    events::{
        fields::EventFields,
        lifecycle::Step,
        offering::Offering,
        sales::{ManagedQuota, ManagedTicketType, QuotaFields, TicketTypeFields},
    },
    ids::{AccountId, BookingId, EventId, HoldId, QuotaId, SeriesId, TicketTypeId},
    lists::{ListQuery, Page},
    payments::books::PaidBooking,
    repositories::{EventNames, Found},
};

/// Most events of one organizer that are not public yet.
pub const DRAFTS_MAX: i64 = 2_000;

#[async_trait]
pub trait EventManagement: Send + Sync {
    /// A page of the events that `by` may see.
    async fn managed_events(&self, by: &Manager, query: &ListQuery) -> Found<Page<ManagedEvent>>;

    async fn managed_event(&self, by: &Manager, id: EventId) -> Found<Option<ManagedEvent>>;

    /// Adds a draft of `organizer`'s. Does nothing when it is there already: the repetition of a request.
    async fn create_event(&self, by: &Manager, id: EventId, organizer: AccountId, fields: &EventFields) -> Changed;

    /// Changes what is said of an event; `organizer` gives it to somebody else, and it then leaves its series.
    async fn update_event(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        organizer: Option<AccountId>,
        fields: &EventFields,
    ) -> Changed;

    /// Deletes a draft that nobody ever booked.
    async fn delete_event(&self, by: &Manager, id: EventId, expected: Expected) -> Changed;

    /// Makes a draft `copy` of an event that begins at `starts_at`, with its ticket types, quotas, seat map and tags; all its
    /// times are shifted alike. Does nothing when the copy is there already.
    async fn duplicate_event(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        copy: EventId,
        starts_at: Timestamp,
    ) -> Changed;
}

/// The steps in the life of an event.
#[async_trait]
pub trait EventLifeCycle: Send + Sync {
    /// Whether `by` may have the event take the step now: what [`EventLifeCycle::step_event`] would say, without changing or locking
    /// anything. It may differ a moment later.
    async fn judge_step(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        step: Step,
        at: Option<Timestamp>,
    ) -> Changed<Option<SeriesId>>;

    /// Takes a step in the life of an event. `at` is when a scheduled one is to be published. Cancelling queues the bookings to
    /// be cancelled. Gives the event's series.
    async fn step_event(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        step: Step,
        at: Option<Timestamp>,
    ) -> Changed<Option<SeriesId>>;
}

/// A block, without its places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSummary {
    pub id: HoldId,
    pub places: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[async_trait]
pub trait OfferingRepository: Send + Sync {
    /// An event with all that it sells, for the rules between them. Writers ask it within their transactions, too, and refuse with
    /// [`Conflict::Broken`](super::Conflict::Broken).
    async fn offering(&self, event: EventId) -> Found<Option<Offering>>;
}

/// Writers expect that the event's inventory is paused.
#[async_trait]
pub trait QuotaManagement: Send + Sync {
    /// The quotas of an event.
    async fn quotas(&self, event: EventId) -> Found<Vec<ManagedQuota>>;

    async fn create_quota(&self, by: &Manager, event: EventId, id: QuotaId, fields: &QuotaFields) -> Changed;

    /// Changes a quota; refused below what is taken.
    async fn update_quota(
        &self,
        by: &Manager,
        event: EventId,
        id: QuotaId,
        expected: Expected,
        fields: &QuotaFields,
    ) -> Changed;

    /// Deletes a quota that no ticket type draws on.
    async fn delete_quota(&self, by: &Manager, event: EventId, id: QuotaId, expected: Expected) -> Changed;
}

/// Writers expect that the event's inventory is paused.
#[async_trait]
pub trait TicketTypeManagement: Send + Sync {
    /// The ticket types of an event, in the organizer's order.
    async fn ticket_types(&self, event: EventId) -> Found<Vec<ManagedTicketType>>;

    /// Adds a ticket type after the last.
    async fn create_ticket_type(
        &self,
        by: &Manager,
        event: EventId,
        id: TicketTypeId,
        fields: &TicketTypeFields,
    ) -> Changed;

    /// Changes a ticket type, for bookings from now on.
    async fn update_ticket_type(
        &self,
        by: &Manager,
        event: EventId,
        id: TicketTypeId,
        expected: Expected,
        fields: &TicketTypeFields,
    ) -> Changed;

    /// Deletes a ticket type that nobody ever booked or holds.
    async fn delete_ticket_type(&self, by: &Manager, event: EventId, id: TicketTypeId, expected: Expected) -> Changed;

    /// Puts the ticket types of an event into this order, which must name each of them once. `expected` is the event's revision, which it
    /// moves on, with those of the ticket types that have another position then.
    async fn order_ticket_types(
        &self,
        by: &Manager,
        event: EventId,
        expected: Expected,
        order: &[TicketTypeId],
    ) -> Changed;
}

#[async_trait]
pub trait BlockRepository: Send + Sync {
    /// The blocks of an event, newest first, at most so many.
    async fn blocks(&self, event: EventId, limit: u32) -> Found<Vec<BlockSummary>>;

    /// One of them, if it is still kept.
    async fn block(&self, event: EventId, id: HoldId) -> Found<Option<Hold>>;
}

/// A booking with whom it is for.
#[derive(Clone, Debug)]
pub struct GuestBooking {
    pub booking: Booking,
    /// How the buyer is called.
    pub name: String,
    /// Where the buyer is reached.
    pub email: String,
    /// What its event is called; the same for all of a page. Nothing when that is not known.
    pub names: Option<Arc<EventNames>>,
}

impl GuestBooking {
    /// What the ticket type of one of its items is called.
    pub fn ticket_type(&self, item: &Item) -> &str {
        let name = self.names.as_ref().and_then(|names| names.ticket_types.get(&item.ticket_type_id));
        name.map_or("", String::as_str)
    }
}

/// The bookings of an event, read only.
#[async_trait]
pub trait GuestList: Send + Sync {
    /// A booking of an event that `by` may see.
    async fn guest_booking(&self, by: &Manager, id: BookingId) -> Found<Option<GuestBooking>>;

    /// A page of them, newest first, with their number if `counted`.
    async fn bookings_of_event(&self, event: EventId, query: &ListQuery, counted: bool) -> Found<Page<GuestBooking>>;
}

/// What became of an event whose time to be published has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publishing {
    /// It is published; its series.
    Published(Option<SeriesId>),
    /// It breaks rules, for these reasons: it is a draft again, and a mail to its organizer is queued.
    Withdrawn(Vec<String>),
}

/// Work that goes on after the answer: what is due by now, the cancelling of a cancelled event's bookings, and what deleted seat maps
/// have left. Servers share it.
#[async_trait]
pub trait EventUpkeep: Send + Sync + 'static {
    /// Removes some of the seats of a deleted seat map, if there is one whose seats no hold that is kept can name. Whether there was
    /// something to remove.
    async fn purge_seat_maps(&self) -> Found<bool>;

    /// The events whose time to be published has come, at most so many.
    async fn due_to_publish(&self, limit: u32) -> Found<Vec<EventId>>;

    /// Publishes one of them, unless it breaks a rule; nothing when it is not due any more, or another server is at it.
    async fn publish_due(&self, event: EventId) -> Found<Option<Publishing>>;

    /// Takes a cancelled event whose bookings are not all cancelled, for the time of a lease: the one that has waited longest.
    async fn claim_cancellation(&self) -> Found<Option<EventId>>;

    /// Of these bookings, those that are paid.
    async fn paid_of(&self, bookings: &[BookingId]) -> Found<HashMap<BookingId, PaidBooking>>;

    /// The next bookings that are still to be cancelled, or are cancelled and their mail is not queued; at most so many.
    async fn next_to_cancel(&self, event: EventId, limit: u32) -> Found<Vec<Booking>>;

    /// Counts those of these bookings that are cancelled by now, moves on past them, and ends the lease, in one transaction. Whose they are is
    /// told by jobs, which their commits have queued.
    /// No bookings: all are done. [`RepositoryError::Unavailable`](crate::repositories::RepositoryError::Unavailable), and nothing is
    /// done, while one of them is still open.
    async fn note_cancelled(&self, event: EventId, bookings: &[BookingId]) -> Found<()>;
}
