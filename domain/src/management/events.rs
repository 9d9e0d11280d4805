//! Events, their ticket types, quotas and bookings, as their organizers see and change them.

use std::future::Future;

use jiff::Timestamp;

use super::{Changed, Expected, Manager};
use crate::{
    bookings::{Booking, Hold},
    events::{
        Event, EventStatus,
        fields::EventFields,
        lifecycle::Step,
        sales::{ManagedQuota, ManagedTicketType, QuotaFields, TicketTypeFields},
    },
    ids::{AccountId, BookingId, EventId, HoldId, QuotaId, SeatMapId, SeriesId, TicketTypeId},
    repositories::{Found, Page, PageRequest, Tag},
};

/// The place of an event in a list: by an instant, the id among equals.
pub type EventKey = (Timestamp, EventId);

/// How far the bookings of a cancelled event are cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// Bookings that were live when the event was cancelled.
    pub total: u64,
    /// Bookings that are cancelled, each with its mail queued.
    pub done: u64,
    /// When the event was cancelled.
    pub started_at: Timestamp,
    /// When the last booking was done.
    pub finished_at: Option<Timestamp>,
}

/// An event as its organizer sees it.
#[derive(Clone, Debug)]
pub struct ManagedEvent {
    /// What everybody may see, once it is published.
    pub event: Event,
    /// The map whose seats it sells, and the number of the version.
    pub seat_map: Option<(SeatMapId, u32)>,
    /// When it will be published, while it is scheduled.
    pub publish_at: Option<Timestamp>,
    /// By what it is found.
    pub tags: Vec<Tag>,
    /// For a cancelled event.
    pub cancellation: Option<Cancellation>,
    /// Grows with each change.
    pub revision: i32,
}

/// By what a list of events is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOrder {
    /// By their beginning, soonest first.
    StartsAt,
    /// By their beginning, latest first.
    StartsAtDescending,
    /// By their making, oldest first.
    CreatedAt,
    /// By their making, newest first.
    CreatedAtDescending,
}

impl ManagedEvent {
    /// Whether `fields` say nothing new of the event.
    pub fn says(&self, fields: &EventFields) -> bool {
        let Event { title, summary, description, category, venue_id, ends_at, time_zone, slug, .. } = &self.event;
        fields.keeps_plan(&self.event, self.seat_map.map(|(map, _)| map))
            && (&fields.title, &fields.summary, &fields.description) == (title, summary, description)
            && (&fields.category, &fields.venue_id, &fields.time_zone) == (category, venue_id, time_zone)
            && fields.ends_at == *ends_at
            && fields.slug.as_ref() == Some(slug)
            && fields.tags.len() == self.tags.len()
            && self.tags.iter().all(|tag| fields.tags.contains(&tag.slug))
    }
}

impl EventOrder {
    /// The place of an event in the list.
    pub fn key(self, event: &Event) -> EventKey {
        match self {
            Self::StartsAt | Self::StartsAtDescending => (event.starts_at, event.id),
            Self::CreatedAt | Self::CreatedAtDescending => (event.created_at, event.id),
        }
    }
}

/// Which events to list.
#[derive(Clone, Debug)]
pub struct EventFilter {
    /// In one of these.
    pub statuses: Vec<EventStatus>,
    /// With this in the title or the slug, whatever the case.
    pub q: Option<String>,
    /// Of this organizer.
    pub organizer: Option<AccountId>,
    /// Of this series.
    pub series: Option<SeriesId>,
    /// Sorted by this.
    pub order: EventOrder,
}

/// Events.
pub trait EventManagement {
    /// A page of the events that `by` may see.
    fn managed_events(
        &self,
        by: &Manager,
        filter: &EventFilter,
        page: &PageRequest<EventKey>,
    ) -> impl Future<Output = Found<Page<ManagedEvent>>> + Send;

    /// One of them.
    fn managed_event(&self, by: &Manager, id: EventId) -> impl Future<Output = Found<Option<ManagedEvent>>> + Send;

    /// Adds a draft of `organizer`'s. Does nothing when it is there already: the repetition of a request.
    fn add_event(
        &self,
        by: &Manager,
        id: EventId,
        organizer: AccountId,
        fields: &EventFields,
    ) -> impl Future<Output = Changed> + Send;

    /// Changes what is said of an event; `organizer` gives it to somebody else, and it then leaves its series.
    fn update_event(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        organizer: Option<AccountId>,
        fields: &EventFields,
    ) -> impl Future<Output = Changed> + Send;

    /// Whether `by` may have the event take the step now: what [`EventManagement::step_event`] would say, without changing or locking
    /// anything. It may differ a moment later.
    fn judge_step(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        step: Step,
    ) -> impl Future<Output = Changed<Option<SeriesId>>> + Send;

    /// Deletes a draft that nobody ever booked.
    fn delete_event(&self, by: &Manager, id: EventId, expected: Expected) -> impl Future<Output = Changed> + Send;

    /// Takes a step in the life of an event. `at` is when a scheduled one is to be published. Cancelling queues the bookings to
    /// be cancelled. Gives the event's series.
    fn step_event(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        step: Step,
        at: Option<Timestamp>,
    ) -> impl Future<Output = Changed<Option<SeriesId>>> + Send;

    /// Makes a draft `copy` of an event that begins at `starts_at`, with its ticket types, quotas, seat map and tags; all its
    /// times are shifted alike. Does nothing when the copy is there already.
    fn duplicate_event(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        copy: EventId,
        starts_at: Timestamp,
    ) -> impl Future<Output = Changed> + Send;
}

/// A block, without its places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSummary {
    /// Its id.
    pub id: HoldId,
    /// How many places.
    pub places: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What an event sells. Writers expect that the event's inventory is paused.
pub trait SalesManagement {
    /// The quotas of an event.
    fn quotas(&self, event: EventId) -> impl Future<Output = Found<Vec<ManagedQuota>>> + Send;

    /// Adds a quota.
    fn add_quota(
        &self,
        by: &Manager,
        event: EventId,
        id: QuotaId,
        fields: &QuotaFields,
    ) -> impl Future<Output = Changed> + Send;

    /// Changes a quota; refused below what is taken.
    fn update_quota(
        &self,
        by: &Manager,
        event: EventId,
        id: QuotaId,
        expected: Expected,
        fields: &QuotaFields,
    ) -> impl Future<Output = Changed> + Send;

    /// Deletes a quota that no ticket type draws on.
    fn delete_quota(
        &self,
        by: &Manager,
        event: EventId,
        id: QuotaId,
        expected: Expected,
    ) -> impl Future<Output = Changed> + Send;

    /// The ticket types of an event, in the organizer's order.
    fn ticket_types(&self, event: EventId) -> impl Future<Output = Found<Vec<ManagedTicketType>>> + Send;

    /// Adds a ticket type after the last.
    fn add_ticket_type(
        &self,
        by: &Manager,
        event: EventId,
        id: TicketTypeId,
        fields: &TicketTypeFields,
    ) -> impl Future<Output = Changed> + Send;

    /// Changes a ticket type, for bookings from now on.
    fn update_ticket_type(
        &self,
        by: &Manager,
        event: EventId,
        id: TicketTypeId,
        expected: Expected,
        fields: &TicketTypeFields,
    ) -> impl Future<Output = Changed> + Send;

    /// Deletes a ticket type that nobody ever booked or holds.
    fn delete_ticket_type(
        &self,
        by: &Manager,
        event: EventId,
        id: TicketTypeId,
        expected: Expected,
    ) -> impl Future<Output = Changed> + Send;

    /// Puts the ticket types of an event into this order, which must name each of them once. `expected` is the event's revision, which it
    /// moves on, with those of the ticket types that have another position then.
    fn order_ticket_types(
        &self,
        by: &Manager,
        event: EventId,
        expected: Expected,
        order: &[TicketTypeId],
    ) -> impl Future<Output = Changed> + Send;

    /// The blocks of an event, newest first, at most so many.
    fn blocks(&self, event: EventId, limit: u32) -> impl Future<Output = Found<Vec<BlockSummary>>> + Send;

    /// One of them, if it is still kept.
    fn block(&self, event: EventId, id: HoldId) -> impl Future<Output = Found<Option<Hold>>> + Send;
}

/// A booking with whom it is for.
#[derive(Clone, Debug)]
pub struct GuestBooking {
    /// The booking.
    pub booking: Booking,
    /// How the buyer is called.
    pub name: String,
    /// Where the buyer is reached.
    pub email: String,
    /// The names of its items' ticket types, in their order.
    pub ticket_types: Vec<String>,
}

/// Which bookings of an event to list.
#[derive(Clone, Debug, Default)]
pub struct BookingFilter {
    /// In one of these; all when empty.
    pub statuses: Vec<crate::bookings::BookingStatus>,
    /// In the name or e-mail address, or just this reference.
    pub q: Option<String>,
}

/// The bookings of an event, read only.
pub trait GuestList {
    /// A page of them, newest first, with their number if `counted`.
    fn bookings_of_event(
        &self,
        event: EventId,
        filter: &BookingFilter,
        page: &PageRequest<BookingId>,
        counted: bool,
    ) -> impl Future<Output = Found<Page<GuestBooking>>> + Send;
}

/// Work that goes on after the answer: what is due by now, the cancelling of a cancelled event's bookings, and what deleted seat maps
/// have left. Servers share it.
pub trait EventUpkeep: Send + Sync + 'static {
    /// Removes some of the seats of a deleted seat map, if there is one whose seats no hold that is kept can name. Whether there was
    /// something to remove.
    fn purge_seat_maps(&self) -> impl Future<Output = Found<bool>> + Send;

    /// The events whose time to be published has come, at most so many.
    fn due_to_publish(&self, limit: u32) -> impl Future<Output = Found<Vec<EventId>>> + Send;

    /// Publishes one of them and gives its series; nothing when it is not due any more, or another server is at it.
    fn publish_due(&self, event: EventId) -> impl Future<Output = Found<Option<Option<SeriesId>>>> + Send;

    /// Takes a cancelled event whose bookings are not all cancelled, for the time of a lease: the one that has waited longest.
    fn claim_cancellation(&self) -> impl Future<Output = Found<Option<EventId>>> + Send;

    /// The next bookings that are still to be cancelled, or are cancelled and their mail is not queued; at most so many.
    fn next_to_cancel(&self, event: EventId, limit: u32) -> impl Future<Output = Found<Vec<Booking>>> + Send;

    /// Queues a mail for each of these bookings that is cancelled by now, moves on past them, and ends the lease, in one transaction.
    /// No bookings: all are done. [`RepositoryError::Unavailable`](crate::repositories::RepositoryError::Unavailable), and nothing is
    /// done, while one of them is still open.
    fn note_cancelled(&self, event: EventId, bookings: &[BookingId]) -> impl Future<Output = Found<()>> + Send;
}
