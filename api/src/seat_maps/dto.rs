//! Seat maps in JSON.

use application::manage::seat_maps::{ShownSeatMap, ShownVersion};
use boxoffice_http::openapi::texts;
use domain::{
    events::EventStatus,
    ids::{AccountId, EventId, SeatMapId, SectionId, VenueId},
    management::seat_maps::{ManagedSeatMap, SeatMapVersion, UsingEvent},
    seat_maps::{
        drawing::SectionSummary,
        layout::{self, Layout, next_position},
    },
    validation::FieldError,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bodies::Member;

/// Where the seats are: sections, the best first, with at most 100,000 seats together. Exported as it is imported.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = SeatMapLayout)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LayoutJson {
    #[schema(min_items = 1, max_items = 1000)]
    sections: Vec<SectionLayout>,
}

/// A part of the map. Ticket types sell sections.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = SectionLayout)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SectionLayout {
    /// Unlike those of all others.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// From the stage.
    #[schema(min_items = 1, max_items = 1000)]
    rows: Vec<RowLayout>,
}

/// Seats side by side.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = RowLayout)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RowLayout {
    /// Unlike those of the section's others.
    #[schema(min_length = 1, max_length = 50)]
    label: String,
    /// Counted from the stage; greater than that of the row before. Left out: one more, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    position: Option<i32>,
    /// From left to right.
    #[schema(min_items = 1, max_items = 1000)]
    seats: Vec<SeatLayout>,
}

/// One chair.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = SeatLayout)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SeatLayout {
    /// Unlike those of the row's others.
    #[schema(min_length = 1, max_length = 50)]
    label: String,
    /// In the row; greater than that of the seat before, and a gap is an aisle. Left out: one more, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    position: Option<i32>,
    /// For guests who use a wheelchair. Left out: it is not.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schema(required = false)]
    accessible: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl LayoutJson {
    /// Checks everything; `at` is where its sections are in the body.
    pub(super) fn parse(self, at: &str) -> Result<Layout, Vec<FieldError>> {
        let sections = self.sections.into_iter().map(|section| layout::Section {
            name: section.name,
            rows: placed(section.rows, |row| row.position, |row, position| row.at(position)),
        });
        Layout::parse(at, sections.collect())
    }
}

/// Each thing with its position: its own, or one more than the one before.
fn placed<T, U>(things: Vec<T>, position: impl Fn(&T) -> Option<i32>, make: impl Fn(T, i32) -> U) -> Vec<U> {
    let mut before = None;
    let at = |thing: T| {
        let position = position(&thing).unwrap_or_else(|| next_position(before));
        before = Some(position);
        make(thing, position)
    };
    things.into_iter().map(at).collect()
}

impl RowLayout {
    fn at(self, position: i32) -> layout::Row {
        let seat =
            |seat: SeatLayout, position| layout::Seat { label: seat.label, position, accessible: seat.accessible };
        layout::Row { label: self.label, position, seats: placed(self.seats, |seat| seat.position, seat) }
    }
}

/// What need not be said is not: one form for one map, and a third of the bytes.
impl From<Vec<layout::Section>> for LayoutJson {
    fn from(sections: Vec<layout::Section>) -> Self {
        let unless_next = |before: &mut Option<i32>, position: i32| {
            let next = next_position(*before);
            *before = Some(position);
            (position != next).then_some(position)
        };
        let row = |before: &mut Option<i32>, row: layout::Row| {
            let mut last = None;
            let seats = row.seats.into_iter().map(|seat| SeatLayout {
                label: seat.label,
                position: unless_next(&mut last, seat.position),
                accessible: seat.accessible,
            });
            RowLayout { label: row.label, position: unless_next(before, row.position), seats: seats.collect() }
        };
        let section = |section: layout::Section| {
            let mut before = None;
            let rows = section.rows.into_iter().map(|drawn| row(&mut before, drawn)).collect();
            SectionLayout { name: section.name, rows }
        };
        Self { sections: sections.into_iter().map(section).collect() }
    }
}

/// A new seat map.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = NewSeatMap)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewSeatMapBody {
    pub(super) venue_id: VenueId,
    /// Whose it is; for admins. Left out, it is the house's, for every organizer to use.
    pub(super) organizer_id: Option<AccountId>,
    #[schema(min_length = 2, max_length = 100)]
    pub(super) name: String,
    #[schema(max_length = 10_000)]
    pub(super) description: Option<String>,
    /// Of its first version; also what an export has answered.
    pub(super) layout: LayoutJson,
}

/// What can be changed of a seat map other than where the seats are: that is a new version.
/// What is left out stays; `null` is as if a new map did not say it.
#[derive(Clone, Deserialize, ToSchema)]
#[schema(as = SeatMapChange)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangeBody {
    #[serde(default)]
    #[schema(schema_with = texts::line::<2, 100>, required = false)]
    pub(super) name: Member<String>,
    #[serde(default)]
    #[schema(schema_with = texts::text_or_null, required = false)]
    pub(super) description: Member<String>,
}

/// Which version of its seat map an event is to sell.
#[derive(Deserialize, ToSchema)]
#[schema(as = SeatMapMove)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MoveBody {
    #[schema(minimum = 1, maximum = 100)]
    pub(super) version: u32,
}

/// A seat map.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatMap)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeatMapJson {
    id: SeatMapId,
    venue_id: VenueId,
    /// Whose it is; left out, it is the house's, for every organizer to use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    organizer_id: Option<AccountId>,
    name: String,
    description: String,
    /// The number of its last version, which events sell that begin to use the map.
    latest_version: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<&ManagedSeatMap> for SeatMapJson {
    fn from(map: &ManagedSeatMap) -> Self {
        Self {
            id: map.id,
            venue_id: map.venue_id,
            organizer_id: map.organizer_id,
            name: map.name.clone(),
            description: map.description.clone(),
            latest_version: map.latest,
            created_at: map.created_at,
            updated_at: map.updated_at,
        }
    }
}

/// A section in numbers. Ticket types name it by its `id`, which it keeps through all versions that have a section of its name.
#[derive(Serialize, ToSchema)]
#[schema(as = Section)]
#[serde(rename_all = "camelCase")]
pub(super) struct SectionJson {
    id: SectionId,
    name: String,
    rows: u32,
    seats: u32,
    /// Those of them for guests who use a wheelchair.
    accessible_seats: u32,
}

impl From<&SectionSummary> for SectionJson {
    fn from(section: &SectionSummary) -> Self {
        let SectionSummary { id, name, rows, seats, accessible } = section;
        Self { id: *id, name: name.to_string(), rows: *rows, seats: *seats, accessible_seats: *accessible }
    }
}

/// A version in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatMapVersion)]
#[serde(rename_all = "camelCase")]
struct VersionJson {
    number: u32,
    created_at: Timestamp,
    /// A version never changes: when it was made.
    updated_at: Timestamp,
    /// How many events sell it; organizers are told of their own only.
    events: u64,
}

impl From<&SeatMapVersion> for VersionJson {
    fn from(version: &SeatMapVersion) -> Self {
        let SeatMapVersion { number, created_at, events, .. } = *version;
        Self { number, created_at, updated_at: created_at, events }
    }
}

/// A seat map with its versions, the oldest first, and the sections of the last one.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatMapDetail)]
pub(super) struct SeatMapDetailJson {
    #[serde(flatten)]
    map: SeatMapJson,
    versions: Vec<VersionJson>,
    sections: Vec<SectionJson>,
}

impl From<&ShownSeatMap> for SeatMapDetailJson {
    fn from(shown: &ShownSeatMap) -> Self {
        Self {
            map: (&shown.map).into(),
            versions: shown.versions.iter().map(VersionJson::from).collect(),
            sections: shown.sections.iter().map(SectionJson::from).collect(),
        }
    }
}

/// An event that sells a version.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatMapUser)]
#[serde(rename_all = "camelCase")]
struct UsingEventJson {
    id: EventId,
    title: String,
    status: EventStatus,
    starts_at: Timestamp,
}

impl From<&UsingEvent> for UsingEventJson {
    fn from(event: &UsingEvent) -> Self {
        Self { id: event.id, title: event.title.clone(), status: event.status, starts_at: event.starts_at }
    }
}

/// A version with its sections and the events that sell it.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatMapVersionDetail)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionDetailJson {
    seat_map_id: SeatMapId,
    #[serde(flatten)]
    version: VersionJson,
    /// The first hundred events that sell it, the soonest first.
    used_by: Vec<UsingEventJson>,
    sections: Vec<SectionJson>,
}

impl From<&ShownVersion> for VersionDetailJson {
    fn from(shown: &ShownVersion) -> Self {
        Self {
            seat_map_id: shown.version.map,
            version: (&shown.version).into(),
            used_by: shown.events.iter().map(UsingEventJson::from).collect(),
            sections: shown.sections.iter().map(SectionJson::from).collect(),
        }
    }
}
