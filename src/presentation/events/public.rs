//! Events for everybody (P1), and what is left of them (P7).

use std::sync::Arc;

use actors::cache::{Key, Load, Namespace};
use domain::{cache::Tag, events::EventStatus, ids::EventId, repositories::EventRepository};
use tokio::time::Instant;

use super::{
    dto::{AvailabilityJson, EventDetailJson, EventJson},
    live,
};
use crate::{
    application::{
        app::{Adapters, App},
        bookings::BookingError,
    },
    presentation::{
        cache::{self, Name, cached, page_key},
        pagination::{Listing, page_request},
        problem::Problem,
        reply::Reply,
        request::Request,
    },
};

/// `GET /events`
pub async fn list<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    let mut query = request.query();
    let wanted = page_request(&mut query);
    query.finish()?;
    let key = page_key(Namespace::Events, &wanted);
    let store = app.clone();
    cached(&app, &request, key, || async move {
        let page = store.store.public_events(&wanted).await?;
        cache::found(&Listing::of(&page, &wanted, |event| (event.starts_at, event.id), EventJson::from), &[Tag::Events])
    })
    .await
}

/// `GET /events/{idOrSlug}`
pub async fn show<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let name = Name::<EventId>::of(request.param("id")?);
    let (key, store) = (Key::one(Namespace::Event, &name), app.clone());
    cached(&app, &request, key, || async move {
        let Some(detail) = store.store.public_event(name.by()).await? else { return Ok(Load::absent(&[Tag::Events])) };
        let tags = [Tag::Event(detail.event.id), Tag::Venue(detail.venue.id)];
        cache::found(&EventDetailJson::from(&detail), &tags)
    })
    .await
}

/// `GET /events/{id}/availability`: a published snapshot, read without asking the inventory; or, for a client that accepts
/// `text/event-stream`, that and what changes from then on.
pub async fn availability<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    let mut query = request.query();
    let with_seats = query.flag("seats", false);
    // Without a stream it means nothing, and a client that sends it always is right to.
    let seen = live::last_seen(request.headers(), query.text("lastEventId").as_deref());
    query.finish()?;
    let deadline = Instant::now() + app.command_deadline;
    if live::is_wanted(request.headers()) {
        let following = app.inventories.follow(request.id("id")?, deadline).await.map_err(BookingError::from)?;
        if !is_public(following.picture().status) {
            return Err(Problem::not_found());
        }
        return live::reply(&app, following, seen, with_seats);
    }
    let event: EventId = request.id("id")?;
    let snapshot = app.inventories.availability(event, deadline).await.map_err(BookingError::from)?;
    if !is_public(snapshot.status) {
        return Err(Problem::not_found());
    }
    Reply::ok(&AvailabilityJson::new(&snapshot, with_seats))
}

/// What was never published is nobody's business.
fn is_public(status: EventStatus) -> bool {
    !matches!(status, EventStatus::Draft | EventStatus::Scheduled)
}
