//! Seat maps, as organizers draw their own and admins those of the house. A map has versions that never change; each event sells
//! one of them.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Changed, Expected, Manager};
use crate::{
    events::EventStatus,
    ids::{AccountId, EventId, SeatMapId, SeatMapVersionId, SectionId, TicketTypeId, VenueId},
    lists::{ListQuery, Page},
    repositories::Found,
    seat_maps::{Seat, drawing::Drawing, layout::Layout},
    text,
    validation::{FieldError, FieldErrors},
};

/// Most versions of a map.
pub const VERSIONS_MAX: u32 = 100;
/// Most seats of one organizer, over all versions of all maps: each version has rows of its own, and the largest house has 100,000.
pub const SEATS_OF_ORGANIZER_MAX: i64 = 1_000_000;
/// Most events that are named among those that use a version.
pub const EVENTS_SHOWN_MAX: u32 = 100;
/// Most seats that are named among those that a version would move.
pub const SEATS_SHOWN_MAX: usize = 50;

/// What can be said of a seat map, other than where the seats are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatMapFields {
    /// 2 to 100 characters.
    pub name: String,
    /// At most 10,000 characters.
    pub description: String,
}

impl SeatMapFields {
    /// Checks both. What is the same as `before` stays.
    pub fn parse(
        name: Option<String>,
        description: Option<String>,
        before: Option<&ManagedSeatMap>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let name = errors
            .change(name, before.map(|was| &was.name), |said| text::line("name", &said.unwrap_or_default(), 2..=100));
        let description = errors.change(description, before.map(|was| &was.description), |said| {
            text::text("description", &said.unwrap_or_default())
        });
        errors.finish(name.zip(description).map(|(name, description)| Self { name, description }))
    }
}

#[derive(Clone, Debug)]
pub struct NewSeatMap {
    /// Its id; also that of its first version.
    pub id: SeatMapId,
    /// Where the seats are.
    pub venue_id: VenueId,
    /// Whose it will be; nobody's is the house's.
    pub organizer_id: Option<AccountId>,
    pub fields: SeatMapFields,
}

/// A seat map as those see it who may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedSeatMap {
    pub id: SeatMapId,
    /// Where the seats are.
    pub venue_id: VenueId,
    /// Whose it is; nobody's is the house's.
    pub organizer_id: Option<AccountId>,
    pub name: String,
    pub description: String,
    /// The number of its last version.
    pub latest: u32,
    pub created_at: Timestamp,
    /// When it last changed; a new version is a change.
    pub updated_at: Timestamp,
    /// Grows with each change.
    pub revision: i32,
}

/// One version, without its seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatMapVersion {
    pub id: SeatMapVersionId,
    pub map: SeatMapId,
    /// Counted from 1.
    pub number: u32,
    pub created_at: Timestamp,
    /// How many events use it, as far as the caller may see them.
    pub events: u64,
}

/// An event that uses a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsingEvent {
    pub id: EventId,
    pub title: String,
    /// Where it is in its life.
    pub status: EventStatus,
    pub starts_at: Timestamp,
}

/// An event's way from one version of its map to another.
#[derive(Clone, Debug)]
pub struct Move {
    /// What it sells now.
    pub from: SeatMapVersionId,
    /// What it is to sell.
    pub to: SeatMapVersionId,
    /// The seats that `to` does not have as `from` has them: nobody may have one.
    pub changed: Vec<Seat>,
    /// The sections of `to`.
    pub sections: Vec<SectionId>,
}

/// A ticket type that has lost sections, because its event has moved to a version that does not have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionsLost {
    pub ticket_type: TicketTypeId,
    pub name: String,
    /// The sections that it sells no more.
    pub sections: Vec<SectionId>,
}

/// Seats that somebody has, and that would not be where they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{count} seats are held, blocked or sold, and the version does not have them as they are")]
pub struct SeatsMoved {
    pub count: usize,
    /// The first [`SEATS_SHOWN_MAX`] of them.
    pub seats: Vec<Seat>,
}

impl SeatsMoved {
    /// What stands against a move, given those of `changed` that somebody has.
    pub fn of(taken: Vec<Seat>) -> Self {
        let count = taken.len();
        let mut seats = taken;
        seats.truncate(SEATS_SHOWN_MAX);
        Self { count, seats }
    }
}

/// Seat maps. Organizers see their own and those of the house, and change their own.
#[async_trait]
pub trait SeatMapManagement: Send + Sync {
    /// A page of the maps that `by` may see.
    async fn seat_maps(&self, by: &Manager, query: &ListQuery) -> Found<Page<ManagedSeatMap>>;

    async fn seat_map(&self, by: &Manager, id: SeatMapId) -> Found<Option<ManagedSeatMap>>;

    /// The versions of a map, oldest first.
    async fn seat_map_versions(&self, by: &Manager, map: SeatMapId) -> Found<Vec<SeatMapVersion>>;

    /// The map and number of a version.
    async fn seat_map_version(&self, id: SeatMapVersionId) -> Found<Option<(SeatMapId, String, u32)>>;

    /// The first events that use a version, soonest first, among those that `by` may see.
    async fn events_with(&self, by: &Manager, version: SeatMapVersionId) -> Found<Vec<UsingEvent>>;

    /// The seats of a version.
    async fn drawing(&self, version: SeatMapVersionId) -> Found<Drawing>;

    /// Adds a map with its first version. Does nothing when it is there already.
    async fn add_seat_map(&self, by: &Manager, new: &NewSeatMap, layout: &Layout) -> Changed;

    /// Changes what is said of a map.
    async fn update_seat_map(&self, by: &Manager, id: SeatMapId, expected: Expected, fields: &SeatMapFields)
    -> Changed;

    /// Adds a version after the last. Does nothing when it is there already.
    async fn add_version(
        &self,
        by: &Manager,
        map: SeatMapId,
        expected: Expected,
        id: SeatMapVersionId,
        layout: &Layout,
    ) -> Changed;

    /// Deletes a map that no event uses: from then on nobody sees it. What it leaves, the upkeep removes.
    async fn delete_seat_map(&self, by: &Manager, id: SeatMapId, expected: Expected) -> Changed;

    /// Has an event sell another version of its map. Expects that the event's inventory is paused. Ticket types lose the
    /// sections that there are no more; gives those that have lost some, in the organizer's order.
    async fn move_event(
        &self,
        by: &Manager,
        event: EventId,
        expected: Expected,
        to: &Move,
    ) -> Changed<Vec<SectionsLost>>;
}

/// A number of a version as it stands in a path or a body.
pub fn version_number(number: u32) -> Result<u32, FieldError> {
    if (1..=VERSIONS_MAX).contains(&number) {
        return Ok(number);
    }
    Err(FieldError::new("version", "OUT_OF_RANGE", "must be from 1 to 100"))
}
