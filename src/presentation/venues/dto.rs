//! Venues in JSON.

use domain::{ids::VenueId, repositories::VenueKey, venues::Venue};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::presentation::pagination::CursorKey;

/// A place where events happen.
#[derive(Serialize, ToSchema)]
#[schema(as = Venue)]
#[serde(rename_all = "camelCase")]
pub(in crate::presentation) struct VenueJson<'a> {
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

impl CursorKey for VenueKey {
    fn encode(&self) -> String {
        // The id has a fixed length, so it goes first; the name may hold anything.
        let name: String = self.0.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{}{name}", self.1.0.simple())
    }

    fn decode(text: &str) -> Option<Self> {
        let (id, name) = text.split_at_checked(32)?;
        let bytes = name.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        });
        // No name has a NUL, which PostgreSQL takes in no text.
        let name = String::from_utf8(bytes.collect::<Option<_>>()?).ok().filter(|name| !name.contains('\0'))?;
        Some((name, id.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let key: VenueKey = ("Große Halle / 1".to_owned(), VenueId::generate());
        assert_eq!(VenueKey::decode(&key.encode()), Some(key.clone()));
        for wrong in
            ["", "abc", &key.encode()[..33], &format!("{}zz", key.1.0.simple()), &format!("{}4100", key.1.0.simple())]
        {
            assert_eq!(VenueKey::decode(wrong), None, "{wrong:?}");
        }
    }
}
