//! Events for everybody (P1), and what is left of them (P7).

use std::sync::Arc;

use domain::{
    events::EventStatus,
    ids::EventId,
    repositories::{EventRepository, IdOrSlug},
};
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
    let page = app.store.public_events(&wanted).await?;
    Reply::ok(&Listing::of(&page, &wanted, |event| (event.starts_at, event.id), EventJson::from))
}

/// `GET /events/{idOrSlug}`
pub async fn show<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let name = request.param("id")?;
    let by = name.parse().map_or(IdOrSlug::Slug(&name), IdOrSlug::Id);
    let detail = app.store.public_event(by).await?.ok_or_else(Problem::not_found)?;
    Reply::ok(&EventDetailJson::from(&detail))
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
