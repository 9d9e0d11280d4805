//! Venues in JSON.

use domain::{ids::VenueId, venues::Venue};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

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
