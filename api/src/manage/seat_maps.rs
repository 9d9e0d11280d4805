//! Seat maps: organizers' own and, to use, those of the house; and which version of one an event sells.

mod dto;
pub(crate) mod endpoints;
mod sold;

use std::sync::Arc;

use application::{
    app::App,
    aside::aside,
    manage::seat_maps::{self, EventSeatMap},
};
use boxoffice_http::{lists::ListRequest, problem::Problem, query::Whole, reply::Reply, request::Request};
use domain::{
    ids::{AccountId, EventId, SeatMapId, SeatMapVersionId},
    lists::declared,
    management::{Manager, Reach, seat_maps::SeatMapFields},
    validation::FieldError,
};
use dto::{ChangeBody, LayoutJson, MoveBody, NewSeatMapBody, SeatMapDetailJson, SeatMapJson, VersionDetailJson};
use sold::EventSeatMapJson;

use super::{answered, expected, first_answer, location, manager, named_body, perhaps_expected, tagged};

/// Most bytes of a map: the largest hall in the longest form that people write, twice.
const LAYOUT_BYTES_MAX: usize = 8 << 20;

/// The number of a version in the path.
fn number(request: &Request) -> Result<u32, Problem> {
    let text = request.param("number")?;
    // One thing has one address: no signs, no zeros in front.
    let number = text.parse().ok().map(|Whole(number)| number);
    number.ok_or_else(Problem::not_found)
}

async fn detail(app: &App, by: &Manager, id: SeatMapId) -> Result<(SeatMapDetailJson, i32), Problem> {
    let shown = seat_maps::show(app, by, id).await?;
    Ok((SeatMapDetailJson::from(&shown), shown.map.revision))
}

/// `GET …/seat-maps`
pub(super) async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let list = ListRequest::read(&request, &declared::SEAT_MAPS)?;
    list.reply(&app.store.seat_maps(&manager(&request)?, &list.query).await?, SeatMapJson::from)
}

/// `POST …/seat-maps`
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let by = manager(&request)?;
    let (body, named) = named_body::<NewSeatMapBody>(&mut request).await?;
    let organizer = owner(&by, body.organizer_id)?;
    let fields = SeatMapFields::parse(Some(body.name), body.description, None)?;
    let layout = aside(move || body.layout.parse("layout.sections")).await?;
    let made = seat_maps::create(&app, &by, named, (body.venue_id, organizer), fields, layout).await?;
    let id = SeatMapId(made.id);
    let show = async {
        let (shown, revision) = detail(&app, &by, id).await?;
        first_answer(location(&by, &format!("seat-maps/{id}")), &shown, Some(revision))
    };
    answered(&app, &by, made, show).await
}

/// An organizer's maps are their own; an admin says whose one is, or it is the house's.
fn owner(by: &Manager, named: Option<AccountId>) -> Result<Option<AccountId>, Problem> {
    match (by.reach, named) {
        (Reach::All, named) => Ok(named),
        (Reach::Own, None) => Ok(Some(by.account)),
        (Reach::Own, Some(_)) => {
            Err(FieldError::new("organizerId", "UNKNOWN_FIELD", "is not a field of this request").into())
        }
    }
}

/// `GET …/seat-maps/{id}`
pub(super) async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    request.check_unsent()?;
    let (shown, revision) = detail(&app, &manager(&request)?, request.id("id")?).await?;
    Ok(tagged(Reply::ok(&shown)?, revision))
}

/// `PATCH …/seat-maps/{id}`
pub(super) async fn update(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, id, expected) = (manager(&request)?, request.id("id")?, expected(&request)?);
    let body: ChangeBody = request.body().await?;
    seat_maps::update(&app, &by, id, expected, (body.name.said(), body.description.said())).await?;
    let (shown, revision) = detail(&app, &by, id).await?;
    Ok(tagged(Reply::ok(&shown)?, revision))
}

/// `DELETE …/seat-maps/{id}`
pub(super) async fn delete(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let expected = perhaps_expected(&request)?.flatten();
    seat_maps::delete(&app, &manager(&request)?, request.id("id")?, expected).await?;
    Ok(Reply::no_content())
}

/// `POST …/seat-maps/{id}/versions`: what `…/layout` of any version answers is a body.
pub(super) async fn add_version(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, map) = (manager(&request)?, request.id("id")?);
    let expected = perhaps_expected(&request)?.flatten();
    let (body, named) = named_body::<LayoutJson>(&mut request).await?;
    let layout = aside(move || body.parse("sections")).await?;
    let made = seat_maps::add_version(&app, &by, named, map, expected, layout).await?;
    let id = SeatMapVersionId(made.id);
    let show = async {
        let shown = seat_maps::version_by_id(&app, &by, id).await?;
        let path = location(&by, &format!("seat-maps/{map}/versions/{}", shown.version.number));
        let revision = seat_maps::find(&app, &by, map).await?.revision;
        first_answer(path, &VersionDetailJson::from(&shown), Some(revision))
    };
    answered(&app, &by, made, show).await
}

/// `GET …/seat-maps/{id}/versions/{number}`
pub(super) async fn show_version(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    request.check_unsent()?;
    let shown = seat_maps::version(&app, &manager(&request)?, request.id("id")?, number(&request)?).await?;
    Reply::ok(&VersionDetailJson::from(&shown))
}

/// `GET …/seat-maps/{id}/versions/{number}/layout`
pub(super) async fn export(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    request.check_unsent()?;
    let drawing = seat_maps::export(&app, &manager(&request)?, request.id("id")?, number(&request)?).await?;
    aside(move || Reply::ok(&LayoutJson::from(drawing.layout()))).await
}

fn sold(of: &EventSeatMap) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&EventSeatMapJson::from(of))?, of.event.revision))
}

/// `GET …/events/{id}/seat-map`
pub(super) async fn of_event(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    sold(&seat_maps::of_event(&app, &manager(&request)?, request.id("id")?).await?)
}

/// `PUT …/events/{id}/seat-map`: another version of the same map. Revisions are the event's.
pub(super) async fn move_event(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, event, expected) = (manager(&request)?, request.id::<EventId>("id")?, expected(&request)?);
    let body: MoveBody = request.body().await?;
    let (moved, lost) = seat_maps::move_event(&app, &by, event, expected, body.version).await?;
    Ok(tagged(Reply::ok(&EventSeatMapJson::moved(&moved, &lost))?, moved.event.revision))
}
