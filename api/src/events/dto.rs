//! Events and their availability in JSON.

use domain::{
    events::{Event, EventStatus, TicketType},
    ids::{EventId, SeatId, SectionId, SeriesId, TicketTypeId, VenueId},
    inventory::{Availability, Changes, SeatState, TicketTypeAvailability},
    money::{Currency, Money},
    repositories::{EventDetail, EventTag, NextOccurrence},
    sales::SaleState,
};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::venues::dto::VenueJson;

/// Something to attend.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventJson<'a> {
    id: EventId,
    /// Its name in addresses for people.
    slug: &'a str,
    title: &'a str,
    summary: &'a str,
    category: &'a str,
    status: EventStatus,
    /// Of which series it is an occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    series_id: Option<SeriesId>,
    venue_id: VenueId,
    starts_at: Timestamp,
    ends_at: Timestamp,
    /// IANA, of the place.
    #[schema(example = "Europe/Berlin")]
    time_zone: &'a str,
    /// ISO 4217.
    #[schema(example = "EUR")]
    currency: &'a str,
    /// Whether it has seats that are sold one by one.
    seated: bool,
    sale_starts_at: Timestamp,
    sale_ends_at: Timestamp,
    /// Most places that one account may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max_per_account: Option<u32>,
    /// Minimum age of guests, in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    age_restriction: Option<u32>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Event> for EventJson<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            id: event.id,
            slug: &event.slug,
            title: &event.title,
            summary: &event.summary,
            category: &event.category,
            status: event.status,
            series_id: event.series_id,
            venue_id: event.venue_id,
            starts_at: event.starts_at,
            ends_at: event.ends_at,
            time_zone: &event.time_zone,
            currency: event.currency.as_str(),
            seated: event.seat_map_version_id.is_some(),
            sale_starts_at: event.sale.starts_at,
            sale_ends_at: event.sale.ends_at,
            max_per_account: event.max_per_account,
            age_restriction: event.age_restriction,
            created_at: event.created_at,
            updated_at: event.updated_at,
        }
    }
}

/// An event with all that one has to know before booking.
#[derive(Serialize, ToSchema)]
#[schema(as = EventDetail)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventDetailJson<'a> {
    #[serde(flatten)]
    event: EventJson<'a>,
    description: &'a str,
    venue: VenueJson<'a>,
    ticket_types: Vec<TicketTypeJson<'a>>,
    tags: Vec<TagJson<'a>>,
    /// Of an event in a series.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    occurrences: Option<OccurrencesJson<'a>>,
}

impl<'a> From<&'a EventDetail> for EventDetailJson<'a> {
    fn from(detail: &'a EventDetail) -> Self {
        let currency = detail.event.currency;
        Self {
            event: EventJson::from(&detail.event),
            description: &detail.event.description,
            venue: VenueJson::from(&detail.venue),
            ticket_types: detail.ticket_types.iter().map(|of| TicketTypeJson::new(of, currency)).collect(),
            tags: detail.tags.iter().map(|EventTag { slug, name }| TagJson { slug, name }).collect(),
            occurrences: detail.event.series_id.map(|series| OccurrencesJson {
                next: detail.next.iter().map(NextOccurrenceJson::from).collect(),
                all: format!("/api/v1/events?seriesId={series}"),
            }),
        }
    }
}

/// The others of an event's series.
#[derive(Serialize, ToSchema)]
#[schema(as = Occurrences)]
struct OccurrencesJson<'a> {
    /// The next that are published and have not begun, soonest first, without this one; at most ten.
    next: Vec<NextOccurrenceJson<'a>>,
    /// Where all that are published and not over are listed.
    #[schema(example = "/api/v1/events?seriesId=0198c0de-7d4c-7a10-8000-5a3c1f0e9b21")]
    all: String,
}

/// Another occurrence of an event's series.
#[derive(Serialize, ToSchema)]
#[schema(as = NextOccurrence)]
#[serde(rename_all = "camelCase")]
struct NextOccurrenceJson<'a> {
    id: EventId,
    slug: &'a str,
    title: &'a str,
    starts_at: Timestamp,
    ends_at: Timestamp,
}

impl<'a> From<&'a NextOccurrence> for NextOccurrenceJson<'a> {
    fn from(of: &'a NextOccurrence) -> Self {
        Self { id: of.id, slug: &of.slug, title: &of.title, starts_at: of.starts_at, ends_at: of.ends_at }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Tag)]
pub(super) struct TagJson<'a> {
    pub(super) slug: &'a str,
    pub(super) name: &'a str,
}

/// A kind of ticket of one event.
#[derive(Serialize, ToSchema)]
#[schema(as = TicketType)]
#[serde(rename_all = "camelCase")]
struct TicketTypeJson<'a> {
    id: TicketTypeId,
    name: &'a str,
    description: &'a str,
    price: Money,
    seated: bool,
    /// The sections whose seats it sells, by their ids on the seat map; left out for general admission.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    sections: &'a [SectionId],
    min_per_booking: u32,
    max_per_booking: u32,
    sale_starts_at: Timestamp,
    sale_ends_at: Timestamp,
}

impl<'a> TicketTypeJson<'a> {
    fn new(ticket_type: &'a TicketType, currency: Currency) -> Self {
        Self {
            id: ticket_type.id,
            name: &ticket_type.name,
            description: &ticket_type.description,
            price: Money::new(ticket_type.price, currency),
            seated: ticket_type.seated,
            sections: &ticket_type.sections,
            min_per_booking: ticket_type.min_per_booking,
            max_per_booking: ticket_type.max_per_booking,
            sale_starts_at: ticket_type.sale.starts_at,
            sale_ends_at: ticket_type.sale.ends_at,
        }
    }
}

/// What of an event can be bought.
#[derive(Serialize, ToSchema)]
#[schema(as = TicketTypes)]
pub(super) struct TicketTypeListJson<'a> {
    /// In their order.
    data: Vec<TicketTypeJson<'a>>,
}

impl<'a> TicketTypeListJson<'a> {
    pub(super) fn new(ticket_types: &'a [TicketType], currency: Currency) -> Self {
        Self { data: ticket_types.iter().map(|of| TicketTypeJson::new(of, currency)).collect() }
    }
}

/// What is left of an event.
#[derive(Serialize, ToSchema)]
#[schema(as = Availability)]
#[serde(rename_all = "camelCase")]
pub(super) struct AvailabilityJson<'a> {
    event_id: EventId,
    /// Where the event is in its life: nothing of one that is cancelled or over can be bought.
    status: EventStatus,
    /// Grows with every change.
    version: i64,
    as_of: Timestamp,
    ticket_types: Vec<PlacesJson>,
    /// Those of a seated event, in the order of the map; with `seats=true` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<SeatJson>>, nullable = false)]
    seats: Option<SeatsJson<'a>>,
}

impl<'a> AvailabilityJson<'a> {
    pub(super) fn new(availability: &'a Availability, with_seats: bool, exact: bool) -> Self {
        Self::of(availability, with_seats.then_some(SeatsJson { availability, state: |state| state }), exact)
    }

    /// As the ledger has it: without what decisions on their way have taken.
    pub(super) fn in_ledger(availability: &'a Availability, with_seats: bool, exact: bool) -> Self {
        Self::of(availability, with_seats.then_some(SeatsJson { availability, state: SeatState::in_ledger }), exact)
    }

    fn of(availability: &'a Availability, seats: Option<SeatsJson<'a>>, exact: bool) -> Self {
        Self {
            event_id: availability.event_id,
            status: availability.status,
            version: availability.version,
            as_of: availability.as_of,
            ticket_types: availability.ticket_types.iter().map(|of| PlacesJson::new(of, exact)).collect(),
            seats,
        }
    }
}

/// What has changed since `previousVersion`.
#[derive(Serialize, ToSchema)]
#[schema(as = AvailabilityChanges)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangesJson {
    event_id: EventId,
    /// Where the event is now.
    status: EventStatus,
    version: i64,
    previous_version: i64,
    as_of: Timestamp,
    ticket_types: Vec<PlacesJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seats: Option<Vec<SeatStatusJson>>,
}

impl ChangesJson {
    pub(super) fn new(changes: &Changes, with_seats: bool, exact: bool) -> Self {
        let seats = || changes.seats.iter().map(|(id, status)| SeatStatusJson { id: *id, status: *status }).collect();
        Self {
            event_id: changes.event_id,
            status: changes.status,
            version: changes.to,
            previous_version: changes.from,
            as_of: changes.as_of,
            ticket_types: changes.ticket_types.iter().map(|of| PlacesJson::new(of, exact)).collect(),
            seats: with_seats.then(seats),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = SeatChange)]
struct SeatStatusJson {
    id: SeatId,
    status: SeatState,
}

/// The places of one ticket type. Where the site does not show how many places are left, there is `state` in place of the numbers.
#[derive(Serialize, ToSchema)]
#[schema(as = Places)]
struct PlacesJson {
    id: TicketTypeId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    state: Option<SaleState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    capacity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    held: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sold: Option<u32>,
    /// What can be bought while it is on sale: what is left of its places, or the free seats of its sections where these are fewer,
    /// as far as the limits of a booking let anybody take them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    available: Option<u32>,
}

impl PlacesJson {
    /// With the numbers, if they are shown, or with one word.
    fn new(of: &TicketTypeAvailability, exact: bool) -> Self {
        let shown = |number| exact.then_some(number);
        Self {
            id: of.id,
            state: (!exact).then(|| of.state()),
            capacity: shown(of.capacity),
            held: shown(of.held),
            sold: shown(of.sold),
            available: shown(of.available),
        }
    }
}

/// Written seat by seat, so that a large house needs no second copy in memory.
struct SeatsJson<'a> {
    availability: &'a Availability,
    /// What is shown of a seat's state.
    state: fn(SeatState) -> SeatState,
}

impl Serialize for SeatsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sellers = self.availability.sellers();
        serializer.collect_seq(self.availability.seats().map(|(seat, status)| SeatJson {
            id: seat.id,
            section: &seat.section,
            row: &seat.row,
            label: &seat.label,
            accessible: seat.accessible,
            ticket_type_ids: sellers.get(&seat.section_id).map_or(&[][..], Vec::as_slice),
            status: (self.state)(status),
        }))
    }
}

/// A seat and whether it can be had.
#[derive(Serialize, ToSchema)]
#[schema(as = Seat)]
#[serde(rename_all = "camelCase")]
struct SeatJson<'a> {
    id: SeatId,
    section: &'a str,
    row: &'a str,
    label: &'a str,
    accessible: bool,
    /// The ticket types that sell it, in the order of the event. What each of them costs, the event says.
    ticket_type_ids: &'a [TicketTypeId],
    status: SeatState,
}
