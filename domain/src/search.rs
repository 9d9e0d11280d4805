//! What the public finds in the catalogue.

use rust_decimal::Decimal;

use crate::{
    events::{Event, EventTag},
    lists::ListQuery,
    venues::Venue,
};

/// Whether a query for events means only what is not over yet: one for a time, or for what is archived, asks for that.
pub fn leaves_out_what_is_over(query: &ListQuery) -> bool {
    let asks_for_a_time = ["from", "to", "endsFrom", "endsTo"].iter().any(|name| query.get(name).is_some());
    !asks_for_a_time && query.text("status") != Some("ARCHIVED")
}

/// An event as a list shows it.
#[derive(Debug)]
pub struct EventSummary {
    /// The event; lists leave its description out.
    pub event: Event,
    /// Where it happens; lists leave its description out.
    pub venue: Venue,
    /// By what it is found.
    pub tags: Vec<EventTag>,
    /// Prices of the cheapest and of the dearest ticket type; nothing without any.
    pub prices: Option<(Decimal, Decimal)>,
}

/// A word that published events that are not over have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    pub slug: String,
    pub name: String,
    /// How many published events that are not over have it.
    pub events: u64,
}
