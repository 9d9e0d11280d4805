//! Events in JSON, as their organizers, and admins, write and see them.

use boxoffice_http::openapi::texts;
use domain::{
    events::managed::RefundCounts,
    events::{EventStatus, fields::RawEvent},
    ids::{AccountId, EventId, SeatMapId, SeriesId, VenueId},
    management::events::{Cancellation, ManagedEvent},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    bodies::{Patched, body},
    instants,
};

body! {
    /// A new event; or one that is replaced, whose slug and organizer stay unless they are said.
    #[schema(as = NewEvent)]
    EventBody over RawEvent {
        #[schema(schema_with = texts::line::<2, 100>, required = true)]
        title: String,
        #[schema(schema_with = texts::slug_or_null)]
        slug: String,
        #[schema(schema_with = texts::line_or_null::<500>)]
        summary: String,
        #[schema(schema_with = texts::text_or_null)]
        description: String,
        #[schema(schema_with = texts::line::<2, 100>, required = true)]
        category: String,
        #[schema(value_type = VenueId, required = true)]
        venue_id: VenueId,
        /// One of the venue's; `null` for an event without seats.
        #[schema(value_type = Option<SeatMapId>)]
        seat_map_id: SeatMapId,
        /// In the future.
        #[schema(value_type = Timestamp, required = true)]
        #[serde(deserialize_with = "instants::member")]
        starts_at: Timestamp,
        /// After that.
        #[schema(value_type = Timestamp, required = true)]
        #[serde(deserialize_with = "instants::member")]
        ends_at: Timestamp,
        #[schema(schema_with = texts::time_zone, required = true)]
        time_zone: String,
        #[schema(schema_with = texts::code::<3>, required = true)]
        currency: String,
        /// `null`: at once.
        #[schema(value_type = Option<Timestamp>)]
        #[serde(deserialize_with = "instants::member")]
        sale_starts_at: Timestamp,
        /// `null`: when the event begins, whenever that will be.
        #[schema(value_type = Option<Timestamp>)]
        #[serde(deserialize_with = "instants::member")]
        sale_ends_at: Timestamp,
        /// The most places that one account may have; `null` for no limit.
        #[schema(value_type = Option<u32>, minimum = 1, maximum = 10_000)]
        max_per_account: u32,
        /// Minimum age of guests, in years; `null` for guests of any age.
        #[schema(value_type = Option<u32>, minimum = 0, maximum = 99)]
        age_restriction: u32,
        #[schema(schema_with = texts::slugs_or_null::<20>)]
        tags: Vec<String>,
    } beside {
        /// Whose event it is; the caller's if it is not said.
        #[schema(value_type = Option<AccountId>)]
        organizer_id: AccountId,
    }
}

impl Patched for EventBody {
    const NAME: &'static str = "EventChange";
    const DESCRIPTION: &'static str =
        "What is to change of an event. What is left out stays; `null` is as if a new event did not say it.";

    fn differences() -> Value {
        json!({
            "startsAt": { "description": null },
            "endsAt": { "description": null },
            "saleStartsAt": { "description": "`null`: at once, or when it has begun." },
            "organizerId": { "description": "Whose event it is.", "type": "string" },
        })
    }
}

/// When to publish.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = PublishRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PublishBody {
    /// In the future, within ten years; left out: now.
    #[serde(default, deserialize_with = "instants::optional")]
    pub(super) at: Option<Timestamp>,
}

/// When the copy begins.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = DuplicateRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DuplicateBody {
    #[serde(deserialize_with = "instants::required")]
    pub(super) starts_at: Timestamp,
}

/// How far the bookings of a cancelled event are cancelled.
#[derive(Serialize, ToSchema)]
#[schema(as = Cancellation)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancellationJson {
    /// Bookings that were live.
    total: u64,
    /// Bookings that are cancelled.
    done: u64,
    /// What goes back to buyers because of it.
    refunds: RefundCountsJson,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    finished_at: Option<Timestamp>,
}

/// How many refunds are where. Which have failed, the list of the event's refunds says.
#[derive(Serialize, ToSchema)]
#[schema(as = RefundCounts)]
struct RefundCountsJson {
    pending: u64,
    succeeded: u64,
    /// And were not made again.
    failed: u64,
}

impl From<&Cancellation> for CancellationJson {
    fn from(of: &Cancellation) -> Self {
        let RefundCounts { pending, succeeded, failed } = of.refunds;
        let refunds = RefundCountsJson { pending, succeeded, failed };
        Self { total: of.total, done: of.done, refunds, started_at: of.started_at, finished_at: of.finished_at }
    }
}

/// By what an event is found.
#[derive(Serialize, ToSchema)]
#[schema(as = EventTag)]
struct TagJson<'a> {
    slug: &'a str,
    name: &'a str,
}

/// An event as its organizer sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = ManagedEvent)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventJson<'a> {
    id: EventId,
    slug: &'a str,
    title: &'a str,
    summary: &'a str,
    description: &'a str,
    category: &'a str,
    tags: Vec<TagJson<'a>>,
    status: EventStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    publish_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancellation: Option<CancellationJson>,
    organizer_id: AccountId,
    /// Of which series it is an occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    series_id: Option<SeriesId>,
    venue_id: VenueId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seat_map_id: Option<SeatMapId>,
    /// The number of the version of the seat map.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seat_map_version: Option<u32>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    time_zone: &'a str,
    currency: &'a str,
    sale_starts_at: Timestamp,
    sale_ends_at: Timestamp,
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

impl<'a> From<&'a ManagedEvent> for EventJson<'a> {
    fn from(managed: &'a ManagedEvent) -> Self {
        let event = &managed.event;
        Self {
            id: event.id,
            slug: &event.slug,
            title: &event.title,
            summary: &event.summary,
            description: &event.description,
            category: &event.category,
            tags: managed.tags.iter().map(|tag| TagJson { slug: &tag.slug, name: &tag.name }).collect(),
            status: event.status,
            publish_at: managed.publish_at,
            cancellation: managed.cancellation.as_ref().map(CancellationJson::from),
            organizer_id: event.organizer_id,
            series_id: event.series_id,
            venue_id: event.venue_id,
            seat_map_id: managed.seat_map.map(|(map, _)| map),
            seat_map_version: managed.seat_map.map(|(_, version)| version),
            starts_at: event.starts_at,
            ends_at: event.ends_at,
            time_zone: &event.time_zone,
            currency: event.currency.as_str(),
            sale_starts_at: event.sale.starts_at,
            sale_ends_at: event.sale.ends_at,
            max_per_account: event.max_per_account,
            age_restriction: event.age_restriction,
            created_at: event.created_at,
            updated_at: event.updated_at,
        }
    }
}
