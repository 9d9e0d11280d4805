//! What organizers do with bookings of their events: payments by hand and refunds.

use std::sync::Arc;

use domain::{
    bookings::{Booking, BookingStatus, Fingerprint, IdempotencyKey},
    ids::{BookingId, PaymentId, RefundId},
    inventory::Command,
    management::{Manager, events::GuestBooking},
    money::Money,
    payments::{
        ManualMethod,
        attempt::PaymentState,
        books::{AmountRefund, Refund, RefundOutcome, RepeatedRefund},
        by_hand::{HandOutcome, HandPayment},
        payment::Payment,
    },
    refusal::Refusal,
    repositories::RepositoryError,
};

use crate::{
    app::App,
    bookings::{BookingError, ask},
    cancellations::{self, Asked, By, CancelError},
};

/// How often a payment by hand is tried while its booking changes.
const TRIES: u32 = 10;

/// Why no payment was noted.
#[derive(Debug, thiserror::Error)]
pub enum HandPaymentError {
    #[error(transparent)]
    Booking(#[from] BookingError),
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The gateway is at this attempt.
    #[error("a payment is in progress")]
    InProgress(PaymentId),
    /// It is paid already, or costs nothing.
    #[error("there is nothing to pay")]
    NothingToPay,
    #[error("the booking is cancelled")]
    Cancelled,
}

impl From<RepositoryError> for HandPaymentError {
    fn from(error: RepositoryError) -> Self {
        Self::Booking(error.into())
    }
}

/// What a request by an organizer is known by for good.
#[derive(Clone, Debug)]
pub struct KeptRequest {
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
}

/// A thing that was made, and whether an earlier request with the same key has made it.
#[derive(Debug)]
pub struct MadeOnce<T> {
    pub value: T,
    pub replayed: bool,
}

/// A booking of an event that `by` may see.
pub async fn show(app: &App, by: &Manager, id: BookingId) -> Result<GuestBooking, BookingError> {
    app.store.guest_booking(by, id).await?.ok_or(BookingError::NotFound)
}

/// Says that the organizer was paid, or gives the booking away. It is confirmed in the same transaction, also if it has expired and its places
/// are free.
pub async fn pay(
    app: &App,
    by: &Manager,
    id: BookingId,
    request: KeptRequest,
    (method, note): (ManualMethod, Option<String>),
) -> Result<MadeOnce<Payment>, HandPaymentError> {
    let mut booking = show(app, by, id).await?.booking;
    let KeptRequest { key, fingerprint } = request;
    let (payment_id, account_id) = (PaymentId::generate(), by.account);
    let new = HandPayment { id: payment_id, booking_id: id, account_id, method, note, key, fingerprint };
    let (payment, is_known) = match app.store.note_payment_by_hand(&new).await? {
        HandOutcome::Noted(payment) => (payment, false),
        HandOutcome::Known(payment) => (payment, true),
        HandOutcome::KeyReused => return Err(HandPaymentError::KeyReused),
        HandOutcome::InProgress(payment) => return Err(HandPaymentError::InProgress(payment)),
        HandOutcome::NotPayable(BookingStatus::Cancelled) => return Err(HandPaymentError::Cancelled),
        HandOutcome::NotPayable(_) => return Err(HandPaymentError::NothingToPay),
        HandOutcome::NoBooking => return Err(BookingError::NotFound.into()),
    };
    for tries in 0..TRIES {
        if let Some(paid) = succeeded(app, payment).await? {
            return Ok(MadeOnce { value: paid, replayed: is_known && tries == 0 });
        }
        let command = Command::Confirm { booking: Arc::new(booking.clone()), payment_id: Some(payment) };
        let refusal = match ask(app, booking.event_id, command).await {
            Ok(_) => continue,
            Err(BookingError::NotFound) => Refusal::NotConfirmable("the booking waits for no payment"),
            Err(BookingError::Refused(refusal)) => refusal,
            Err(error) => return Err(error.into()),
        };
        let now = show(app, by, id).await?.booking;
        if now == booking && succeeded(app, payment).await?.is_none() {
            return Err(refused(&booking, refusal));
        }
        booking = now;
    }
    Err(HandPaymentError::Cancelled)
}

async fn succeeded(app: &App, id: PaymentId) -> Result<Option<Payment>, RepositoryError> {
    let payment = app.store.payment(id).await?;
    Ok(payment.filter(|payment| payment.state == PaymentState::Succeeded))
}

/// Why a booking that does not change is not confirmed.
fn refused(booking: &Booking, refusal: Refusal) -> HandPaymentError {
    match (booking.status, refusal) {
        (BookingStatus::Confirmed, _) => HandPaymentError::NothingToPay,
        (_, Refusal::NotConfirmable(_)) | (BookingStatus::Cancelled, _) => HandPaymentError::Cancelled,
        // Its places are gone, or nobody gets any now.
        (_, refusal) => BookingError::Refused(refusal).into(),
    }
}

/// What an organizer gives back.
#[derive(Clone, Debug)]
pub enum Given {
    /// What was paid for these items, which are cancelled.
    Items(Vec<uuid::Uuid>),
    /// An amount, and nothing is cancelled.
    Amount(Money),
}

/// Gives money back.
pub async fn refund(
    app: &App,
    by: &Manager,
    id: BookingId,
    request: KeptRequest,
    (given, reason): (Given, String),
) -> Result<MadeOnce<Refund>, CancelError> {
    match given {
        Given::Items(items) => refund_items(app, by, id, request, (items, reason)).await,
        Given::Amount(amount) => {
            show(app, by, id).await?;
            let KeptRequest { key, fingerprint } = request;
            let (refund_id, account_id) = (RefundId::generate(), by.account);
            let new = AmountRefund { id: refund_id, booking_id: id, amount, reason, account_id, key, fingerprint };
            made(app, app.store.refund_amount(&new).await?)
        }
    }
}

async fn refund_items(
    app: &App,
    by: &Manager,
    id: BookingId,
    request: KeptRequest,
    (items, reason): (Vec<uuid::Uuid>, String),
) -> Result<MadeOnce<Refund>, CancelError> {
    // A key names one request, whichever way it gives money back.
    if app.store.refund_by_key(by.account, &request.key).await?.is_some() {
        return Err(CancelError::KeyReused);
    }
    let key = Some((request.key, request.fingerprint));
    let asked = Asked { items: Some(items), reason: Some(reason), key, to_refund: true };
    let cancelled = cancellations::cancel(app, By::Organizer(by), id, &asked).await?;
    let refund = match cancelled.cancellation {
        Some(cancellation) => app.store.refund_of_cancellation(cancellation).await?,
        None => None,
    };
    let nothing = || CancelError::NothingLeft { left: Money::zero(cancelled.booking.total.currency) };
    Ok(MadeOnce { value: refund.ok_or_else(nothing)?, replayed: cancelled.replayed })
}

/// Makes a refund again that has failed.
pub async fn repeat_refund(
    app: &App,
    by: &Manager,
    (id, failed): (BookingId, RefundId),
    request: KeptRequest,
    by_hand: bool,
) -> Result<MadeOnce<Refund>, CancelError> {
    show(app, by, id).await?;
    let KeptRequest { key, fingerprint } = request;
    let (refund_id, account_id) = (RefundId::generate(), by.account);
    let new = RepeatedRefund { id: refund_id, booking_id: id, failed, by_hand, account_id, key, fingerprint };
    made(app, app.store.repeat_refund(&new).await?)
}

fn made(app: &App, outcome: RefundOutcome) -> Result<MadeOnce<Refund>, CancelError> {
    match outcome {
        RefundOutcome::Made(value) => {
            app.jobs.wake();
            Ok(MadeOnce { value, replayed: false })
        }
        RefundOutcome::Replayed(value) => Ok(MadeOnce { value, replayed: true }),
        RefundOutcome::KeyReused => Err(CancelError::KeyReused),
        RefundOutcome::AboveLeft(left) => Err(CancelError::NothingLeft { left }),
        RefundOutcome::NotFound => Err(BookingError::NotFound.into()),
        RefundOutcome::NotFailed => Err(CancelError::NotFailed),
    }
}
