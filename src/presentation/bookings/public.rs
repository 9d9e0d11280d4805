//! Holding, booking and cancelling, each account its own (P3).

use std::sync::Arc;

use domain::{
    bookings::{IdempotencyKey, Source},
    ids::{AccountId, BookingId, EventId, HoldId},
    repositories::BookingRepository,
    selection::Selection,
};

use super::dto::{BookingBody, BookingJson, HoldBody, HoldJson};
use crate::{
    application::{
        app::{Adapters, App},
        bookings::{self, Asking},
    },
    presentation::{browsing::List, catalogue::Code, problem::Problem, reply::Reply, request::Request, router::Params},
};

fn key(request: &Request) -> Result<IdempotencyKey, Problem> {
    IdempotencyKey::parse(request.idempotency_key()?).ok_or_else(|| Problem::new(Code::IdempotencyKeyMissing))
}

fn asking(account: AccountId, request: &Request) -> Asking {
    Asking { account, network: request.network(), may_take: request.may_take_places() }
}

/// The gate before whatever takes places: an event that has too much to do, or whose ledger does not answer, refuses
/// before anything is read. Ids that are none are the handler's to refuse.
pub fn gate<A: Adapters>(app: &App<A>, params: &Params<'_>) -> Result<(), Problem> {
    match params.raw("id").and_then(|id| id.parse().ok()) {
        Some(event) => Ok(bookings::check(app, event)?),
        None => Ok(()),
    }
}

/// `POST /events/{id}/holds`
pub async fn hold<A: Adapters>(app: Arc<App<A>>, mut request: Request) -> Result<Reply, Problem> {
    let (caller, event, key) = (request.caller()?, request.id::<EventId>("id")?, key(&request)?);
    let selection = Selection::try_from(request.body::<HoldBody>().await?)?;
    let made = bookings::hold(&app, asking(caller.account, &request), event, key, selection).await?;
    let reply = Reply::created(&format!("/api/v1/holds/{}", made.value.id), &HoldJson::from(&*made.value))?;
    Ok(if made.replayed { reply.replayed() } else { reply })
}

/// `DELETE /holds/{id}`
pub async fn release<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    bookings::release(&app, request.caller()?.account, request.id::<HoldId>("id")?).await?;
    Ok(Reply::no_content())
}

/// `GET /holds/{id}`
pub async fn show_hold<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let account = request.caller()?.account;
    let hold = app.store.hold(request.id("id")?).await?.filter(|hold| hold.account_id == account);
    Reply::ok(&HoldJson::from(&hold.ok_or_else(Problem::not_found)?))
}

/// `POST /events/{id}/bookings`
pub async fn book<A: Adapters>(app: Arc<App<A>>, mut request: Request) -> Result<Reply, Problem> {
    let (caller, event, key) = (request.caller()?, request.id::<EventId>("id")?, key(&request)?);
    let source = Source::try_from(request.body::<BookingBody>().await?)?;
    let made = bookings::book(&app, asking(caller.account, &request), event, key, source).await?;
    let reply = Reply::created(&format!("/api/v1/bookings/{}", made.value.id), &BookingJson::from(&*made.value))?;
    Ok(if made.replayed { reply.replayed() } else { reply })
}

/// `GET /bookings`
pub async fn list<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    let mut query = request.query();
    let list = List::asked(&request);
    let wanted = list.page_request(&mut query);
    query.finish()?;
    let page = app.store.bookings_of(request.caller()?.account, &wanted).await?;
    list.reply(&page, &wanted, |booking| booking.id, BookingJson::from)
}

/// `GET /bookings/{id}`
pub async fn show<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let booking = bookings::own_booking(&app, request.caller()?.account, request.id::<BookingId>("id")?).await?;
    Reply::ok(&BookingJson::from(&booking))
}

/// `DELETE /bookings/{id}`
pub async fn cancel<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    let booking = bookings::cancel(&app, request.caller()?.account, request.id::<BookingId>("id")?).await?;
    Reply::ok(&BookingJson::from(&booking))
}
