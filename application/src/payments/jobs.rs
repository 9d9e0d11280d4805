//! Jobs about payments: reconciliation with the gateway, closing there what is over here, and messages that were kept.
//!
//! Each may be done again after it was done, and beside another server that does the same.

use std::time::Duration;

use actors::breakers::CallError;
use domain::{
    bookings::BookingStatus,
    ids::PaymentId,
    jobs::JobError,
    payments::{
        attempt::PaymentState,
        gateway::{GatewayError, GatewayPayment, GatewayState, WebhookError},
        payment::Payment,
    },
};
use jiff::{SignedDuration, Timestamp};

use super::{
    PaymentError,
    asking::ask,
    begin::{begin_at_gateway, find_at_gateway},
    messages,
    news::{apply_news, never_begun},
    retries::{AWAY, WRONG, unanswered},
};
use crate::app::App;

/// The longest wait between two looks at an attempt.
const LOOK_MAX: Duration = Duration::from_secs(300);

/// Asks the gateway what has become of an attempt, until that is over.
pub async fn check_payment(app: &App, id: PaymentId) -> Result<(), JobError> {
    let Some(payment) = app.store.payment(id).await? else { return Ok(()) };
    if payment.state.is_over() || payment.is_by_hand() {
        return Ok(());
    }
    if let Some(news) = look_at(app, &payment).await? {
        apply_news(app, id, &news).await.map_err(failed)?;
    }
    match app.store.payment(id).await? {
        Some(payment) if !payment.state.is_over() => Err(look_again(app, &payment).await?),
        _ => Ok(()),
    }
}

/// What the gateway says of an attempt that is open. Nothing when it surely has none, which has been seen to.
async fn look_at(app: &App, payment: &Payment) -> Result<Option<GatewayPayment>, JobError> {
    let gateway = app.payments.gateway_of(&payment.provider).ok_or_else(|| other_gateway(payment))?;
    if let Some(reference) = &payment.reference {
        let found = ask(app, 1, gateway.payment(reference)).await.map_err(unanswered)?;
        let lost = || JobError::Failed(format!("the gateway does not know {} any more", reference.0));
        return found.map(Some).ok_or_else(lost);
    }
    let is_surely_not_there = payment.refused;
    if !is_surely_not_there && let Some(found) = find_at_gateway(app, payment).await.map_err(unanswered)? {
        return Ok(Some(found));
    }
    let booking = app.store.payable_booking(payment.booking_id).await?;
    let pending = booking.filter(|booking| booking.status == BookingStatus::PendingPayment);
    let Some(booking) = pending else {
        never_begun(app, payment).await.map_err(failed)?;
        return Ok(None);
    };
    // Its buyer was told that nothing was charged, and goes on by themselves or not at all.
    if is_surely_not_there {
        return Ok(None);
    }
    if !app.store.ask_again(payment.id).await? {
        return Ok(None);
    }
    match begin_at_gateway(app, &booking, payment).await {
        Ok(begun) => Ok(Some(begun)),
        Err(CallError::Failed(GatewayError::Refused { code, message })) => {
            tracing::warn!(payment = %payment.id, code, message, "the gateway refuses an attempt that it was asked for before");
            never_begun(app, payment).await.map_err(failed)?;
            Ok(None)
        }
        Err(error) => Err(unanswered(error)),
    }
}

/// When an open attempt is looked at again: the older, the later. One that surely never began ends with its booking.
async fn look_again(app: &App, payment: &Payment) -> Result<JobError, JobError> {
    let age = Duration::try_from(Timestamp::now().duration_since(payment.created_at)).unwrap_or_default();
    let mut wait = (age / 2).clamp(app.payments.check_after.min(LOOK_MAX), LOOK_MAX);
    if payment.refused {
        let booking = app.store.payable_booking(payment.booking_id).await?;
        let rest = booking.and_then(|booking| booking.ends_at).map(|at| at.duration_since(Timestamp::now()));
        let rest = rest.and_then(|rest| Duration::try_from(rest).ok()).unwrap_or_default();
        wait = rest + Duration::from_secs(1);
    }
    Ok(JobError::Postponed { reason: format!("the payment is {}", payment.state.as_str()), wait })
}

/// Tells the gateway to take no money for an attempt any more.
pub async fn close_payment(app: &App, id: PaymentId) -> Result<(), JobError> {
    let Some(payment) = app.store.payment(id).await? else { return Ok(()) };
    if payment.state == PaymentState::Succeeded || payment.is_by_hand() {
        return Ok(());
    }
    let gateway = app.payments.gateway_of(&payment.provider).ok_or_else(|| other_gateway(&payment))?;
    let reference = match &payment.reference {
        Some(reference) => reference.clone(),
        None => {
            let found = find_at_gateway(app, &payment).await.map_err(unanswered)?;
            let Some(found) = found else { return wait_for_begin(app, &payment) };
            apply_news(app, id, &found).await.map_err(failed)?;
            found.reference
        }
    };
    let news = ask(app, 2, gateway.cancel(&reference)).await.map_err(unanswered)?;
    apply_news(app, id, &news).await.map_err(failed)?;
    match news.state {
        // It is at it and can't be stopped. Its money comes, or not; either way it is heard of.
        GatewayState::Processing => {
            let reason = "the gateway is still at it".to_owned();
            Err(JobError::Postponed { reason, wait: app.payments.check_after.max(AWAY) })
        }
        _ => Ok(()),
    }
}

/// An attempt that the gateway does not have may be on its way there, for as long as somebody waits for the answer.
fn wait_for_begin(app: &App, payment: &Payment) -> Result<(), JobError> {
    let limit = SignedDuration::try_from(app.payments.timeout * 2).unwrap_or(SignedDuration::MAX);
    let rest = limit - Timestamp::now().duration_since(payment.asked_at);
    match Duration::try_from(rest) {
        Ok(rest) if !payment.refused && !rest.is_zero() => {
            let reason = "the payment may be on its way to the gateway".to_owned();
            Err(JobError::Postponed { reason, wait: rest.min(AWAY) })
        }
        _ => Ok(()),
    }
}

/// Applies a message that was kept.
pub async fn apply_message(app: &App, provider: &str, message_id: &str) -> Result<(), JobError> {
    let Some(body) = app.store.message(provider, message_id).await? else { return Ok(()) };
    let Some(gateway) = app.payments.gateway_of(provider) else {
        return Err(JobError::Postponed { reason: format!("{provider} is not the gateway now"), wait: WRONG });
    };
    let message = gateway.read(&body).map_err(|error: WebhookError| JobError::Hopeless(error.to_string()))?;
    messages::apply(app, provider, message.news).await.map_err(failed)?;
    Ok(app.store.message_applied(provider, message_id).await?)
}

fn other_gateway(payment: &Payment) -> JobError {
    JobError::Postponed { reason: format!("{} is not the gateway now", payment.provider), wait: WRONG }
}

fn failed(error: PaymentError) -> JobError {
    match error {
        PaymentError::Repository(error) => error.into(),
        PaymentError::Unavailable { reason, retry_after } => JobError::Postponed { reason, wait: retry_after },
        other => JobError::Failed(other.to_string()),
    }
}
