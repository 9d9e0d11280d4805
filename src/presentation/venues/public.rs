//! Venues for everybody (P2).

use std::sync::Arc;

use domain::repositories::{IdOrSlug, VenueRepository};

use super::{dto::VenueJson, search};
use crate::{
    application::app::{Adapters, App},
    presentation::{
        etag::revalidated,
        moved::{address, may_be_slug, moved},
        problem::Problem,
        reply::Reply,
        request::Request,
    },
};

/// `GET /venues`
pub async fn list<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    let (wanted, list) = search::read(&request)?;
    let slice = app.store.venues(&wanted).await?;
    let reply = list.reply(&slice, (&wanted.place, wanted.limit), VenueJson::from)?;
    revalidated(request.headers(), reply)
}

/// `GET /venues/{idOrSlug}`
pub async fn show<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let name = request.param("idOrSlug")?;
    if !may_be_slug(&name) {
        return Err(Problem::not_found());
    }
    let by = name.parse().map_or(IdOrSlug::Slug(&name), IdOrSlug::Id);
    if let Some(venue) = app.store.venue(by).await? {
        return revalidated(request.headers(), Reply::ok(&VenueJson::from(&venue))?);
    }
    match app.store.venue_moved_from(&name).await? {
        Some(slug) => moved(&slug, &address("/api/v1/venues", &slug)),
        None => Err(Problem::not_found()),
    }
}
