//! Events as their organizers, and admins, see and change them.

pub(crate) mod dto;
pub(crate) mod endpoints;

use std::sync::Arc;

use application::{
    app::App,
    manage::{event_of, events},
};
use boxoffice_http::{
    lists::ListRequest,
    problem::Problem,
    reply::Reply,
    request::Request,
    revisions::{expected, perhaps_expected, tagged, unchanged},
};
use domain::{
    events::{fields::RawEvent, lifecycle::Step},
    ids::{AccountId, EventId},
    lists::declared,
    management::{Manager, Reach, events::ManagedEvent},
    validation::FieldError,
};
use jiff::Timestamp;

use self::dto::{DuplicateBody, EventBody, EventJson, PublishBody};
use crate::bodies::Member;
use crate::manage::{answered, first_answer, location, manager, named_body};

/// Only who manages everybody's events may say whose one is.
fn organizer(said: Option<AccountId>, by: &Manager) -> Result<Option<AccountId>, Problem> {
    if said.is_some() && by.reach == Reach::Own {
        return Err(FieldError::new("organizerId", "UNKNOWN_FIELD", "is not a field of this request").into());
    }
    Ok(said)
}

fn shown(event: &ManagedEvent) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&EventJson::from(event))?, event.revision))
}

async fn created(app: &App, by: &Manager, made: application::manage::Made) -> Result<Reply, Problem> {
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
    let (body, named) = named_body::<EventBody>(&mut request).await?;
    let organizer = organizer(body.organizer_id.clone().over(None), &by)?;
    let made = events::create(&app, &by, named, organizer, body.over(RawEvent::default())).await?;
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
    let body: EventBody = request.body().await?;
    let organizer = organizer(body.organizer_id.clone().over(None), &by)?;
    let change = |before: RawEvent| {
        let raw = body.clone().over(RawEvent::default());
        RawEvent { slug: raw.slug.or(before.slug), ..raw }
    };
    shown(&events::update(&app, &by, id, expected, organizer, change).await?)
}

/// `PATCH …/events/{id}`
pub(super) async fn update(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, id, expected) = (manager(&request)?, request.id("id")?, expected(&request)?);
    let body: EventBody = request.body().await?;
    let organizer = match body.organizer_id {
        Member::Absent => None,
        Member::Present(Some(account)) => organizer(Some(account), &by)?,
        // Whoever changes an event does not get it by the way.
        Member::Present(None) => {
            return Err(FieldError::new("organizerId", "REQUIRED", "an event has an organizer").into());
        }
    };
    shown(&events::update(&app, &by, id, expected, organizer, |before| body.clone().over(before)).await?)
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
