//! What is sent of venues.

use boxoffice_http::openapi::texts;
use domain::venues::RawVenue;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Change;

/// A new venue; or one said anew, whose slug stays unless it is said.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[schema(as = NewVenue)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::manage) struct NewVenueBody {
    #[schema(schema_with = texts::slug_or_null, required = false)]
    slug: Option<String>,
    #[schema(schema_with = texts::line::<2, 100>, required = true)]
    name: Option<String>,
    #[schema(schema_with = texts::text_or_null, required = false)]
    description: Option<String>,
    #[schema(schema_with = texts::line::<2, 200>, required = true)]
    address: Option<String>,
    #[schema(schema_with = texts::line::<2, 100>, required = true)]
    city: Option<String>,
    #[schema(schema_with = texts::code::<2>, required = true)]
    country: Option<String>,
    #[schema(schema_with = texts::time_zone, required = true)]
    time_zone: Option<String>,
    #[schema(required = true, nullable = false, minimum = 1, maximum = 100_000_000)]
    capacity: Option<u32>,
}

impl From<NewVenueBody> for RawVenue {
    fn from(body: NewVenueBody) -> Self {
        let NewVenueBody { slug, name, description, address, city, country, time_zone, capacity } = body;
        Self { slug, name, description, address, city, country, time_zone, capacity }
    }
}

/// What is to change of a venue. What is left out stays; `null` is as if a new venue did not say it.
#[derive(Clone, Deserialize, ToSchema)]
#[schema(as = VenueChange)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::manage) struct VenueChangeBody {
    #[serde(default)]
    #[schema(schema_with = texts::slug_or_null, required = false)]
    slug: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::line::<2, 100>, required = false)]
    name: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::text_or_null, required = false)]
    description: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::line::<2, 200>, required = false)]
    address: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::line::<2, 100>, required = false)]
    city: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::code::<2>, required = false)]
    country: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::time_zone, required = false)]
    time_zone: Change<String>,
    #[serde(default)]
    #[schema(value_type = u32, minimum = 1, maximum = 100_000_000)]
    capacity: Change<u32>,
}

impl VenueChangeBody {
    pub(in crate::manage) fn over(self, raw: RawVenue) -> RawVenue {
        RawVenue {
            slug: self.slug.over(raw.slug),
            name: self.name.over(raw.name),
            description: self.description.over(raw.description),
            address: self.address.over(raw.address),
            city: self.city.over(raw.city),
            country: self.country.over(raw.country),
            time_zone: self.time_zone.over(raw.time_zone),
            capacity: self.capacity.over(raw.capacity),
        }
    }
}
