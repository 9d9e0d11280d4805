//! Row mapping of events and venues.

use std::sync::LazyLock;

use domain::{
    events::Event,
    ids::{EventId, VenueId},
    repositories::{EventTag, NextOccurrence},
    search::EventSummary,
    venues::Venue,
};
use rust_decimal::Decimal;
use tokio_postgres::Row;

use super::super::event_columns::{event, selected};
use crate::postgres::rows::{self, StoreError};

const TAGS: &str = "ARRAY(SELECT t.slug FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE x.event_id = e.id ORDER BY t.name, t.id) AS tag_slugs, \
    ARRAY(SELECT t.name FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE x.event_id = e.id ORDER BY t.name, t.id) AS tag_names";

/// The venue `v` beside the event `e`, with something in place of their descriptions unless they are to be shown.
fn columns(event_description: &str, venue_description: &str) -> String {
    let event = selected(event_description);
    format!(
        "{event}, v.slug AS venue_slug, v.name AS venue_name, {venue_description} AS venue_description, v.address, v.city, \
         v.country::text AS country, v.time_zone AS venue_time_zone, v.capacity, v.created_at AS venue_created_at, \
         v.updated_at AS venue_updated_at, {TAGS}"
    )
}

/// Columns for [`event_with_venue`] and [`tags`].
pub(super) static DETAIL_COLUMNS: LazyLock<String> = LazyLock::new(|| columns("e.description", "v.description"));

/// Columns for [`summary`].
pub(super) static SUMMARY_COLUMNS: LazyLock<String> =
    LazyLock::new(|| format!("{}, l.price_min, l.price_max", columns("''", "''")));

/// Columns for [`venue`].
pub(in super::super) const VENUE_COLUMNS: &str = "v.id, v.slug, v.name, v.description, v.address, v.city, v.country::text AS country, \
    v.time_zone, v.capacity, v.created_at, v.updated_at";

/// An event and where it happens.
pub(super) fn event_with_venue(row: &Row) -> Result<(Event, Venue), StoreError> {
    let event = event(row)?;
    let venue = Venue {
        id: event.venue_id,
        slug: row.try_get("venue_slug")?,
        name: row.try_get("venue_name")?,
        description: row.try_get("venue_description")?,
        address: row.try_get("address")?,
        city: row.try_get("city")?,
        country: row.try_get("country")?,
        time_zone: row.try_get("venue_time_zone")?,
        capacity: rows::unsigned(row, "capacity")?,
        created_at: row.try_get("venue_created_at")?,
        updated_at: row.try_get("venue_updated_at")?,
    };
    Ok((event, venue))
}

/// Another occurrence of an event's series.
pub(super) fn next_occurrence(row: &Row) -> Result<NextOccurrence, StoreError> {
    Ok(NextOccurrence {
        id: EventId(row.try_get("id")?),
        slug: row.try_get("slug")?,
        title: row.try_get("title")?,
        starts_at: row.try_get("starts_at")?,
        ends_at: row.try_get("ends_at")?,
    })
}

/// By what an event is found.
pub(super) fn tags(row: &Row) -> Result<Vec<EventTag>, StoreError> {
    let (slugs, names): (Vec<String>, Vec<String>) = (row.try_get("tag_slugs")?, row.try_get("tag_names")?);
    Ok(slugs.into_iter().zip(names).map(|(slug, name)| EventTag { slug, name }).collect())
}

/// An event as a list shows it.
pub(super) fn summary(row: &Row) -> Result<EventSummary, StoreError> {
    let (event, venue) = event_with_venue(row)?;
    let lowest: Option<Decimal> = row.try_get("price_min")?;
    let highest: Option<Decimal> = row.try_get("price_max")?;
    Ok(EventSummary { event, venue, tags: tags(row)?, prices: lowest.zip(highest) })
}

pub(in super::super) fn venue(row: &Row) -> Result<Venue, StoreError> {
    Ok(Venue {
        id: VenueId(row.try_get("id")?),
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        address: row.try_get("address")?,
        city: row.try_get("city")?,
        country: row.try_get("country")?,
        time_zone: row.try_get("time_zone")?,
        capacity: rows::unsigned(row, "capacity")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
