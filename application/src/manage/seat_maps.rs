//! Seat maps: created, given new versions, and sold by events.

use domain::{
    ids::{AccountId, EventId, SeatMapId, SeatMapVersionId, TicketTypeId, VenueId},
    management::{
        ChangeError, Expected, Manager, Revisions,
        events::ManagedEvent,
        requests::Creation,
        seat_maps::{
            ManagedSeatMap, Move, NewSeatMap, SeatMapFields, SeatMapVersion, SectionsLost, UsingEvent, version_number,
        },
    },
    seat_maps::{
        drawing::{Drawing, SectionSummary},
        layout::Layout,
    },
    validation::FieldError,
};

use super::{Judged, Made, ManageError, NamedRequest, change_plan, event_of, is_expected, once, settled, unowned};
use crate::{app::App, aside::aside};

/// A map with its versions, and the sections of the last one.
#[derive(Debug)]
pub struct ShownSeatMap {
    pub map: ManagedSeatMap,
    /// Its versions, oldest first.
    pub versions: Vec<SeatMapVersion>,
    /// The sections of the last version.
    pub sections: Vec<SectionSummary>,
}

/// A version with its sections and the events that use it.
#[derive(Debug)]
pub struct ShownVersion {
    pub version: SeatMapVersion,
    /// What there is to sell.
    pub sections: Vec<SectionSummary>,
    /// The first events that use it.
    pub events: Vec<UsingEvent>,
}

/// What an event sells of a seat map.
#[derive(Debug)]
pub struct EventSeatMap {
    pub event: ManagedEvent,
    pub map: SeatMapId,
    pub name: String,
    /// The number of the version.
    pub version: u32,
    /// The sections of the version.
    pub sections: Vec<SectionSummary>,
}

/// A ticket type that sells fewer sections than before its event has moved to another version.
#[derive(Debug)]
pub struct Lost {
    pub ticket_type: TicketTypeId,
    pub name: String,
    /// The sections that there are no more.
    pub sections: Vec<SectionSummary>,
}

impl Lost {
    fn new(of: SectionsLost, before: &[SectionSummary]) -> Self {
        let sections = before.iter().filter(|section| of.sections.contains(&section.id)).cloned().collect();
        Self { ticket_type: of.ticket_type, name: of.name, sections }
    }
}

/// One of the maps that `by` may see.
pub async fn managed(app: &App, by: &Manager, id: SeatMapId) -> Result<ManagedSeatMap, ManageError> {
    Ok(app.store.seat_map(by, id).await?.ok_or(ChangeError::NotFound)?)
}

/// The same with all that there is to say about it, other than where each seat is.
pub async fn show(app: &App, by: &Manager, id: SeatMapId) -> Result<ShownSeatMap, ManageError> {
    let map = managed(app, by, id).await?;
    let versions = app.store.seat_map_versions(by, id).await?;
    let sections = match versions.last() {
        Some(last) => summary(app.store.drawing(last.id).await?).await,
        None => Vec::new(),
    };
    Ok(ShownSeatMap { map, versions, sections })
}

/// What there is to sell. Of a large house that takes its time.
async fn summary(drawing: Drawing) -> Vec<SectionSummary> {
    aside(move || drawing.summary()).await
}

/// A version of a map that `by` may see.
async fn version_of(app: &App, by: &Manager, map: SeatMapId, number: u32) -> Result<SeatMapVersion, ManageError> {
    managed(app, by, map).await?;
    let versions = app.store.seat_map_versions(by, map).await?;
    Ok(versions.into_iter().find(|version| version.number == number).ok_or(ChangeError::NotFound)?)
}

/// A version with its sections and the events that use it.
pub async fn version(app: &App, by: &Manager, map: SeatMapId, number: u32) -> Result<ShownVersion, ManageError> {
    let version = version_of(app, by, map, number).await?;
    let sections = summary(app.store.drawing(version.id).await?).await;
    let events = app.store.events_with(by, version.id).await?;
    Ok(ShownVersion { version, sections, events })
}

/// The same by its id.
pub async fn version_by_id(app: &App, by: &Manager, id: SeatMapVersionId) -> Result<ShownVersion, ManageError> {
    let (map, _, number) = app.store.seat_map_version(id).await?.ok_or(ChangeError::NotFound)?;
    version(app, by, map, number).await
}

/// The seats of a version.
pub async fn export(app: &App, by: &Manager, map: SeatMapId, number: u32) -> Result<Drawing, ManageError> {
    Ok(app.store.drawing(version_of(app, by, map, number).await?.id).await?)
}

/// Makes a map with its first version.
pub async fn create(
    app: &App,
    by: &Manager,
    request: Option<NamedRequest>,
    (venue_id, organizer_id): (VenueId, Option<AccountId>),
    fields: SeatMapFields,
    layout: Layout,
) -> Result<Made, ManageError> {
    once(app, by.account, request, Creation::SeatMap, unowned(), async |id| {
        let new = NewSeatMap { id: SeatMapId(id), venue_id, organizer_id, fields };
        app.store.create_seat_map(by, &new, &layout).await?;
        tracing::info!(seatMap = %id, userId = %by.account, "seat map created");
        Ok(())
    })
    .await
}

/// Changes what is said of a map.
pub async fn update(
    app: &App,
    by: &Manager,
    id: SeatMapId,
    expected: Expected,
    change: impl Fn(&ManagedSeatMap) -> (Option<String>, Option<String>) + Send + Sync,
) -> Result<(), ManageError> {
    settled(expected, || async {
        let before = managed(app, by, id).await?;
        let (name, description) = change(&before);
        let fields = SeatMapFields::parse(name, description, Some(&before))?;
        let expected = expected.or(Some(Revisions::only(before.revision)));
        Ok(app.store.update_seat_map(by, id, expected, &fields).await?)
    })
    .await
}

/// Adds a version after the last.
pub async fn create_version(
    app: &App,
    by: &Manager,
    request: Option<NamedRequest>,
    map: SeatMapId,
    expected: Expected,
    layout: Layout,
) -> Result<Made, ManageError> {
    let owned = async { managed(app, by, map).await.map(drop) };
    once(app, by.account, request, Creation::SeatMapVersion, owned, async |id| {
        managed(app, by, map).await?;
        app.store.create_version(by, map, expected, SeatMapVersionId(id), &layout).await?;
        tracing::info!(seatMap = %map, version = %id, userId = %by.account, "version of a seat map added");
        Ok(())
    })
    .await
}

/// Deletes a map that no event uses. Nobody sees it from then on; the upkeep removes its seats, bit by bit.
pub async fn delete(app: &App, by: &Manager, id: SeatMapId, expected: Expected) -> Result<(), ManageError> {
    app.store.delete_seat_map(by, id, expected).await?;
    tracing::info!(seatMap = %id, userId = %by.account, "seat map deleted");
    Ok(())
}

async fn sold_by(app: &App, event: ManagedEvent) -> Result<(EventSeatMap, Drawing), ManageError> {
    let version = event.event.seat_map_version_id.ok_or(ChangeError::NotFound)?;
    let (map, name, number) = app.store.seat_map_version(version).await?.ok_or(ChangeError::NotFound)?;
    let drawing = app.store.drawing(version).await?;
    let (sections, drawing) = aside(move || (drawing.summary(), drawing)).await;
    Ok((EventSeatMap { event, map, name, version: number, sections }, drawing))
}

/// What one of `by`'s events sells of a seat map. Not found when it sells no seats.
pub async fn of_event(app: &App, by: &Manager, event: EventId) -> Result<EventSeatMap, ManageError> {
    Ok(sold_by(app, event_of(app, by, event).await?).await?.0)
}

/// Has an event sell another version of its map. What the two versions differ in is found before the event's inventory is
/// paused: they never change, and comparing them takes longer than the rest.
pub async fn move_event(
    app: &App,
    by: &Manager,
    event: EventId,
    expected: Expected,
    number: u32,
) -> Result<(EventSeatMap, Vec<Lost>), ManageError> {
    settled(expected, || move_once(app, by, event, expected, number)).await
}

async fn move_once(
    app: &App,
    by: &Manager,
    event: EventId,
    expected: Expected,
    number: u32,
) -> Result<(EventSeatMap, Vec<Lost>), ManageError> {
    let number = version_number(number).map_err(|error| vec![error])?;
    let before = event_of(app, by, event).await?;
    is_expected(expected, before.revision)?;
    let judged = Judged::editable(&before);
    let (from, revision) = (before.event.seat_map_version_id.ok_or(ChangeError::NotFound)?, before.revision);
    let (now, drawn) = sold_by(app, before).await?;
    if now.version == number {
        return Ok((now, Vec::new()));
    }
    let versions = app.store.seat_map_versions(by, now.map).await?;
    let to = versions.iter().find(|version| version.number == number);
    let to = to.ok_or_else(|| vec![FieldError::new("version", "UNKNOWN", "the seat map has no such version")])?;
    let next = app.store.drawing(to.id).await?;
    let compared = move || {
        let sections = next.summary().iter().map(|section| section.id).collect();
        (drawn.changed_in(&next), sections)
    };
    let (changed, sections) = aside(compared).await;
    let step = Move { from, to: to.id, changed, sections };
    let lost =
        change_plan(app, judged?, app.store.move_event(by, event, Some(Revisions::only(revision)), &step)).await?;
    tracing::info!(%event, userId = %by.account, from = now.version, to = number, "event moved to another version of its seat map");
    let lost = lost.into_iter().map(|of| Lost::new(of, &now.sections)).collect();
    Ok((of_event(app, by, event).await?, lost))
}
