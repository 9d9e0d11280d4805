//! Venues for everybody.

use std::sync::Arc;

use actors::cache::{Key, Load, Namespace};
use application::app::App;
use boxoffice_http::{
    lists::ListRequest,
    problem::Problem,
    redirects::{address, may_be_slug, moved, present_slug},
    reply::Reply,
    request::Request,
    response_cache::{self, Name, cached, cached_if_any},
};
use domain::{cache::Tag, ids::VenueId, lists::declared};

use super::dto::VenueJson;

/// `GET /venues`
pub async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let list = ListRequest::read(&request, &declared::VENUES)?;
    let key = list.key(Namespace::Venues);
    let (key, store) = (if list.query.get("q").is_some() { key.uncommon() } else { key }, app.clone());
    cached(&app.cache, &request, key, || async move {
        let page = store.store.venues(&list.query).await?;
        list.load(&page, VenueJson::from, &[Tag::Venues])
    })
    .await
}

/// `GET /venues/{idOrSlug}`
pub async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let name = request.param("idOrSlug")?;
    if !may_be_slug(&name) {
        return Err(Problem::not_found());
    }
    let (wanted, store) = (Name::<VenueId>::of(&*name), app.clone());
    let found = cached_if_any(&app.cache, &request, Key::one(Namespace::Venue, &wanted), || async move {
        let Some(venue) = store.store.venue(wanted.by()).await? else { return Ok(Load::absent(&[Tag::Venues])) };
        response_cache::found(&VenueJson::from(&venue), &[Tag::Venue(venue.id)])
    });
    if let Some(reply) = found.await? {
        return Ok(reply);
    }
    let (former, store) = (name.to_string(), app.clone());
    let former_slug = async move { store.store.venue_moved_from(&former).await };
    match present_slug(&app.cache, &request, (Namespace::Venue, &name), Tag::Venues, former_slug).await? {
        Some(slug) => moved(&slug, &address("/api/v1/venues", &slug)),
        None => Err(Problem::not_found()),
    }
}
