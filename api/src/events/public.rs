//! Events for everybody, and what is left of them.

use std::sync::Arc;

use actors::cache::{Key, Load, Namespace};
use application::{app::App, bookings::BookingError, quotes};
use boxoffice_http::{
    lists::ListRequest,
    problem::Problem,
    query::Named,
    redirects::{address, may_be_slug, moved, present_slug},
    reply::Reply,
    request::Request,
    response_cache::{self, Name, cached, cached_if_any, uncached},
};
use domain::{
    cache::Tag, ids::EventId, lists::declared, promo_codes::CodeName, repositories::Found,
    search::leaves_out_what_is_over, validation::FieldError,
};
use tokio::time::Instant;

use super::{
    dto::{AvailabilityJson, EventDetailJson, TicketTypeListJson},
    live, pictures,
    summary::{EventSummaryJson, FacetsJson, SalesJson},
};

/// Most events whose sale states are told at once: a page.
const SALES_MAX: usize = 100;
/// Tags unless the client says otherwise, and at most.
const TAGS_DEFAULT: u32 = 100;
const TAGS_MAX: u32 = 1_000;

/// `GET /events`
pub async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let per_page = match request.query().text("limit") {
        Some(_) => None,
        None => Some(app.site.rules(&*app.store).await?.events_per_page),
    };
    let list = match per_page {
        Some(entries) => ListRequest::with_limit(&request, &declared::EVENTS, entries)?,
        None => ListRequest::read(&request, &declared::EVENTS)?,
    };
    let (query, leaves_out) = (&list.query, leaves_out_what_is_over(&list.query));
    // What is left changes with every booking.
    // And nobody knows by an index which of those that were cancelled would have ended next.
    let is_of_cancelled = query.text("status") == Some("CANCELLED") && leaves_out;
    let is_kept = query.get("available").is_none() && !is_of_cancelled;
    let key = list.key(Namespace::Events);
    let (key, store) = (if query.get("q").is_some() { key.uncommon() } else { key }, app.clone());
    let ends = is_kept && leaves_out;
    let load = move || async move {
        let next_end = if ends { until_one_ends(&store).await? } else { None };
        let page = store.store.public_events(&list.query).await?;
        Ok(list.load(&page, EventSummaryJson::from, &[Tag::Events, Tag::Vocabulary])?.until(next_end))
    };
    if is_kept { cached(&app.cache, &request, key, load).await } else { uncached(&request, load().await?).await }
}

/// Until when what leaves out what is over reads as it does now. Asked before that is read.
async fn until_one_ends(app: &App) -> Found<Option<std::time::Instant>> {
    let asked = std::time::Instant::now();
    Ok(app.store.next_end().await?.map(|rest| asked + rest))
}

/// `GET /events/{idOrSlug}`
pub async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let name = request.param("id")?;
    if !may_be_slug(&name) {
        return Err(Problem::not_found());
    }
    let (wanted, store) = (Name::<EventId>::of(&*name), app.clone());
    let found = cached_if_any(&app.cache, &request, Key::one(Namespace::Event, &wanted), || async move {
        let asked = std::time::Instant::now();
        let Some(detail) = store.store.public_event(wanted.by()).await? else {
            return Ok(Load::absent(&[Tag::Events]));
        };
        let mut tags = vec![Tag::Event(detail.event.id), Tag::Venue(detail.venue.id), Tag::Vocabulary];
        tags.extend(detail.event.series_id.map(Tag::Series));
        let until = detail.next_for.map(|so_long| asked + so_long);
        Ok(response_cache::found(&EventDetailJson::from(&detail), &tags)?.until(until))
    });
    if let Some(reply) = found.await? {
        return Ok(reply);
    }
    let (former, store) = (name.to_string(), app.clone());
    let former_slug = async move { store.store.event_moved_from(&former).await };
    match present_slug(&app.cache, &request, (Namespace::Event, &name), Tag::Events, former_slug).await? {
        Some(slug) => moved(&slug, &address("/api/v1/events", &slug)),
        None => Err(Problem::not_found()),
    }
}

/// `GET /events/{id}/ticket-types`: those for everybody, and those that a code unlocks. Never kept: a code may be used up at any moment.
pub async fn ticket_types(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let event: EventId = request.id("id")?;
    let mut query = request.query();
    let code = match query.text("promoCode").map(|name| CodeName::parse("promoCode", &name)).transpose() {
        Ok(code) => code,
        Err(fault) => {
            query.fault(fault);
            None
        }
    };
    query.finish()?;
    let (types, currency) = quotes::ticket_types(&app, request.client_address(), event, code.as_ref()).await?;
    Reply::ok(&TicketTypeListJson::new(&types, currency))
}

/// `GET /availability`: how the events of a page sell at this moment. Apart from the lists, which may be kept for a while, and never
/// kept itself.
pub async fn sales(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let mut query = request.query();
    let texts = query.texts("eventIds");
    let given: Vec<&str> = texts.iter().flat_map(|text| text.split(',')).map(str::trim).collect();
    let ids: Vec<EventId> =
        given.iter().take(SALES_MAX).map_while(|text| text.parse().ok().map(|Named(id)| id)).collect();
    if given.is_empty() {
        query.fault(FieldError::new("eventIds", "REQUIRED", "name the events, separated by commas"));
    } else if given.len() > SALES_MAX {
        query.fault(FieldError::new("eventIds", "TOO_MANY", format!("at most {SALES_MAX}")));
    } else if ids.len() < given.len() {
        query.fault(FieldError::new("eventIds", "INVALID", "must be ids of events, separated by commas"));
    }
    query.finish()?;
    let (as_of, sales) = app.store.event_sales(&ids).await?;
    Reply::ok(&SalesJson::new(as_of, &sales))
}

/// `GET /categories`: those of published events that are not over.
pub async fn categories(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (key, store) = (Key::one(Namespace::Events, "categories"), app.clone());
    cached(&app.cache, &request, key, || async move {
        let next_end = until_one_ends(&store).await?;
        let found = store.store.event_categories().await?;
        Ok(response_cache::found(&FacetsJson::from(&*found), &[Tag::Events, Tag::Vocabulary])?.until(next_end))
    })
    .await
}

/// `GET /tags`: those of published events that are not over, the commonest first.
pub async fn tags(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let mut query = request.query();
    let limit = query.number("limit", TAGS_DEFAULT, 1..=TAGS_MAX);
    query.finish()?;
    let (key, store) = (Key::one(Namespace::Events, "tags").with("limit", limit), app.clone());
    cached(&app.cache, &request, key, move || async move {
        let next_end = until_one_ends(&store).await?;
        let found = store.store.event_tags(limit).await?;
        Ok(response_cache::found(&FacetsJson::from(&*found), &[Tag::Events, Tag::Vocabulary])?.until(next_end))
    })
    .await
}

/// `GET /events/{id}/availability`: a published snapshot, read without asking the inventory; or, for a client that accepts
/// `text/event-stream`, that and what changes from then on.
pub async fn availability(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let mut query = request.query();
    let with_seats = query.flag("seats", false);
    // Without a stream it means nothing, and a client that sends it always is right to.
    let seen = live::last_seen(request.headers(), query.text("lastEventId").as_deref());
    query.finish()?;
    let deadline = Instant::now() + app.command_deadline;
    if live::is_wanted(request.headers()) {
        let following = app.inventories.follow(request.id("id")?, deadline).await.map_err(BookingError::from)?;
        if !following.picture().status.is_public() {
            return Err(Problem::not_found());
        }
        return live::reply(app, following, request.network(), seen, with_seats).await;
    }
    let event: EventId = request.id("id")?;
    let snapshot = app.inventories.availability(event, deadline).await.map_err(BookingError::from)?;
    if !snapshot.status.is_public() {
        return Err(Problem::not_found());
    }
    let exact = app.site.rules(&*app.store).await?.shows_places_left;
    if with_seats {
        return pictures::reply(&app, &request, &snapshot, exact).await;
    }
    Reply::ok(&AvailabilityJson::new(&snapshot, false, exact))
}
