//! What an event sells of a seat map, in JSON.

use application::manage::seat_maps::{EventSeatMap, Lost};
use domain::ids::{SeatMapId, TicketTypeId};
use serde::Serialize;
use utoipa::ToSchema;

use super::dto::SectionJson;

/// What an event sells of a seat map.
#[derive(Serialize, ToSchema)]
#[schema(as = EventSeatMap)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventSeatMapJson {
    seat_map_id: SeatMapId,
    name: String,
    /// The number of the version.
    version: u32,
    sections: Vec<SectionJson>,
    /// In the answer to a move to another version: the ticket types that sell fewer sections than before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    sections_lost: Vec<SectionsLostJson>,
}

/// A ticket type that has lost sections, because the version does not have them. To get them back, move back and name them again.
#[derive(Serialize, ToSchema)]
#[schema(as = SectionsLost)]
#[serde(rename_all = "camelCase")]
struct SectionsLostJson {
    ticket_type_id: TicketTypeId,
    name: String,
    /// As they were in the version before.
    sections: Vec<SectionJson>,
}

impl From<&Lost> for SectionsLostJson {
    fn from(of: &Lost) -> Self {
        let sections = of.sections.iter().map(SectionJson::from).collect();
        Self { ticket_type_id: of.ticket_type, name: of.name.clone(), sections }
    }
}

impl EventSeatMapJson {
    /// After a move.
    pub(super) fn moved(of: &EventSeatMap, lost: &[Lost]) -> Self {
        Self { sections_lost: lost.iter().map(SectionsLostJson::from).collect(), ..of.into() }
    }
}

impl From<&EventSeatMap> for EventSeatMapJson {
    fn from(of: &EventSeatMap) -> Self {
        let sections = of.sections.iter().map(SectionJson::from).collect();
        let sections_lost = Vec::new();
        Self { seat_map_id: of.map, name: of.name.clone(), version: of.version, sections, sections_lost }
    }
}
