//! What the ledger writes about money, in the transaction that changes places.

use crate::{
    bookings::{Fingerprint, IdempotencyKey, Positions},
    ids::{AccountId, CancellationId, PaymentId, RefundId},
    money::Money,
    payments::refund::RefundCause,
};

/// Money that is to go back. A job of the same transaction asks the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    pub id: RefundId,
    pub payment_id: PaymentId,
    /// More than 0.
    pub amount: Money,
    pub cause: RefundCause,
    /// For the buyer and the organizer.
    pub reason: String,
}

/// A cancellation of places that were paid, or that somebody gave a reason or a key for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCancellation {
    pub id: CancellationId,
    /// Of the items that it cancels.
    pub positions: Positions,
    /// The organizer's fee.
    pub kept: Money,
    /// What an earlier refund by amount has taken already.
    pub cut: Money,
    pub reason: Option<String>,
    /// Who asked for it; nobody when its event was cancelled.
    pub account_id: Option<AccountId>,
    pub key: Option<(IdempotencyKey, Fingerprint)>,
    /// Nothing when nothing was paid, or nothing of it is left.
    pub refund: Option<NewRefund>,
    /// What of the payment was not left when `refund` was computed: all of its refunds that have not failed, and what failed ones owe. The
    /// ledger refuses the cancellation if that has changed.
    pub gone_before: Money,
    /// Whether the organizer gives back what buyers can't any more, because the event has begun.
    pub beyond_terms: bool,
}
