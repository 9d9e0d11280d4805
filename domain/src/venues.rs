//! Venues: the places where events happen.

use jiff::Timestamp;

use crate::{
    events::{fields::time_zone, sales::CAPACITY_MAX},
    ids::VenueId,
    text,
    validation::{FieldError, FieldErrors},
};

/// A place where events happen.
#[derive(Clone, Debug)]
pub struct Venue {
    /// Its id.
    pub id: VenueId,
    /// Unique, readable, for URLs.
    pub slug: String,
    /// What it is called.
    pub name: String,
    /// What to know of it.
    pub description: String,
    /// Street and number.
    pub address: String,
    /// City.
    pub city: String,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// IANA name.
    pub time_zone: String,
    /// The most people it may hold.
    pub capacity: u32,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Venue {
    /// Whether `fields` say nothing new of it.
    pub fn says(&self, fields: &VenueFields) -> bool {
        let VenueFields { slug, name, description, address, city, country, time_zone, capacity } = fields;
        (slug.as_ref(), name, description) == (Some(&self.slug), &self.name, &self.description)
            && (address, city, country) == (&self.address, &self.city, &self.country)
            && (time_zone, capacity) == (&self.time_zone, &self.capacity)
    }
}

/// A venue as somebody wrote it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields of `VenueFields`")]
pub struct RawVenue {
    pub slug: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub address: Option<String>,
    pub city: Option<String>,
    pub country: Option<String>,
    pub time_zone: Option<String>,
    pub capacity: Option<u32>,
}

/// What can be said of a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueFields {
    /// Chosen; otherwise it is made from the name.
    pub slug: Option<String>,
    /// 2 to 100 characters.
    pub name: String,
    /// At most 10,000 characters.
    pub description: String,
    /// 2 to 200 characters.
    pub address: String,
    /// 2 to 100 characters.
    pub city: String,
    /// Two capitals (ISO 3166-1 alpha-2).
    pub country: String,
    /// IANA name.
    pub time_zone: String,
    /// At least 1.
    pub capacity: u32,
}

impl VenueFields {
    /// Checks every field and reports every fault.
    pub fn parse(raw: RawVenue) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let slug = raw.slug.map(|slug| errors.keep(text::slug("slug", &slug)));
        let name = errors.keep(text::line("name", &raw.name.unwrap_or_default(), 2..=100));
        let description = errors.keep(text::text("description", &raw.description.unwrap_or_default()));
        let address = errors.keep(text::line("address", &raw.address.unwrap_or_default(), 2..=200));
        let city = errors.keep(text::line("city", &raw.city.unwrap_or_default(), 2..=100));
        let country = errors.keep(country(&raw.country.unwrap_or_default()));
        let time_zone = errors.keep(time_zone("timeZone", &raw.time_zone.unwrap_or_default()));
        let capacity = errors.keep(match raw.capacity {
            None => Err(FieldError::new("capacity", "REQUIRED", "is required")),
            Some(capacity @ 1..=CAPACITY_MAX) => Ok(capacity),
            Some(_) => Err(FieldError::new("capacity", "OUT_OF_RANGE", "must be from 1 to 100,000,000")),
        });
        let valid = || {
            Some(Self {
                slug: match slug {
                    Some(slug) => Some(slug?),
                    None => None,
                },
                name: name?,
                description: description?,
                address: address?,
                city: city?,
                country: country?,
                time_zone: time_zone?,
                capacity: capacity?,
            })
        };
        errors.finish(valid())
    }
}

impl From<Venue> for RawVenue {
    fn from(venue: Venue) -> Self {
        Self {
            slug: Some(venue.slug),
            name: Some(venue.name),
            description: Some(venue.description),
            address: Some(venue.address),
            city: Some(venue.city),
            country: Some(venue.country),
            time_zone: Some(venue.time_zone),
            capacity: Some(venue.capacity),
        }
    }
}

fn country(code: &str) -> Result<String, FieldError> {
    match code.trim() {
        "" => Err(FieldError::new("country", "REQUIRED", "is required")),
        code if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(code.to_owned()),
        _ => Err(FieldError::new("country", "INVALID", "must be a code of ISO 3166-1 such as DE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_venue_is_reported() {
        let named =
            |raw| VenueFields::parse(raw).unwrap_err().iter().map(|error| error.field.to_string()).collect::<Vec<_>>();
        let all = ["name", "address", "city", "country", "timeZone", "capacity"];
        assert_eq!(named(RawVenue::default()), all);
        let wrong = RawVenue {
            slug: Some("a b".to_owned()),
            country: Some("de".to_owned()),
            capacity: Some(0),
            ..RawVenue::default()
        };
        assert_eq!(named(wrong), ["slug", "name", "address", "city", "country", "timeZone", "capacity"]);
    }
}
