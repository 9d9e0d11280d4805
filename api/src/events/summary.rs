//! Events of a list, facets and sale states in JSON.

use domain::{
    ids::{EventId, VenueId},
    money::Money,
    repositories::EventTag,
    sales::{EventSales, SaleState},
    search::{EventSummary, Facet},
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::dto::{EventJson, TagJson};

/// An event as a list shows it. Nothing here changes with a booking, so that an answer that was kept for a while tells no lies.
#[derive(Serialize, ToSchema)]
#[schema(as = EventSummary)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventSummaryJson<'a> {
    #[serde(flatten)]
    event: EventJson<'a>,
    venue: VenueNameJson<'a>,
    tags: Vec<TagJson<'a>>,
    /// Of the cheapest ticket type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    min_price: Option<Money>,
    /// Of the dearest ticket type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max_price: Option<Money>,
}

impl<'a> From<&'a EventSummary> for EventSummaryJson<'a> {
    fn from(summary: &'a EventSummary) -> Self {
        let money = |amount| Money::new(amount, summary.event.currency);
        let venue = &summary.venue;
        Self {
            event: EventJson::from(&summary.event),
            venue: VenueNameJson {
                id: venue.id,
                slug: &venue.slug,
                name: &venue.name,
                city: &venue.city,
                country: &venue.country,
            },
            tags: summary.tags.iter().map(|EventTag { slug, name }| TagJson { slug, name }).collect(),
            min_price: summary.prices.map(|(lowest, _)| money(lowest)),
            max_price: summary.prices.map(|(_, highest)| money(highest)),
        }
    }
}

/// Where an event happens, in short.
#[derive(Serialize, ToSchema)]
#[schema(as = VenueName)]
struct VenueNameJson<'a> {
    id: VenueId,
    slug: &'a str,
    name: &'a str,
    city: &'a str,
    country: &'a str,
}

/// A value of a filter, and how many published events that are not over have it.
#[derive(Serialize, ToSchema)]
#[schema(as = Facet)]
pub(super) struct FacetJson<'a> {
    slug: &'a str,
    name: &'a str,
    events: u64,
}

impl<'a> From<&'a Facet> for FacetJson<'a> {
    fn from(Facet { slug, name, events }: &'a Facet) -> Self {
        Self { slug, name, events: *events }
    }
}

/// All values of a filter.
#[derive(Serialize, ToSchema)]
#[schema(as = Facets)]
pub(super) struct FacetsJson<'a> {
    data: Vec<FacetJson<'a>>,
}

impl<'a> From<&'a [Facet]> for FacetsJson<'a> {
    fn from(facets: &'a [Facet]) -> Self {
        Self { data: facets.iter().map(FacetJson::from).collect() }
    }
}

/// How events sell at one moment.
#[derive(Serialize, ToSchema)]
#[schema(as = Sales)]
#[serde(rename_all = "camelCase")]
pub(super) struct SalesJson {
    as_of: Timestamp,
    data: Vec<EventSalesJson>,
}

/// How one event sells.
#[derive(Serialize, ToSchema)]
#[schema(as = EventSales)]
#[serde(rename_all = "camelCase")]
struct EventSalesJson {
    event_id: EventId,
    status: SaleState,
}

impl SalesJson {
    pub(super) fn new(as_of: Timestamp, sales: &[EventSales]) -> Self {
        let data = sales.iter().map(|of| EventSalesJson { event_id: of.event_id, status: of.state });
        Self { as_of, data: data.collect() }
    }
}
