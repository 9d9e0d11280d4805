//! Venues, as admins change them.

use std::sync::Arc;

use application::{
    app::App,
    manage::{ManageError, invalidated, once, settled, unowned},
};
use boxoffice_http::{
    problem::Problem,
    reply::Reply,
    request::Request,
    revisions::{expected, perhaps_expected, tagged, unchanged},
};
use domain::{
    cache::Tag,
    ids::VenueId,
    management::{ChangeError, Expected, Manager, Revisions, requests::Creation},
    venues::{RawVenue, VenueFields},
};

use super::dto::{VenueBody, VenueJson};
use crate::manage::{answered, first_answer, manager, named_body};

async fn shown_venue(app: &App, request: &Request, id: VenueId) -> Result<Reply, Problem> {
    let (venue, revision) = app.store.managed_venue(id).await?.ok_or_else(Problem::not_found)?;
    match unchanged(request, revision) {
        Some(reply) => Ok(reply),
        None => Ok(tagged(Reply::ok(&VenueJson::from(&venue))?, revision)),
    }
}

/// `GET /admin/venues/{id}`
pub(super) async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    shown_venue(&app, &request, request.id("id")?).await
}

/// `POST /admin/venues`
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let by = manager(&request)?;
    let (body, named) = named_body::<VenueBody>(&mut request).await?;
    let fields = VenueFields::parse(body.over(RawVenue::default()), None)?;
    let made = once(&app, by.account, named, Creation::Venue, unowned(), async |id| {
        let added = app.store.create_venue(&by, VenueId(id), &fields).await;
        Ok::<_, ManageError>(invalidated(&app, added, &[Tag::Venues])?)
    })
    .await?;
    let id = VenueId(made.id);
    let show = async {
        let (venue, revision) = app.store.managed_venue(id).await?.ok_or_else(Problem::not_found)?;
        first_answer(format!("/api/v1/admin/venues/{id}"), &VenueJson::from(&venue), Some(revision))
    };
    answered(&app, &by, made, show).await
}

/// Changes a venue: `change` is given the body and what is said of the venue now.
async fn change_venue(
    app: &App,
    mut request: Request,
    change: fn(VenueBody, RawVenue) -> RawVenue,
) -> Result<Reply, Problem> {
    let (by, id, expected) = (manager(&request)?, request.id::<VenueId>("id")?, expected(&request)?);
    let body: VenueBody = request.body().await?;
    let change = |before| change(body.clone(), before);
    settled(expected, || write_venue(app, &by, id, expected, &change)).await?;
    let (venue, revision) = app.store.managed_venue(id).await?.ok_or_else(Problem::not_found)?;
    Ok(tagged(Reply::ok(&VenueJson::from(&venue))?, revision))
}

async fn write_venue(
    app: &App,
    by: &Manager,
    id: VenueId,
    expected: Expected,
    change: &(impl Fn(RawVenue) -> RawVenue + Sync),
) -> Result<(), ManageError> {
    let (venue, revision) = app.store.managed_venue(id).await?.ok_or(ChangeError::NotFound)?;
    if expected.is_some_and(|expected| !expected.has(revision)) {
        return Err(ChangeError::Stale.into());
    }
    let fields = VenueFields::parse(change(venue.fields().into()), Some(&venue))?;
    if venue.fields() == fields {
        return Ok(());
    }
    let updated = app.store.update_venue(by, id, Some(Revisions::only(revision)), &fields).await;
    Ok(invalidated(app, updated, &[Tag::Venue(id), Tag::Venues, Tag::Events])?)
}

/// `PUT /admin/venues/{id}`: what is not said is as for a new one, but the slug stays.
pub(super) async fn replace(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    change_venue(&app, request, |body, before| {
        let raw = body.over(RawVenue::default());
        RawVenue { slug: raw.slug.or(before.slug), ..raw }
    })
    .await
}

/// `PATCH /admin/venues/{id}`
pub(super) async fn update(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    change_venue(&app, request, VenueBody::over).await
}

/// `DELETE /admin/venues/{id}`
pub(super) async fn delete(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let expected = perhaps_expected(&request)?.flatten();
    let id = request.id("id")?;
    let deleted = app.store.delete_venue(&manager(&request)?, id, expected).await;
    invalidated(&app, deleted, &[Tag::Venue(id), Tag::Venues])?;
    Ok(Reply::no_content())
}
