//! Beginning an attempt to pay a booking.
//!
//! The attempt is committed before the gateway is asked, and its id is the key there: whatever breaks afterwards, it is known what may have been
//! charged. A client that repeats its request goes on with the same attempt.

use std::time::Duration;

use actors::breakers::{CallError, Service};
use domain::{
    bookings::{BookingStatus, Fingerprint, IdempotencyKey},
    ids::{AccountId, BookingId, PaymentId},
    inventory::Command,
    payments::{
        attempt::PaymentState,
        gateway::{GatewayError, GatewayPayment, PaymentRequest},
        payment::{BY_HAND, Payment},
        repository::{BeginOutcome, NewPayment, PayableBooking},
        wish::{ChosenMethod, PaymentWish},
    },
};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{
    PaymentError,
    asking::{ask, is_harmless},
    news::apply_news,
};
use crate::app::App;

/// How long somebody waits whose first request is still running.
const STILL_RUNNING: Duration = Duration::from_secs(1);

/// What the answer to a request takes beside the gateway.
const ANSWERING: Duration = Duration::from_secs(2);

/// An attempt as its request is answered, and whether an earlier request with the same key had begun it.
#[derive(Debug)]
pub struct BegunPayment {
    pub payment: Payment,
    pub replayed: bool,
}

/// Begins to pay a booking of the account, or goes on with what an earlier request with this key has begun.
pub async fn begin(
    app: &App,
    account: AccountId,
    booking: BookingId,
    key: IdempotencyKey,
    wish: PaymentWish,
) -> Result<BegunPayment, PaymentError> {
    let fingerprint = wish.fingerprint(booking);
    // First of all: what has become of the booking since, perhaps by this very attempt, does not change the answer.
    if let Some(known) = app.store.payment_by_key(account, &key).await? {
        return go_on(app, known, fingerprint).await;
    }
    let payable = app.store.payable_booking(booking).await?.filter(|booking| booking.account_id == account);
    let payable = payable.ok_or(PaymentError::NotFound)?;
    waits_for_payment(payable.status)?;
    let new = |provider: &str, method: &str, state, check_after| NewPayment {
        id: PaymentId::generate(),
        booking_id: booking,
        account_id: account,
        provider: provider.to_owned(),
        method: method.to_owned(),
        state,
        return_url: wish.return_url.clone(),
        key,
        fingerprint,
        check_after,
    };
    let own = app.payments.gateway.as_ref().map_or(&[][..], |gateway| gateway.methods());
    let new = match wish.choose(&payable.methods, own).map_err(|fault| PaymentError::Invalid(vec![fault]))? {
        ChosenMethod::BankTransfer(method) => new(BY_HAND, method, PaymentState::RequiresAction, None),
        ChosenMethod::Gateway(method) => {
            let provider = gateway_for(app, &payable).await?;
            new(provider, &method, PaymentState::Started, Some(app.payments.check_after))
        }
    };
    match app.store.begin_payment(&new).await? {
        BeginOutcome::Begun(payment) => {
            // One that has made room is closed at the gateway.
            app.jobs.wake();
            let payment = first_answer(app, &payable, payment, false).await?;
            Ok(BegunPayment { payment, replayed: false })
        }
        BeginOutcome::Known(payment) => go_on(app, payment, fingerprint).await,
        BeginOutcome::InProgress(other) => Err(PaymentError::InProgress(other)),
        BeginOutcome::NotPending(status) => Err(waits_for_payment(status).err().unwrap_or(PaymentError::NotFound)),
        BeginOutcome::NoBooking => Err(PaymentError::NotFound),
    }
}

fn waits_for_payment(status: BookingStatus) -> Result<(), PaymentError> {
    match status {
        BookingStatus::PendingPayment => Ok(()),
        BookingStatus::Confirmed => Err(PaymentError::NothingToPay("the booking is free or paid already")),
        BookingStatus::Cancelled | BookingStatus::Expired => Err(PaymentError::BookingOver(status)),
    }
}

/// The gateway that takes the amount, if it is asked now. Otherwise the booking is given the time to wait for it.
async fn gateway_for(app: &App, booking: &PayableBooking) -> Result<&'static str, PaymentError> {
    let Some(gateway) = &app.payments.gateway else {
        let reason = "this server has no payment gateway";
        return Err(PaymentError::GatewayAway { reason, retry_after: Duration::from_secs(60) });
    };
    if let Some(least) = gateway.minimum(booking.total.currency)
        && booking.total.amount < least.amount
    {
        return Err(PaymentError::BelowMinimum { least });
    }
    if let Some(retry_after) = app.breakers.of(Service::Payment).wait() {
        return Err(left_alone(app, booking, retry_after).await);
    }
    Ok(gateway.provider())
}

/// The refusal while the gateway is left alone. The buyer can't help it, so the booking waits as long as it may.
async fn left_alone(app: &App, booking: &PayableBooking, retry_after: Duration) -> PaymentError {
    if let Err(error) = wait_until(app, booking, booking.created_at + booking.hold_cap).await {
        tracing::warn!(booking = %booking.id, %error, "a booking that can't be paid now could not be given more time");
    }
    PaymentError::GatewayAway { reason: "the payment gateway fails and is left alone", retry_after }
}

/// Has the booking wait for its payment until then, if that is longer than it does.
async fn wait_until(app: &App, booking: &PayableBooking, until: Timestamp) -> Result<(), PaymentError> {
    if booking.ends_at.is_some_and(|ends_at| ends_at >= until) {
        return Ok(());
    }
    let command = Command::Wait { booking_id: booking.id, until };
    match app.inventories.ask(booking.event_id, command, Instant::now() + app.command_deadline).await {
        Ok(_) => Ok(()),
        // It waits as long already, or waits no more: who looks at it sees that.
        Err(actors::inventories::AskError::Denied(actors::inventory::Denial::Refused(_))) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A request whose key is known.
async fn go_on(app: &App, known: Payment, fingerprint: Fingerprint) -> Result<BegunPayment, PaymentError> {
    if known.fingerprint != fingerprint {
        return Err(PaymentError::KeyReused);
    }
    if known.answered.is_none() {
        let is_by_hand = known.is_by_hand() && known.state == PaymentState::RequiresAction;
        if is_by_hand || known.state == PaymentState::Started && known.reference.is_none() {
            return resume(app, known).await;
        }
    }
    let payment = app.store.answer_payment(known.id).await?.ok_or(PaymentError::NotFound)?;
    Ok(BegunPayment { payment: payment.as_first_answered(), replayed: true })
}

/// Goes on with an attempt whose request had no answer: it failed on the way, or is still running.
async fn resume(app: &App, known: Payment) -> Result<BegunPayment, PaymentError> {
    let payable = app.store.payable_booking(known.booking_id).await?.ok_or(PaymentError::NotFound)?;
    if !known.is_by_hand() {
        let patience = SignedDuration::try_from(app.payments.timeout + ANSWERING).unwrap_or(SignedDuration::MAX);
        if !known.refused && Timestamp::now().duration_since(known.asked_at) < patience {
            return Err(PaymentError::StillRunning { retry_after: STILL_RUNNING });
        }
        waits_for_payment(payable.status)?;
        if let Some(retry_after) = app.breakers.of(Service::Payment).wait() {
            return Err(left_alone(app, &payable, retry_after).await);
        }
    }
    let was_asked = !known.refused;
    let is_open = known.is_by_hand() || app.store.ask_again(known.id).await?;
    let payment = if is_open {
        first_answer(app, &payable, known, was_asked).await?
    } else {
        app.store.answer_payment(known.id).await?.ok_or(PaymentError::NotFound)?
    };
    Ok(BegunPayment { payment: payment.as_first_answered(), replayed: true })
}

/// Has the attempt begun, and gives it as it is then: the first answer to its request.
async fn first_answer(
    app: &App,
    booking: &PayableBooking,
    payment: Payment,
    was_asked: bool,
) -> Result<Payment, PaymentError> {
    if payment.is_by_hand() {
        // However often another transfer takes the place of one, the booking waits for one window.
        let window = booking.bank_transfer_window;
        let latest = booking.created_at + booking.hold_cap + window;
        wait_until(app, booking, (Timestamp::now() + window).min(latest)).await?;
    } else {
        let asked = match was_asked {
            true => find_or_begin(app, booking, &payment).await,
            false => begin_at_gateway(app, booking, &payment).await,
        };
        after_asking(app, booking, payment.id, asked).await?;
    }
    app.store.answer_payment(payment.id).await?.ok_or(PaymentError::NotFound)
}

/// What follows from the gateway's answer, or from none.
async fn after_asking(
    app: &App,
    booking: &PayableBooking,
    id: PaymentId,
    asked: Result<GatewayPayment, CallError<GatewayError>>,
) -> Result<(), PaymentError> {
    let error = match asked {
        Ok(news) => {
            // It is the gateway's by now, whatever becomes of this: the job that looks after it finds out.
            if let Err(error) = apply_news(app, id, &news).await {
                tracing::warn!(payment = %id, %error, "what the gateway answered is applied later");
            }
            return Ok(());
        }
        Err(error) => error,
    };
    if !is_harmless(&error) {
        tracing::warn!(payment = %id, %error, "nobody knows whether a payment was begun: it is asked about");
        return Ok(());
    }
    app.store.not_begun(id).await?;
    Err(match error {
        CallError::Open { retry_after } => left_alone(app, booking, retry_after).await,
        CallError::Full => PaymentError::GatewayAway {
            reason: "too many payments are being begun",
            retry_after: Duration::from_secs(1),
        },
        CallError::Failed(error) => {
            tracing::warn!(payment = %id, %error, "a payment was not begun");
            PaymentError::GatewayRefused(told(&error))
        }
        CallError::TimedOut => PaymentError::GatewayRefused(String::new()),
    })
}

/// What a buyer is told: what the gateway says about this payment, and nothing about the way there or about keys.
fn told(error: &GatewayError) -> String {
    match error {
        GatewayError::Refused { message, .. } => message.clone(),
        GatewayError::Unavailable(_) => "it could not be reached".to_owned(),
        GatewayError::Misconfigured(_) | GatewayError::OutcomeUnknown(_) => "it takes no payments now".to_owned(),
    }
}

/// Begins an attempt that the gateway was never asked for, or surely does not have.
pub(super) async fn begin_at_gateway(
    app: &App,
    booking: &PayableBooking,
    payment: &Payment,
) -> Result<GatewayPayment, CallError<GatewayError>> {
    let Some(gateway) = app.payments.gateway_of(&payment.provider) else {
        return Err(CallError::Failed(GatewayError::Unavailable("it is another one now".to_owned())));
    };
    let request = PaymentRequest {
        id: payment.id,
        booking: booking.id,
        amount: payment.amount,
        description: format!("{} ({})", booking.event_title, booking.id.reference()),
        method: Some(payment.method.clone()),
        return_url: payment.return_url.clone(),
        expires_at: booking.ends_at,
    };
    ask(app, 1, gateway.begin(&request)).await
}

/// Looks for an attempt that the gateway may have, before it is begun again: a gateway may repeat its first answer, an error, and forget ids.
pub(super) async fn find_or_begin(
    app: &App,
    booking: &PayableBooking,
    payment: &Payment,
) -> Result<GatewayPayment, CallError<GatewayError>> {
    // Who could not look does not know: what was asked before may be under way.
    let unknown = |error: CallError<GatewayError>| CallError::Failed(GatewayError::OutcomeUnknown(error.to_string()));
    match find_at_gateway(app, payment).await.map_err(unknown)? {
        Some(found) => Ok(found),
        None => begin_at_gateway(app, booking, payment).await,
    }
}

pub(super) async fn find_at_gateway(
    app: &App,
    payment: &Payment,
) -> Result<Option<GatewayPayment>, CallError<GatewayError>> {
    let Some(gateway) = app.payments.gateway_of(&payment.provider) else {
        return Err(CallError::Failed(GatewayError::OutcomeUnknown("it is another one now".to_owned())));
    };
    ask(app, 2, gateway.find_payment(payment.id, payment.asked_at)).await
}
