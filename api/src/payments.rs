//! Payments over HTTP: buyers pay their bookings, gateways tell what became of it, administrators look at what is stuck.

pub(crate) mod dto;
pub(crate) mod endpoints;

use std::sync::Arc;

use application::{
    app::App,
    bookings::own_booking,
    payments::{begin, messages, sandbox},
};
use boxoffice_http::{lists::ListRequest, problem::Problem, problem_codes::Code, reply::Reply, request::Request};
use domain::{
    bookings::IdempotencyKey,
    ids::{BookingId, PaymentId},
    lists::declared,
    payments::wish::PaymentWish,
};
use http::StatusCode;

use self::dto::{ActionBody, AdminPaymentJson, PaymentBody, PaymentJson, PaymentsJson, ReceivedJson};

/// `POST /bookings/{id}/payments`
async fn begin(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (account, booking) = (request.caller()?.account, request.id::<BookingId>("id")?);
    // Before the key and the body are looked at: what is another's is not there.
    own_booking(&app, account, booking).await?;
    let key = IdempotencyKey::parse(request.idempotency_key()?);
    let key = key.ok_or_else(|| Problem::new(Code::IdempotencyKeyMissing))?;
    let PaymentBody { method, return_url } =
        if request.has_body() { request.body().await? } else { PaymentBody::default() };
    let wish = PaymentWish::parse(method, return_url)?;
    let begun = begin::begin(&app, account, booking, key, wish).await?;
    let location = format!("/api/v1/payments/{}", begun.payment.id);
    let reply = Reply::created(&location, &PaymentJson::from(&begun.payment))?;
    Ok(if begun.replayed { reply.replayed() } else { reply })
}

/// `GET /bookings/{id}/payments`
async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let booking = own_booking(&app, request.caller()?.account, request.id::<BookingId>("id")?).await?;
    let payments = app.store.payments_of_booking(booking.id).await?;
    Reply::ok(&PaymentsJson { data: payments.iter().map(PaymentJson::from).collect() })
}

/// `GET /payments/{id}`
async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (account, id) = (request.caller()?.account, request.id::<PaymentId>("id")?);
    let payment = app.store.payment_of(account, id).await?.ok_or_else(Problem::not_found)?;
    Reply::ok(&PaymentJson::from(&payment))
}

/// `POST /sandbox/payments/{id}/actions`
async fn act(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (account, id) = (request.caller()?.account, request.id::<PaymentId>("id")?);
    app.store.payment_of(account, id).await?.ok_or_else(Problem::not_found)?;
    let ActionBody { outcome } = request.body().await?;
    Reply::ok(&PaymentJson::from(&sandbox::act(&app, account, id, outcome.into()).await?))
}

/// `POST /webhooks/{provider}`
async fn receive(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let provider = request.param("provider")?.into_owned();
    // Without a gateway there is nothing to read a body for.
    app.payments.gateway_of(&provider).ok_or_else(Problem::not_found)?;
    let body = request.bytes().await?;
    let signature = |name: &'static str| {
        let value = request.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    messages::receive(&app, &provider, signature, &body, request.client_address()).await?;
    Reply::json(StatusCode::OK, &ReceivedJson { received: true })
}

/// `GET /admin/payments`
async fn list_all(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let list = ListRequest::read(&request, &declared::PAYMENTS)?;
    let page = app.store.payments(&list.query, app.payments.stuck_after).await?;
    list.reply(&page, AdminPaymentJson::from)
}
