//! An attempt to pay a booking, as it is stored.

use jiff::Timestamp;

use super::{
    attempt::PaymentState,
    gateway::{ClientSecret, GatewayReference, PaymentFailure},
};
use crate::{
    bookings::{Fingerprint, IdempotencyKey},
    ids::{AccountId, BookingId, EventId, PaymentId},
    money::Money,
};

/// Who is named as the gateway of payments that none knows: by hand, and by bank transfer.
pub const BY_HAND: &str = "manual";

/// The method of a transfer to the organizer's account.
pub const BANK_TRANSFER: &str = "bank_transfer";

#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    pub id: PaymentId,
    pub booking_id: BookingId,
    pub event_id: EventId,
    /// Who began it: the buyer, or of a payment by hand the organizer.
    pub account_id: AccountId,
    /// The gateway, or [`BY_HAND`].
    pub provider: String,
    /// As it was asked for.
    pub method: String,
    pub state: PaymentState,
    pub amount: Money,
    /// What the gateway calls it, once it has answered.
    pub reference: Option<GatewayReference>,
    pub client_secret: Option<ClientSecret>,
    /// Where the payer has to go.
    pub redirect_url: Option<String>,
    pub failure: Option<PaymentFailure>,
    pub return_url: Option<String>,
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
    /// When the gateway was last asked to begin it.
    pub asked_at: Timestamp,
    /// The gateway has said for sure that it did not begin it, and nobody asks it now.
    pub refused: bool,
    pub answered: Option<PaymentAnswer>,
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
}

impl Payment {
    /// Whether the money goes to the organizer without a gateway, which therefore is never asked about it.
    pub fn is_by_hand(&self) -> bool {
        self.provider == BY_HAND
    }

    /// As the first answer to its request showed it: a repeated request gets that again, whatever happened since.
    #[must_use]
    pub fn as_first_answered(mut self) -> Self {
        if let Some(PaymentAnswer { state, since, had_page }) = self.answered {
            (self.state, self.updated_at) = (state, since);
            if !had_page {
                (self.client_secret, self.redirect_url) = (None, None);
            }
        }
        self
    }
}

/// How an attempt stood in the first answer to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentAnswer {
    pub state: PaymentState,
    pub since: Timestamp,
    /// Whether it had what the payer's page goes on with, which may be learned later.
    pub had_page: bool,
}
