//! A booking for those who run its event: its money, payments by hand, refunds, and cancellations beyond the terms.

mod dto;
pub(crate) mod endpoints;

use std::sync::Arc;

use application::{
    acting,
    app::App,
    cancellations::{self, Asked, By},
    manage::bookings::{self, Given, KeptRequest},
};
use boxoffice_http::{problem::Problem, reply::Reply, request::Request};
use domain::{
    audit::Action,
    ids::{BookingId, RefundId},
    management::Manager,
    payments::books::Refund,
};
use serde_json::json;

use self::dto::{HandPaymentBody, ManagedBookingJson, OrganizerCancellationBody, RefundBody, RetryBody};
use super::{
    cancellations::kept_body,
    manage::{location, manager},
    payments::dto::PaymentJson,
    refunds::ManagedRefundJson,
};

/// The booking with its money, as it is now.
async fn shown(app: &App, by: &Manager, id: BookingId) -> Result<Reply, Problem> {
    let of = bookings::show(app, by, id).await?;
    let payments = app.store.payments_of_booking(id).await?;
    let (refunds, cancellations) = (app.store.refunds_of(id).await?, app.store.cancellations_of(id).await?);
    Reply::ok(&ManagedBookingJson::new(&of, &payments, &refunds, &cancellations))
}

/// `GET …/bookings/{id}`
async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (by, id) = (manager(&request)?, request.id::<BookingId>("id")?);
    bookings::show(&app, &by, id).await?;
    acting::looks_at(&app, Action::Read, ("booking", id.to_string()), json!({})).await?;
    shown(&app, &by, id).await
}

/// `POST …/bookings/{id}/payments`
async fn pay(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, id) = (manager(&request)?, request.id::<BookingId>("id")?);
    bookings::show(&app, &by, id).await?;
    let (body, (key, fingerprint)) = kept_body::<HandPaymentBody>(&mut request).await?;
    let paid = bookings::pay(&app, &by, id, KeptRequest { key, fingerprint }, body.read()?).await?;
    let path = location(&by, &format!("bookings/{id}"));
    let reply = Reply::created(&path, &PaymentJson::from(&paid.value))?;
    Ok(if paid.replayed { reply.replayed() } else { reply })
}

fn refunded(by: &Manager, made: bookings::MadeOnce<Refund>) -> Result<Reply, Problem> {
    let path = location(by, &format!("bookings/{}", made.value.booking_id));
    let reply = Reply::created(&path, &ManagedRefundJson::from(&made.value))?;
    Ok(if made.replayed { reply.replayed() } else { reply })
}

/// `POST …/bookings/{id}/refunds`
async fn refund(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, id) = (manager(&request)?, request.id::<BookingId>("id")?);
    let currency = bookings::show(&app, &by, id).await?.booking.total.currency;
    let (body, (key, fingerprint)) = kept_body::<RefundBody>(&mut request).await?;
    let (given, reason) = body.read()?;
    let given = given.amount(currency)?.map_or_else(Given::Items, Given::Amount);
    let made = bookings::refund(&app, &by, id, KeptRequest { key, fingerprint }, (given, reason)).await?;
    refunded(&by, made)
}

/// `POST …/bookings/{id}/refunds/{refundId}/retry`
async fn retry(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, id) = (manager(&request)?, request.id::<BookingId>("id")?);
    let failed = request.id::<RefundId>("refundId")?;
    bookings::show(&app, &by, id).await?;
    let (body, (key, fingerprint)) = kept_body::<RetryBody>(&mut request).await?;
    let kept = KeptRequest { key, fingerprint };
    refunded(&by, bookings::repeat_refund(&app, &by, (id, failed), kept, body.by_hand).await?)
}

/// `POST …/bookings/{id}/cancellations`
async fn cancel(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, id) = (manager(&request)?, request.id::<BookingId>("id")?);
    bookings::show(&app, &by, id).await?;
    let (body, key) = kept_body::<OrganizerCancellationBody>(&mut request).await?;
    let (items, reason) = body.read()?;
    let asked = Asked { items, reason: Some(reason), key: Some(key), to_refund: false };
    let cancelled = cancellations::cancel(&app, By::Organizer(&by), id, &asked).await?;
    let reply = shown(&app, &by, id).await?;
    Ok(if cancelled.replayed { reply.replayed() } else { reply })
}
