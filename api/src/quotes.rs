//! Quotes over HTTP: what a booking would cost.

mod dto;
pub(crate) mod endpoints;

use std::sync::Arc;

use application::{app::App, quotes};
use boxoffice_http::{problem::Problem, reply::Reply, request::Request};

use self::dto::{QuoteBody, QuoteJson};

/// `POST /events/{id}/quotes`
async fn quote(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let event = request.id("id")?;
    let (selection, code) = request.body::<QuoteBody>().await?.read()?;
    let quoted = quotes::quote(&app, request.client_address(), event, &selection, code.as_ref()).await?;
    Reply::ok(&QuoteJson::from(&quoted))
}
