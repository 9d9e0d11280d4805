//! Venues in JSON.

use boxoffice_http::openapi::texts;
use domain::{
    ids::VenueId,
    venues::{RawVenue, Venue},
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::bodies::{Patched, body};

body! {
    /// A new venue; or one that is replaced, whose slug stays unless it is said.
    #[schema(as = NewVenue)]
    VenueBody over RawVenue {
        #[schema(schema_with = texts::slug_or_null)]
        slug: String,
        #[schema(schema_with = texts::line::<2, 100>, required = true)]
        name: String,
        #[schema(schema_with = texts::text_or_null)]
        description: String,
        #[schema(schema_with = texts::line::<2, 200>, required = true)]
        address: String,
        #[schema(schema_with = texts::line::<2, 100>, required = true)]
        city: String,
        #[schema(schema_with = texts::code::<2>, required = true)]
        country: String,
        #[schema(schema_with = texts::time_zone, required = true)]
        time_zone: String,
        #[schema(value_type = u32, required = true, minimum = 1, maximum = 100_000_000)]
        capacity: u32,
    }
}

impl Patched for VenueBody {
    const NAME: &'static str = "VenueChange";
    const DESCRIPTION: &'static str =
        "What is to change of a venue. What is left out stays; `null` is as if a new venue did not say it.";
}

/// A place where events happen.
#[derive(Serialize, ToSchema)]
#[schema(as = Venue)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VenueJson<'a> {
    id: VenueId,
    /// Its name in addresses for people.
    slug: &'a str,
    name: &'a str,
    description: &'a str,
    address: &'a str,
    city: &'a str,
    /// ISO 3166-1, two letters.
    country: &'a str,
    /// IANA.
    #[schema(example = "Europe/Berlin")]
    time_zone: &'a str,
    /// How many people fit in.
    capacity: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Venue> for VenueJson<'a> {
    fn from(venue: &'a Venue) -> Self {
        Self {
            id: venue.id,
            slug: &venue.slug,
            name: &venue.name,
            description: &venue.description,
            address: &venue.address,
            city: &venue.city,
            country: &venue.country,
            time_zone: &venue.time_zone,
            capacity: venue.capacity,
            created_at: venue.created_at,
            updated_at: venue.updated_at,
        }
    }
}
