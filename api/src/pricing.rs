//! On which terms an event is sold, as its organizer, and admins, see and change it.

mod dto;
pub(crate) mod endpoints;

use std::sync::Arc;

use application::{app::App, manage::pricing};
use boxoffice_http::{
    problem::Problem,
    reply::Reply,
    request::Request,
    revisions::{expected, tagged},
};
use domain::management::{events::ManagedEvent, pricing::ManagedTerms};

use self::dto::{PricingBody, PricingJson};
use super::manage::manager;

fn shown((event, terms): &(ManagedEvent, ManagedTerms)) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&PricingJson::new(&terms.terms, event.event.starts_at))?, terms.revision))
}

/// `GET …/events/{id}/pricing`
pub(super) async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    shown(&pricing::terms(&app, &manager(&request)?, request.id("id")?).await?)
}

/// `PUT …/events/{id}/pricing`: concerns holds and bookings from now on.
pub(super) async fn replace(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let event = request.id("id")?;
    let body: PricingBody = request.body().await?;
    shown(&pricing::replace_terms(&app, &by, event, expected, body.into()).await?)
}
