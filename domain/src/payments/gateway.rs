//! The port to a payment gateway.
//!
//! A gateway is asked by use cases and jobs, after the attempt or refund is stored whose id is the idempotency key: never while a database
//! connection is held, and never by an actor that decides.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{attempt::PaymentEvent, refund::RefundState, statement::DisputeState};
use crate::{
    bookings::BookingStatus,
    ids::{BookingId, PaymentId, RefundId},
    money::{Currency, Money},
};

/// What a gateway calls a payment, refund or dispute of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayReference(pub String);

/// An attempt that a gateway is to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequest {
    /// The idempotency key: asked again with the same id, the gateway answers for the same payment.
    pub id: PaymentId,
    pub booking: BookingId,
    pub amount: Money,
    /// What the payer reads on the receipt of the gateway.
    pub description: String,
    /// How to pay, in the words of the gateway; without one, the payer chooses on its page.
    pub method: Option<String>,
    /// Where the payer goes on after an action elsewhere.
    pub return_url: Option<String>,
    /// When the booking stops waiting.
    pub expires_at: Option<Timestamp>,
}

/// With what a payer's page goes on. Anyone who has it can pay the booking, so it is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(pub String);

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// Why a payment failed, for the payer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentFailure {
    /// Stable, for programs: `card_declined` …
    pub code: String,
    pub message: String,
}

/// A payment as its gateway sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayPayment {
    pub reference: GatewayReference,
    /// The attempt that it belongs to; nothing for a payment that was not begun from here.
    pub id: Option<PaymentId>,
    /// What was asked for, and is charged when it succeeds.
    pub amount: Money,
    pub state: GatewayState,
    pub client_secret: Option<ClientSecret>,
    /// Where the payer has to go for an action.
    pub redirect_url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayState {
    ActionRequired,
    Processing,
    Succeeded,
    Failed(PaymentFailure),
    Cancelled,
}

impl GatewayState {
    /// What it means to the attempt, by what has become of its booking.
    pub fn event(&self, booking: BookingStatus) -> PaymentEvent {
        match self {
            Self::ActionRequired if booking == BookingStatus::PendingPayment => PaymentEvent::ActionRequired,
            Self::ActionRequired => PaymentEvent::ActionTooLate,
            Self::Processing => PaymentEvent::Processing,
            Self::Succeeded => PaymentEvent::Succeeded,
            Self::Failed(_) => PaymentEvent::Failed,
            Self::Cancelled => PaymentEvent::Cancelled,
        }
    }
}

/// A refund that a gateway is to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// The idempotency key.
    pub id: RefundId,
    pub payment: GatewayReference,
    pub amount: Money,
    /// Whether it was asked for before without an answer. Gateways forget idempotency keys, some after a day; then they are asked what they
    /// have done before they do it.
    pub repeated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRefund {
    pub reference: GatewayReference,
    /// Nothing for a refund that was made on the gateway's own pages.
    pub id: Option<RefundId>,
    pub payment: GatewayReference,
    pub amount: Money,
    pub state: RefundState,
    /// Why it failed.
    pub failure: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayDispute {
    pub reference: GatewayReference,
    pub payment: GatewayReference,
    pub amount: Money,
    pub state: DisputeState,
    /// Why the payer disputes, in the words of the gateway.
    pub reason: String,
}

/// A verified message of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayMessage {
    /// The gateway's own: a message that comes again has the same.
    pub id: String,
    pub sent_at: Timestamp,
    pub news: GatewayNews,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayNews {
    Payment(GatewayPayment),
    Refund(GatewayRefund),
    Dispute(GatewayDispute),
    /// Of a type that means nothing here.
    Other(String),
}

/// Why a gateway was not asked, or gave no answer. A payment that is declined, and one that waits for its payer, are answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// It may have done it: the connection broke, it took too long, or it failed on the way. It is asked again, under the same key; a new
    /// attempt could charge twice.
    #[error("the payment gateway gave no answer: {0}")]
    OutcomeUnknown(String),
    /// It was not reached, or takes no requests now. Nothing was charged.
    #[error("the payment gateway is away: {0}")]
    Unavailable(String),
    /// It refuses this request, and charged nothing.
    #[error("the payment gateway refuses: {message}")]
    Refused { code: String, message: String },
    /// It refuses every request from here: a wrong key, a version that it does not know. Nothing was charged; an operator has to act.
    #[error("the payment gateway is not configured rightly: {0}")]
    Misconfigured(String),
}

impl GatewayError {
    /// Whether it is sure that nothing was charged or given back.
    pub fn is_harmless(&self) -> bool {
        !matches!(self, Self::OutcomeUnknown(_))
    }
}

/// Why a message is not taken as one of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("the signature is missing or malformed")]
    NoSignature,
    #[error("the signature does not match")]
    WrongSignature,
    /// A message that somebody recorded could be sent again at any later time.
    #[error("the message is too old, or from the future")]
    WrongTime,
    #[error("the message can't be read")]
    Unreadable,
}

#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// The name in addresses, in JSON and in the database.
    fn provider(&self) -> &'static str;

    /// Methods of its own that requests may name; `card` it always has.
    fn methods(&self) -> &'static [&'static str];

    /// The least that it charges in a currency, as far as it says so.
    fn minimum(&self, currency: Currency) -> Option<Money>;

    /// Begins a payment, or tells how one stood at first that was begun under this id. After an unknown outcome
    /// [`find_payment`](Self::find_payment) comes first: a gateway may repeat its first answer, and forget the id after a day.
    async fn begin(&self, request: &PaymentRequest) -> Result<GatewayPayment, GatewayError>;

    async fn payment(&self, reference: &GatewayReference) -> Result<Option<GatewayPayment>, GatewayError>;

    /// A payment whose reference is not known, because no answer came when it was begun at `begun_at`.
    async fn find_payment(&self, id: PaymentId, begun_at: Timestamp) -> Result<Option<GatewayPayment>, GatewayError>;

    /// Has it take no money any more. If it has done so already, the answer says that.
    async fn cancel(&self, reference: &GatewayReference) -> Result<GatewayPayment, GatewayError>;

    /// Gives money back, or tells how a refund stood at first that was made under this id.
    async fn refund(&self, request: &RefundRequest) -> Result<GatewayRefund, GatewayError>;

    async fn refund_state(&self, reference: &GatewayReference) -> Result<Option<GatewayRefund>, GatewayError>;

    /// The name of the header that signs its messages.
    fn signature_header(&self) -> &'static str;

    /// Whether these bytes are a message of the gateway, sent about `now`. Nothing else of them is believed before.
    fn verify(&self, signature: Option<&str>, body: &[u8], now: Timestamp) -> Result<(), WebhookError>;

    /// What a message says that was verified when it came.
    fn read(&self, body: &[u8]) -> Result<GatewayMessage, WebhookError>;
}
