//! Row mapping of events and venues.

use domain::{
    events::{Event, SaleWindow},
    ids::{AccountId, EventId, SeatMapVersionId, SeriesId, VenueId},
    repositories::{EventTag, NextOccurrence},
    search::EventSummary,
    venues::Venue,
};
use rust_decimal::Decimal;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::postgres::rows::{self, StoreError};

macro_rules! event_columns {
    ($description:literal) => {
        concat!(
            "e.id, e.slug, e.organizer_id, e.series_id, e.venue_id, e.seat_map_version_id, e.title, e.summary, ",
            $description,
            " AS description, e.category, e.status::text AS status, e.starts_at, e.ends_at, e.time_zone, ",
            "e.currency::text AS currency, e.max_per_account, e.sale_starts_at, e.sale_ends_at, e.created_at, e.updated_at"
        )
    };
}

macro_rules! venue_beside_event_columns {
    ($description:literal) => {
        concat!(
            "v.slug AS venue_slug, v.name AS venue_name, ",
            $description,
            " AS venue_description, v.address, v.city, v.country::text AS country, v.time_zone AS venue_time_zone, v.capacity, ",
            "v.created_at AS venue_created_at, v.updated_at AS venue_updated_at"
        )
    };
}

/// Columns for [`event`].
pub(in super::super) const EVENT_COLUMNS: &str = event_columns!("e.description");

/// Columns for [`event_with_venue`] and [`tags`].
pub(super) const DETAIL_COLUMNS: &str = concat!(
    event_columns!("e.description"),
    ", ",
    venue_beside_event_columns!("v.description"),
    ", ARRAY(SELECT t.slug FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE x.event_id = e.id ORDER BY t.name, t.id) AS tag_slugs",
    ", ARRAY(SELECT t.name FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE x.event_id = e.id ORDER BY t.name, t.id) AS tag_names"
);

/// Columns for [`summary`].
pub(super) const SUMMARY_COLUMNS: &str = concat!(
    event_columns!("''"),
    ", ",
    venue_beside_event_columns!("''"),
    ", ARRAY(SELECT t.slug FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE x.event_id = e.id ORDER BY t.name, t.id) AS tag_slugs",
    ", ARRAY(SELECT t.name FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE x.event_id = e.id ORDER BY t.name, t.id) AS tag_names",
    ", l.price_min, l.price_max"
);

/// Columns for [`venue`].
pub(in super::super) const VENUE_COLUMNS: &str = "v.id, v.slug, v.name, v.description, v.address, v.city, v.country::text AS country, \
    v.time_zone, v.capacity, v.created_at, v.updated_at";

pub(in super::super) fn event(row: &Row) -> Result<Event, StoreError> {
    let max_per_account: Option<i32> = row.try_get("max_per_account")?;
    Ok(Event {
        id: EventId(row.try_get("id")?),
        slug: row.try_get("slug")?,
        organizer_id: AccountId(row.try_get("organizer_id")?),
        series_id: row.try_get::<_, Option<Uuid>>("series_id")?.map(SeriesId),
        venue_id: VenueId(row.try_get("venue_id")?),
        seat_map_version_id: row.try_get::<_, Option<Uuid>>("seat_map_version_id")?.map(SeatMapVersionId),
        title: row.try_get("title")?,
        summary: row.try_get("summary")?,
        description: row.try_get("description")?,
        category: row.try_get("category")?,
        status: rows::parse(row.try_get("status")?)?,
        starts_at: row.try_get("starts_at")?,
        ends_at: row.try_get("ends_at")?,
        time_zone: row.try_get("time_zone")?,
        currency: rows::parse(row.try_get("currency")?)?,
        sale: SaleWindow { starts_at: row.try_get("sale_starts_at")?, ends_at: row.try_get("sale_ends_at")? },
        max_per_account: max_per_account.and_then(|max| u32::try_from(max).ok()),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

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
