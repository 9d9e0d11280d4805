//! What is sent of events.

use boxoffice_http::openapi::texts;
use domain::{
    events::fields::RawEvent,
    ids::{AccountId, SeatMapId, VenueId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Change;
use crate::instants;

/// A new event; or one said anew, whose slug and organizer stay unless they are said.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = NewEvent)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::manage) struct NewEventBody {
    #[schema(schema_with = texts::line::<2, 100>, required = true)]
    title: Option<String>,
    #[schema(schema_with = texts::slug_or_null, required = false)]
    slug: Option<String>,
    #[schema(schema_with = texts::line_or_null::<500>, required = false)]
    summary: Option<String>,
    #[schema(schema_with = texts::text_or_null, required = false)]
    description: Option<String>,
    /// The slug of a category.
    #[schema(schema_with = texts::line::<2, 100>, required = true)]
    category: Option<String>,
    #[schema(required = true, nullable = false)]
    venue_id: Option<VenueId>,
    /// One of the venue's; `null` for an event without seats.
    seat_map_id: Option<SeatMapId>,
    /// In the future.
    #[schema(required = true, nullable = false)]
    #[serde(default, deserialize_with = "instants::optional")]
    starts_at: Option<Timestamp>,
    /// After that.
    #[schema(required = true, nullable = false)]
    #[serde(default, deserialize_with = "instants::optional")]
    ends_at: Option<Timestamp>,
    #[schema(schema_with = texts::time_zone, required = true)]
    time_zone: Option<String>,
    #[schema(schema_with = texts::code::<3>, required = true)]
    currency: Option<String>,
    /// `null`: at once.
    #[serde(default, deserialize_with = "instants::optional")]
    sale_starts_at: Option<Timestamp>,
    /// `null`: when the event begins, whenever that will be.
    #[serde(default, deserialize_with = "instants::optional")]
    sale_ends_at: Option<Timestamp>,
    /// The most places that one account may have; `null` for no limit.
    #[schema(minimum = 1, maximum = 10_000)]
    max_per_account: Option<u32>,
    /// Slugs of tags.
    #[schema(schema_with = texts::slugs_or_null::<20>, required = false)]
    tags: Option<Vec<String>>,
    /// Whose event it is; the caller's if it is not said.
    pub(in crate::manage) organizer_id: Option<AccountId>,
}

impl From<NewEventBody> for RawEvent {
    fn from(body: NewEventBody) -> Self {
        Self {
            title: body.title,
            slug: body.slug,
            summary: body.summary,
            description: body.description,
            category: body.category,
            venue_id: body.venue_id,
            seat_map_id: body.seat_map_id,
            starts_at: body.starts_at,
            ends_at: body.ends_at,
            time_zone: body.time_zone,
            currency: body.currency,
            sale_starts_at: body.sale_starts_at,
            sale_ends_at: body.sale_ends_at,
            max_per_account: body.max_per_account,
            tags: body.tags,
        }
    }
}

/// What is to change of an event. What is left out stays; `null` is as if a new event did not say it.
#[derive(Clone, Deserialize, ToSchema)]
#[schema(as = EventChange)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::manage) struct EventChangeBody {
    #[serde(default)]
    #[schema(schema_with = texts::line::<2, 100>, required = false)]
    title: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::slug_or_null, required = false)]
    slug: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::line_or_null::<500>, required = false)]
    summary: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::text_or_null, required = false)]
    description: Change<String>,
    /// The slug of a category.
    #[serde(default)]
    #[schema(schema_with = texts::line::<2, 100>, required = false)]
    category: Change<String>,
    #[serde(default)]
    #[schema(value_type = VenueId)]
    venue_id: Change<VenueId>,
    /// One of the venue's; `null` for an event without seats.
    #[serde(default)]
    #[schema(value_type = Option<SeatMapId>)]
    seat_map_id: Change<SeatMapId>,
    #[serde(default, deserialize_with = "instants::change")]
    #[schema(value_type = Timestamp)]
    starts_at: Change<Timestamp>,
    #[serde(default, deserialize_with = "instants::change")]
    #[schema(value_type = Timestamp)]
    ends_at: Change<Timestamp>,
    #[serde(default)]
    #[schema(schema_with = texts::time_zone, required = false)]
    time_zone: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::code::<3>, required = false)]
    currency: Change<String>,
    /// `null`: at once, or when it has begun.
    #[serde(default, deserialize_with = "instants::change")]
    #[schema(value_type = Option<Timestamp>)]
    sale_starts_at: Change<Timestamp>,
    /// `null`: when the event begins, whenever that will be.
    #[serde(default, deserialize_with = "instants::change")]
    #[schema(value_type = Option<Timestamp>)]
    sale_ends_at: Change<Timestamp>,
    /// The most places that one account may have; `null` for no limit.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 10_000)]
    max_per_account: Change<u32>,
    /// Slugs of tags: all that the event is to have.
    #[serde(default)]
    #[schema(schema_with = texts::slugs_or_null::<20>, required = false)]
    tags: Change<Vec<String>>,
    /// Whose event it is.
    #[serde(default)]
    #[schema(value_type = AccountId)]
    pub(in crate::manage) organizer_id: Change<AccountId>,
}

impl EventChangeBody {
    /// The event of `raw` with what is said here.
    pub(in crate::manage) fn over(self, raw: RawEvent) -> RawEvent {
        RawEvent {
            title: self.title.over(raw.title),
            slug: self.slug.over(raw.slug),
            summary: self.summary.over(raw.summary),
            description: self.description.over(raw.description),
            category: self.category.over(raw.category),
            venue_id: self.venue_id.over(raw.venue_id),
            seat_map_id: self.seat_map_id.over(raw.seat_map_id),
            starts_at: self.starts_at.over(raw.starts_at),
            ends_at: self.ends_at.over(raw.ends_at),
            time_zone: self.time_zone.over(raw.time_zone),
            currency: self.currency.over(raw.currency),
            sale_starts_at: self.sale_starts_at.over(raw.sale_starts_at),
            sale_ends_at: self.sale_ends_at.over(raw.sale_ends_at),
            max_per_account: self.max_per_account.over(raw.max_per_account),
            tags: self.tags.over(raw.tags),
        }
    }
}
