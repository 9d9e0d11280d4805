//! Venues for everybody (P2).

use std::sync::Arc;

use actors::cache::{Key, Load, Namespace};
use domain::{cache::Tag, ids::VenueId, repositories::VenueRepository};

use super::dto::VenueJson;
use crate::{
    application::app::{Adapters, App},
    presentation::{
        cache::{self, Name, cached, page_key},
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
    let key = page_key(Namespace::Venues, &wanted);
    let store = app.clone();
    cached(&app, &request, key, || async move {
        let page = store.store.venues(&wanted).await?;
        let listing = Listing::of(&page, &wanted, |venue| (venue.name.clone(), venue.id), VenueJson::from);
        cache::found(&listing, &[Tag::Venues])
    })
    .await
}

/// `GET /venues/{idOrSlug}`
pub async fn show<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let name = Name::<VenueId>::of(request.param("idOrSlug")?);
    let (key, store) = (Key::one(Namespace::Venue, &name), app.clone());
    cached(&app, &request, key, || async move {
        let Some(venue) = store.store.venue(name.by()).await? else { return Ok(Load::absent(&[Tag::Venues])) };
        cache::found(&VenueJson::from(&venue), &[Tag::Venue(venue.id)])
    })
    .await
}
