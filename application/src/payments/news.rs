//! The one door for what is heard of an attempt.
//!
//! News is late, repeated, out of order, and may be heard by two servers at once. So nothing here relies on what was read: each change names
//! the state that it is made to, and when that is another one meanwhile, everything is read and decided again.

use std::time::Duration;

use domain::{
    backoff::Backoff,
    bookings::Booking,
    ids::{PaymentId, RefundId},
    jobs::{JobPayload, Notice},
    money::Money,
    payments::{
        attempt::{MoneyDestination, PaymentEffect, PaymentEvent, PaymentState, money_destination},
        gateway::{GatewayPayment, GatewayState},
        payment::Payment,
        records::NewRefund,
        refund::RefundCause,
        repository::{PaymentChange, UnneededMoney},
    },
    repositories::RepositoryError,
};
use metrics::counter;
use tokio::time::sleep;

use super::{
    PaymentError,
    confirm::{Confirmation, confirm},
};
use crate::app::App;

/// How often it is decided before it is left to a job, and the waits in between.
const TRIES_MAX: u32 = 8;
const WAITS: Backoff = Backoff::doubling(Duration::from_millis(5), Duration::from_millis(200));

/// Does what follows from how the gateway sees an attempt. When it returns, that is committed.
pub async fn apply_news(app: &App, id: PaymentId, news: &GatewayPayment) -> Result<(), PaymentError> {
    for tries in 1..=TRIES_MAX {
        let (payment, booking) = read(app, id).await?;
        let (to, effect) = payment.state.on(news.state.event(booking.status));
        let is_done = match effect {
            PaymentEffect::MoneyCame => money_came(app, &payment, &booking, news).await?,
            effect => move_on(app, &payment, to, effect, news).await?,
        };
        if is_done {
            // Mails, refunds, and what is to be closed.
            app.jobs.wake();
            return Ok(());
        }
        sleep(WAITS.after(tries)).await;
    }
    let reason = format!("payment {id} keeps changing");
    Err(PaymentError::Unavailable { reason, retry_after: Duration::from_secs(1) })
}

/// Ends an attempt that the gateway surely does not have, and nobody waits for.
pub(super) async fn never_begun(app: &App, payment: &Payment) -> Result<bool, PaymentError> {
    let (to, _) = payment.state.on(PaymentEvent::NeverBegun);
    if to == payment.state {
        return Ok(true);
    }
    let change = PaymentChange { jobs: Vec::new(), ..unchanged(payment, to) };
    let is_done = app.store.change_payment(&change).await?;
    if is_done {
        count(to);
    }
    Ok(is_done)
}

async fn read(app: &App, id: PaymentId) -> Result<(Payment, Booking), PaymentError> {
    let payment = app.store.payment(id).await?.ok_or(PaymentError::NotFound)?;
    let booking = app.store.booking(payment.booking_id).await?;
    let gone = || RepositoryError::Broken(format!("payment {id} pays a booking that is not there"));
    Ok((payment, booking.ok_or_else(gone)?))
}

/// Stores a transition that brings no money. `false` when the attempt is in another state meanwhile.
async fn move_on(
    app: &App,
    payment: &Payment,
    to: PaymentState,
    effect: PaymentEffect,
    news: &GatewayPayment,
) -> Result<bool, PaymentError> {
    let is_known = payment.reference.is_some();
    if to == payment.state && (is_known || to.is_over()) {
        return Ok(true);
    }
    let mut jobs = Vec::new();
    if effect == PaymentEffect::CloseAtGateway {
        jobs.push(JobPayload::ClosePayment { payment_id: payment.id });
    }
    let failure = match &news.state {
        GatewayState::Failed(failure) if to == PaymentState::Failed => Some(failure.clone()),
        _ => None,
    };
    if failure.is_some() {
        let notice = Notice::PaymentFailed { payment_id: payment.id };
        jobs.push(JobPayload::Notify { booking_id: payment.booking_id, notice });
    }
    let change = PaymentChange { failure, jobs, ..learned(payment, to, news) };
    let is_done = app.store.change_payment(&change).await?;
    if is_done && to != payment.state {
        count(to);
    }
    Ok(is_done)
}

/// Money has come: it pays the booking or goes back. `false` when something has changed meanwhile.
async fn money_came(
    app: &App,
    payment: &Payment,
    booking: &Booking,
    news: &GatewayPayment,
) -> Result<bool, PaymentError> {
    let why = match money_destination(booking.status, news.amount, booking.total) {
        MoneyDestination::Confirm | MoneyDestination::Reacquire => {
            // By its reference it is refunded one day. The confirmation does not bring that along.
            if payment.reference.is_none() && !app.store.change_payment(&learned(payment, payment.state, news)).await? {
                return Ok(false);
            }
            match confirm(app, booking, payment).await? {
                Confirmation::Confirmed => {
                    count(PaymentState::Succeeded);
                    return Ok(true);
                }
                Confirmation::Changed => return Ok(false),
                Confirmation::Refused(refusal) => refusal.to_string(),
            }
        }
        MoneyDestination::Refund if news.amount != booking.total => {
            format!("{} were charged, and the booking costs {}", news.amount, booking.total)
        }
        MoneyDestination::Refund => format!("the booking is {}", booking.status.as_str()),
    };
    give_back(app, payment, news, why).await
}

/// The money pays for nothing and goes back by itself.
async fn give_back(app: &App, payment: &Payment, news: &GatewayPayment, why: String) -> Result<bool, PaymentError> {
    let charged: Money = news.amount;
    if charged.is_free() || charged.is_negative() {
        let reason = format!("payment {} succeeded with an amount of {charged}", payment.id);
        return Err(RepositoryError::Broken(reason).into());
    }
    // The refund is asked for by the reference.
    if payment.reference.is_none() && !app.store.change_payment(&learned(payment, payment.state, news)).await? {
        return Ok(false);
    }
    let refund_id = RefundId::generate();
    let cause = RefundCause::Unneeded;
    let refund = NewRefund { id: refund_id, payment_id: payment.id, amount: charged, cause, reason: why.clone() };
    let notice = Notice::MoneyReturned { refund_id };
    let jobs = vec![JobPayload::Refund { refund_id }, JobPayload::Notify { booking_id: payment.booking_id, notice }];
    let money = UnneededMoney { payment_id: payment.id, from: payment.state, charged, refund, jobs };
    let is_done = app.store.return_money(&money).await?;
    if is_done {
        count(PaymentState::Succeeded);
        counter!("boxoffice_payments_returned_total").increment(1);
        tracing::info!(payment = %payment.id, booking = %payment.booking_id, why, "money that pays for nothing goes back");
    }
    Ok(is_done)
}

/// A transition with what is learned of the attempt on the way.
fn learned(payment: &Payment, to: PaymentState, news: &GatewayPayment) -> PaymentChange {
    PaymentChange {
        reference: Some(news.reference.clone()),
        client_secret: news.client_secret.clone(),
        redirect_url: news.redirect_url.clone(),
        ..unchanged(payment, to)
    }
}

fn unchanged(payment: &Payment, to: PaymentState) -> PaymentChange {
    PaymentChange {
        id: payment.id,
        from: payment.state,
        to,
        reference: None,
        client_secret: None,
        redirect_url: None,
        failure: None,
        jobs: Vec::new(),
    }
}

fn count(to: PaymentState) {
    counter!("boxoffice_payments_total", "state" => to.shown()).increment(1);
}
