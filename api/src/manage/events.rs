//! Events as their organizers, and admins, see and change them.

use std::sync::Arc;

use application::{
    app::App,
    manage::{event_of, events},
};
use boxoffice_http::{lists::ListRequest, problem::Problem, reply::Reply, request::Request};
use domain::{
    events::{EventStatus, fields::RawEvent, lifecycle::Step},
    ids::{AccountId, EventId, SeatMapId, SeriesId, VenueId},
    lists::declared,
    management::{
        Manager, Reach,
        events::{Cancellation, ManagedEvent},
    },
    validation::FieldError,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    answered,
    bodies::{
        Change,
        events::{EventChangeBody, NewEventBody},
    },
    expected, first_answer, location, manager, named_body, perhaps_expected, tagged, unchanged,
};
use crate::instants;

/// Only who manages everybody's events may say whose one is.
fn organizer(said: Option<AccountId>, by: &Manager) -> Result<Option<AccountId>, Problem> {
    if said.is_some() && by.reach == Reach::Own {
        return Err(FieldError::new("organizerId", "UNKNOWN_FIELD", "is not a field of this request").into());
    }
    Ok(said)
}

/// When to publish.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = PublishRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PublishBody {
    /// In the future, within ten years; left out: now.
    #[serde(default, deserialize_with = "instants::optional")]
    at: Option<Timestamp>,
}

/// When the copy begins.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = DuplicateRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DuplicateBody {
    #[serde(deserialize_with = "instants::required")]
    starts_at: Timestamp,
}

/// How far the bookings of a cancelled event are cancelled.
#[derive(Serialize, ToSchema)]
#[schema(as = Cancellation)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancellationJson {
    /// Bookings that were live.
    total: u64,
    /// Bookings that are cancelled.
    done: u64,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    finished_at: Option<Timestamp>,
}

impl From<&Cancellation> for CancellationJson {
    fn from(of: &Cancellation) -> Self {
        Self { total: of.total, done: of.done, started_at: of.started_at, finished_at: of.finished_at }
    }
}

/// By what an event is found.
#[derive(Serialize, ToSchema)]
#[schema(as = EventTag)]
struct TagJson<'a> {
    slug: &'a str,
    name: &'a str,
}

/// An event as its organizer sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = ManagedEvent)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventJson<'a> {
    id: EventId,
    slug: &'a str,
    title: &'a str,
    summary: &'a str,
    description: &'a str,
    category: &'a str,
    tags: Vec<TagJson<'a>>,
    status: EventStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    publish_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancellation: Option<CancellationJson>,
    organizer_id: AccountId,
    /// Of which series it is an occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    series_id: Option<SeriesId>,
    venue_id: VenueId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seat_map_id: Option<SeatMapId>,
    /// The number of the version of the seat map.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seat_map_version: Option<u32>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    time_zone: &'a str,
    currency: &'a str,
    sale_starts_at: Timestamp,
    sale_ends_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max_per_account: Option<u32>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a ManagedEvent> for EventJson<'a> {
    fn from(managed: &'a ManagedEvent) -> Self {
        let event = &managed.event;
        Self {
            id: event.id,
            slug: &event.slug,
            title: &event.title,
            summary: &event.summary,
            description: &event.description,
            category: &event.category,
            tags: managed.tags.iter().map(|tag| TagJson { slug: &tag.slug, name: &tag.name }).collect(),
            status: event.status,
            publish_at: managed.publish_at,
            cancellation: managed.cancellation.as_ref().map(CancellationJson::from),
            organizer_id: event.organizer_id,
            series_id: event.series_id,
            venue_id: event.venue_id,
            seat_map_id: managed.seat_map.map(|(map, _)| map),
            seat_map_version: managed.seat_map.map(|(_, version)| version),
            starts_at: event.starts_at,
            ends_at: event.ends_at,
            time_zone: &event.time_zone,
            currency: event.currency.as_str(),
            sale_starts_at: event.sale.starts_at,
            sale_ends_at: event.sale.ends_at,
            max_per_account: event.max_per_account,
            created_at: event.created_at,
            updated_at: event.updated_at,
        }
    }
}

fn shown(event: &ManagedEvent) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&EventJson::from(event))?, event.revision))
}

async fn created(app: &App, by: &Manager, made: super::Made) -> Result<Reply, Problem> {
    let id = EventId(made.id);
    let show = async {
        let event = event_of(app, by, id).await?;
        first_answer(location(by, &format!("events/{id}")), &EventJson::from(&event), Some(event.revision))
    };
    answered(app, by, made, show).await
}

/// `GET …/events`
pub(super) async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let list = ListRequest::read(&request, &declared::MANAGED_EVENTS)?;
    list.reply(&app.store.managed_events(&manager(&request)?, &list.query).await?, EventJson::from)
}

/// `POST …/events`
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let by = manager(&request)?;
    let (body, named) = named_body::<NewEventBody>(&mut request).await?;
    let organizer = organizer(body.organizer_id, &by)?;
    let made = events::create(&app, &by, named, organizer, body.into()).await?;
    created(&app, &by, made).await
}

/// `GET …/events/{id}`
pub(super) async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let event = event_of(&app, &manager(&request)?, request.id("id")?).await?;
    // The progress of a cancellation changes, and the revision does not.
    let is_settled = event.cancellation.as_ref().is_none_or(|of| of.finished_at.is_some());
    match unchanged(&request, event.revision).filter(|_| is_settled) {
        Some(reply) => Ok(reply),
        None => shown(&event),
    }
}

/// `PUT …/events/{id}`: all that is not said is as for a new event, but slug and organizer stay.
pub(super) async fn replace(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, id, expected) = (manager(&request)?, request.id("id")?, expected(&request)?);
    let body: NewEventBody = request.body().await?;
    let organizer = organizer(body.organizer_id, &by)?;
    let raw = RawEvent::from(body);
    let change = |before: &ManagedEvent| {
        let raw = raw.clone();
        RawEvent { slug: raw.slug.or_else(|| Some(before.event.slug.clone())), ..raw }
    };
    shown(&events::update(&app, &by, id, expected, organizer, change).await?)
}

/// `PATCH …/events/{id}`
pub(super) async fn update(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, id, expected) = (manager(&request)?, request.id("id")?, expected(&request)?);
    let mut body: EventChangeBody = request.body().await?;
    let organizer = match std::mem::take(&mut body.organizer_id) {
        Change::Stays => None,
        Change::Is(Some(account)) => organizer(Some(account), &by)?,
        // Whoever changes an event does not get it by the way.
        Change::Is(None) => return Err(FieldError::new("organizerId", "REQUIRED", "an event has an organizer").into()),
    };
    let change = |before: &ManagedEvent| {
        let tags = before.tags.iter().map(|tag| tag.slug.clone()).collect();
        body.clone().over(RawEvent::of(&before.event, before.seat_map.map(|(map, _)| map), tags))
    };
    shown(&events::update(&app, &by, id, expected, organizer, change).await?)
}

/// `DELETE …/events/{id}`
pub(super) async fn delete(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let expected = perhaps_expected(&request)?.flatten();
    events::delete(&app, &manager(&request)?, request.id("id")?, expected).await?;
    Ok(Reply::no_content())
}

async fn step(app: &App, request: &Request, step: Step, at: Option<Timestamp>) -> Result<Reply, Problem> {
    let expected = perhaps_expected(request)?.flatten();
    shown(&events::step(app, &manager(request)?, request.id("id")?, expected, step, at).await?)
}

/// `POST …/events/{id}/publish`, now or `at` a later time.
pub(super) async fn publish(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let body = if request.has_body() { request.body().await? } else { PublishBody::default() };
    let kind = if body.at.is_some() { Step::Schedule } else { Step::Publish };
    step(&app, &request, kind, body.at).await
}

/// `POST …/events/{id}/unpublish`
pub(super) async fn unpublish(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    step(&app, &request, Step::Unpublish, None).await
}

/// `POST …/events/{id}/cancel`: nothing is sold from now on; the bookings are cancelled in the background, and
/// `cancellation` tells how far.
pub(super) async fn cancel(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    step(&app, &request, Step::Cancel, None).await
}

/// `POST …/events/{id}/archive`
pub(super) async fn archive(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    step(&app, &request, Step::Archive, None).await
}

/// `POST …/events/{id}/duplicate`
pub(super) async fn duplicate(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, id, expected) = (manager(&request)?, request.id("id")?, perhaps_expected(&request)?.flatten());
    let (body, named) = named_body::<DuplicateBody>(&mut request).await?;
    let made = events::duplicate(&app, &by, named, (id, expected), body.starts_at).await?;
    created(&app, &by, made).await
}
