//! Where the seats of an event are, for everybody: a version of its seat map, which never changes.

use std::{sync::Arc, time::Duration};

use application::{
    app::App,
    aside::{Bound, aside},
};
use boxoffice_http::{problem::Problem, reply::Reply, request::Request, response_cache};
use bytes::Bytes;
use domain::{
    ids::{EventId, SeatId, SeatMapId, SectionId},
    management::seat_maps::VERSIONS_MAX,
    repositories::PublicSeatMap,
    seat_maps::{
        Seat,
        drawing::{Drawing, DrawnRow},
    },
};
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// What was said of a version is true for ever.
static IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// An event may sell another version tomorrow.
static NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// About how long the entry of one seat is, for the first guess of a body's length.
const SEAT_BYTES: usize = 96;

/// Drawings that are read and written at once, which may have a hundred thousand seats each, and versions that wait for it.
static DRAWN: Bound = Bound::new(2, 30);
/// When whoever was sent away should come again: a drawing takes a tenth of that.
const BUSY_RETRY: Duration = Duration::from_secs(1);

/// Where the seats of one version of a seat map are.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicSeatMap)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeatMapJson<'a> {
    seat_map_id: SeatMapId,
    /// Of the map, counted from 1. It never changes.
    version: u32,
    /// The best first.
    #[schema(value_type = Vec<SectionJson>)]
    sections: SectionsJson<'a>,
}

/// A part of the map. Ticket types sell sections.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicSection)]
struct SectionJson<'a> {
    id: SectionId,
    name: &'a str,
    /// From the stage.
    #[schema(value_type = Vec<RowJson>)]
    rows: RowsJson<'a>,
}

/// Seats side by side.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicRow)]
struct RowJson<'a> {
    label: &'a str,
    /// Counted from the stage.
    position: i32,
    /// From left to right.
    #[schema(value_type = Vec<PublicSeatJson>)]
    seats: SeatsOfRowJson<'a>,
}

/// One chair.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicSeat)]
struct PublicSeatJson<'a> {
    id: SeatId,
    label: &'a str,
    /// In the row; a gap is an aisle.
    position: i32,
    /// For guests who use a wheelchair.
    accessible: bool,
}

/// Written section by section, so that a large house needs no second copy in memory.
struct SectionsJson<'a>(&'a Drawing);
struct RowsJson<'a>(&'a [DrawnRow]);
struct SeatsOfRowJson<'a>(&'a [(i32, Seat)]);

impl Serialize for SectionsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.sections().map(|rows| {
            // Each row has a seat.
            let first = &rows[0].seats[0].1;
            SectionJson { id: first.section_id, name: &first.section, rows: RowsJson(rows) }
        }))
    }
}

impl Serialize for RowsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|row| RowJson {
            label: &row.seats[0].1.row,
            position: row.position,
            seats: SeatsOfRowJson(&row.seats),
        }))
    }
}

impl Serialize for SeatsOfRowJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(position, seat)| PublicSeatJson {
            id: seat.id,
            label: &seat.label,
            position: *position,
            accessible: seat.accessible,
        }))
    }
}

/// Where the version is that an event sells now.
#[derive(Serialize, ToSchema)]
#[schema(as = PresentSeatMap)]
pub(super) struct PresentSeatMapJson {
    version: u32,
    /// Also in `Location`, for those who see bodies only.
    location: String,
}

/// `GET /events/{id}/seat-map`: the version that is named; without one, the way to the version that the event sells now.
pub(crate) async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let version = asked(&request)?;
    let event: EventId = request.id("id")?;
    let found = app.store.public_seat_map(event, version).await?.ok_or_else(Problem::not_found)?;
    if version.is_none() {
        return present(event, &found);
    }
    request.check_unsent()?;
    let answer = app.seat_maps.answer(found.version, encoded(&app, &found)).await?;
    let (reply, _) = response_cache::reply(&answer, &request).await?;
    Ok(reply.header(header::CACHE_CONTROL, IMMUTABLE.clone()))
}

/// The number of a version, if one is named.
fn asked(request: &Request) -> Result<Option<u32>, Problem> {
    let mut query = request.query();
    let version = query.number_if_any("version", 1..=VERSIONS_MAX);
    query.finish()?;
    Ok(version)
}

fn present(event: EventId, found: &PublicSeatMap) -> Result<Reply, Problem> {
    let location = format!("/api/v1/events/{event}/seat-map?version={}", found.number);
    let header = HeaderValue::from_str(&location).map_err(Problem::internal)?;
    let body = PresentSeatMapJson { version: found.number, location };
    let reply = Reply::json(StatusCode::TEMPORARY_REDIRECT, &body)?;
    Ok(reply.header(header::LOCATION, header).header(header::CACHE_CONTROL, NO_CACHE.clone()))
}

/// Made on a thread of its own: of a large house it takes milliseconds that a thread of the server must not be away. Of different
/// versions, of which there is no end, only some at once: the rest is told to come again before anything of it is read.
async fn encoded(app: &App, map: &PublicSeatMap) -> Result<Bytes, Problem> {
    let place = DRAWN.place().await.map_err(|busy| Problem::unavailable(BUSY_RETRY, busy))?;
    let drawing = app.store.drawing(map.version).await?;
    let (seat_map_id, version) = (map.map, map.number);
    let encode = move || {
        let _place = place;
        let seats: usize = drawing.rows().iter().map(|row| row.seats.len()).sum();
        let mut body = Vec::with_capacity(1024 + seats * SEAT_BYTES);
        serde_json::to_writer(&mut body, &SeatMapJson { seat_map_id, version, sections: SectionsJson(&drawing) })?;
        body.shrink_to_fit();
        Ok::<_, serde_json::Error>(Bytes::from(body))
    };
    aside(encode).await.map_err(Problem::internal)
}
