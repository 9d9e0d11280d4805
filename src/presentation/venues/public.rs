//! Venues for everybody (P2).

use std::sync::Arc;

use domain::repositories::{IdOrSlug, VenueRepository};

use super::dto::VenueJson;
use crate::{
    application::app::{Adapters, App},
    presentation::{
        pagination::{Listing, page_request},
        problem::Problem,
        reply::Reply,
        request::Request,
    },
};

/// `GET /venues`
pub async fn list<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    let mut query = request.query();
    let wanted = page_request(&mut query);
    query.finish()?;
    let page = app.store.venues(&wanted).await?;
    Reply::ok(&Listing::of(&page, &wanted, |venue| (venue.name.clone(), venue.id), VenueJson::from))
}

/// `GET /venues/{idOrSlug}`
pub async fn show<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let name = request.param("idOrSlug")?;
    let by = name.parse().map_or(IdOrSlug::Slug(&name), IdOrSlug::Id);
    let venue = app.store.venue(by).await?.ok_or_else(Problem::not_found)?;
    Reply::ok(&VenueJson::from(&venue))
}
