//! Venues: the places where events happen.

use jiff::Timestamp;

use crate::ids::VenueId;

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
