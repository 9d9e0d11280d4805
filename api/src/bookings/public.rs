//! Holding, booking and cancelling, each account its own.

use std::sync::Arc;

use application::{
    app::App,
    bookings::{self, Asking},
};
use boxoffice_http::{
    lists::ListRequest, problem::Problem, problem_codes::Code, reply::Reply, request::Request, router::Params,
};
use domain::{
    bookings::{Booking, BookingRequest, HoldRequest, IdempotencyKey},
    ids::{AccountId, BookingId, EventId, HoldId},
    lists::declared,
};

use super::{
    dto::{BookingBody, BookingJson, HoldBody, HoldJson},
    guard::Guard,
};

fn key(request: &Request) -> Result<IdempotencyKey, Problem> {
    IdempotencyKey::parse(request.idempotency_key()?).ok_or_else(|| Problem::new(Code::IdempotencyKeyMissing))
}

fn asking(account: AccountId, request: &Request, guard: &Guard) -> Asking {
    Asking { account, network: request.network(), may_take: request.may_take_places() && guard.admits() }
}

/// The gate before whatever takes places: an event that has too much to do, or whose ledger does not answer, refuses
/// before anything is read. Ids that are none are the handler's to refuse.
pub fn gate(app: &App, params: &Params<'_>) -> Result<(), Problem> {
    match params.raw("id").and_then(|id| id.parse().ok()) {
        Some(event) => Ok(bookings::check(app, event)?),
        None => Ok(()),
    }
}

/// `POST /events/{id}/holds`
pub async fn hold(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (caller, event, key) = (request.caller()?, request.id::<EventId>("id")?, key(&request)?);
    let wanted = HoldRequest::try_from(request.body::<HoldBody>().await?)?;
    let guard = Guard::of(&app, &request, wanted.promo_code.as_ref());
    let made = match bookings::hold(&app, asking(caller.account, &request, &guard), event, key, wanted).await {
        Ok(made) => made,
        Err(error) => return Err(guard.told(&app, error).await),
    };
    let reply = Reply::created(&format!("/api/v1/holds/{}", made.value.id), &HoldJson::from(&*made.value))?;
    Ok(if made.replayed { reply.replayed() } else { reply })
}

/// `DELETE /holds/{id}`
pub async fn release(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    bookings::release(&app, request.caller()?.account, request.id::<HoldId>("id")?).await?;
    Ok(Reply::no_content())
}

/// `POST /holds/{id}/extensions`
pub async fn extend(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let hold = bookings::extend(&app, request.caller()?.account, request.id::<HoldId>("id")?).await?;
    Reply::ok(&HoldJson::from(&*hold))
}

/// `GET /holds/{id}`
pub async fn show_hold(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let account = request.caller()?.account;
    let hold = app.store.hold(request.id("id")?).await?.filter(|hold| hold.account_id == account);
    Reply::ok(&HoldJson::from(&hold.ok_or_else(Problem::not_found)?))
}

/// `POST /events/{id}/bookings`
pub async fn book(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (caller, event, key) = (request.caller()?, request.id::<EventId>("id")?, key(&request)?);
    let wanted = BookingRequest::try_from(request.body::<BookingBody>().await?)?;
    let guard = Guard::of(&app, &request, wanted.promo_code.as_ref());
    let made = match bookings::book(&app, asking(caller.account, &request, &guard), event, key, wanted).await {
        Ok(made) => made,
        Err(error) => return Err(guard.told(&app, error).await),
    };
    let names = match made.replayed {
        // As the first time, also when something has got another name since.
        true => app.names.at(&*app.store, event, made.value.created_at).await,
        false => app.names.of(&*app.store, event).await,
    };
    let shown = BookingJson::new(&made.value, names.as_ref().as_ref());
    let reply = Reply::created(&format!("/api/v1/bookings/{}", made.value.id), &shown)?;
    Ok(if made.replayed { reply.replayed() } else { reply })
}

/// `GET /bookings`
pub async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let list = ListRequest::read(&request, &declared::BOOKINGS)?;
    let page = app.store.bookings_of(request.caller()?.account, &list.query).await?;
    let events: Vec<EventId> = page.entries.iter().map(|booking| booking.event_id).collect();
    let names = app.store.event_names(&events).await?;
    list.reply(&page, |booking| BookingJson::new(booking, names.get(&booking.event_id)))
}

async fn shown(app: &App, booking: &Booking) -> Result<Reply, Problem> {
    let names = app.store.event_names(&[booking.event_id]).await?;
    Reply::ok(&BookingJson::new(booking, names.get(&booking.event_id)))
}

/// `GET /bookings/{id}`
pub async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let booking = bookings::own_booking(&app, request.caller()?.account, request.id::<BookingId>("id")?).await?;
    shown(&app, &booking).await
}
