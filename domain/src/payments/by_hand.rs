//! Payments by hand: what an organizer says that they were paid, or gives away.

use async_trait::async_trait;

use super::ManualMethod;
use crate::{
    bookings::{BookingStatus, Fingerprint, IdempotencyKey},
    ids::{AccountId, BookingId, PaymentId},
    repositories::Found,
};

#[derive(Clone, Debug)]
pub struct HandPayment {
    /// The id that it will have, unless it is a bank transfer that was begun.
    pub id: PaymentId,
    pub booking_id: BookingId,
    /// Who says so.
    pub account_id: AccountId,
    pub method: ManualMethod,
    pub note: Option<String>,
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
}

/// What came of noting a payment by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOutcome {
    /// This attempt is to pay the booking, by its confirmation.
    Noted(PaymentId),
    /// An earlier request with the key has noted it.
    Known(PaymentId),
    KeyReused,
    /// The gateway is at this attempt: its money may be on its way.
    InProgress(PaymentId),
    /// The booking has this status and needs no money, or is free.
    NotPayable(BookingStatus),
    NoBooking,
}

#[async_trait]
pub trait HandPayments: Send + Sync {
    /// Notes a payment by hand. Until the booking is confirmed with it, it is an attempt that was cancelled: nothing waits for it, and a server
    /// that dies here leaves nothing in the way. A bank transfer that was begun is taken in its place.
    async fn note_payment_by_hand(&self, new: &HandPayment) -> Found<HandOutcome>;
}
