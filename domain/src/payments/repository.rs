//! The port to stored payments. Whatever changes one compares its state first, so news that is late, repeated or heard by two servers at once
//! has its effect once.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{
    PaymentMethod,
    attempt::PaymentState,
    gateway::{ClientSecret, GatewayDispute, GatewayReference, PaymentFailure},
    payment::Payment,
    records::NewRefund,
};
use crate::{
    bookings::{BookingStatus, Fingerprint, IdempotencyKey},
    ids::{AccountId, BookingId, EventId, PaymentId},
    jobs::JobPayload,
    lists::{ListQuery, Page},
    money::Money,
    repository_error::Found,
};

/// A booking as somebody sees it who is about to pay it, with what of its event's terms that is about.
#[derive(Clone, Debug, PartialEq)]
pub struct PayableBooking {
    pub id: BookingId,
    pub event_id: EventId,
    pub account_id: AccountId,
    pub status: BookingStatus,
    pub total: Money,
    /// Until when it waits.
    pub ends_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// What the event is called, for the receipt of the gateway.
    pub event_title: String,
    pub hold_cap: SignedDuration,
    pub bank_transfer_window: SignedDuration,
    pub methods: BTreeSet<PaymentMethod>,
}

/// An attempt that is about to begin. Its amount is what the booking costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayment {
    pub id: PaymentId,
    pub booking_id: BookingId,
    pub account_id: AccountId,
    pub provider: String,
    pub method: String,
    pub state: PaymentState,
    pub return_url: Option<String>,
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
    /// After how long a job looks what became of it. Nothing of one that no gateway knows.
    pub check_after: Option<Duration>,
}

/// What became of the wish to begin an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum BeginOutcome {
    Begun(Payment),
    /// An earlier request with this key has begun it.
    Known(Payment),
    /// Of another attempt, money may be on its way.
    InProgress(PaymentId),
    /// The booking waits for no payment: it has this status, or has run out of time.
    NotPending(BookingStatus),
    NoBooking,
}

/// A transition of an attempt, and what is learned of it on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentChange {
    pub id: PaymentId,
    /// Nothing is changed unless it is in this state.
    pub from: PaymentState,
    pub to: PaymentState,
    pub reference: Option<GatewayReference>,
    pub client_secret: Option<ClientSecret>,
    pub redirect_url: Option<String>,
    pub failure: Option<PaymentFailure>,
    /// Queued in the same transaction.
    pub jobs: Vec<JobPayload>,
}

/// Money that has come and pays for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnneededMoney {
    pub payment_id: PaymentId,
    /// Nothing is changed unless the attempt is in this state.
    pub from: PaymentState,
    /// What was charged.
    pub charged: Money,
    pub refund: NewRefund,
    /// Queued in the same transaction.
    pub jobs: Vec<JobPayload>,
}

/// Numbers that are 0 while all is well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaymentFigures {
    /// Attempts of which money may be on its way, for too long.
    pub stuck: u64,
    /// Payments that pay a booking which is not confirmed, or that pay nothing and have no refund.
    pub paid_without_booking: u64,
    /// Refunds that have not come to an end.
    pub refunds_pending: u64,
    /// How long the oldest of them has been asked for.
    pub oldest_refund: Duration,
}

#[async_trait]
pub trait PaymentRepository: Send + Sync {
    async fn payable_booking(&self, id: BookingId) -> Found<Option<PayableBooking>>;

    /// Begins an attempt, with the job that looks after it, unless the booking waits for no payment any more or money is on its way. One that
    /// waits for its payer, and one that surely never began, makes room and is closed.
    async fn begin_payment(&self, new: &NewPayment) -> Found<BeginOutcome>;

    async fn payment(&self, id: PaymentId) -> Found<Option<Payment>>;

    /// One of a booking of this account.
    async fn payment_of(&self, account: AccountId, id: PaymentId) -> Found<Option<Payment>>;

    /// The one that a request with this key began.
    async fn payment_by_key(&self, account: AccountId, key: &IdempotencyKey) -> Found<Option<Payment>>;

    async fn payment_by_reference(&self, provider: &str, reference: &GatewayReference) -> Found<Option<Payment>>;

    /// The attempts to pay a booking, the earliest first.
    async fn payments_of_booking(&self, booking: BookingId) -> Found<Vec<Payment>>;

    /// Payments of everybody. One is stuck when money may have been on its way for `stuck_after`.
    async fn payments(&self, query: &ListQuery, stuck_after: Duration) -> Found<Page<Payment>>;

    /// Notes that the gateway is about to be asked to begin it. `false` when it has been begun, or ended, already.
    async fn ask_again(&self, id: PaymentId) -> Found<bool>;

    /// Notes that the gateway surely did not begin it, and that nobody asks it now.
    async fn not_begun(&self, id: PaymentId) -> Found<()>;

    /// The attempt as it is now, which is the first answer to its request unless that had one.
    async fn answer_payment(&self, id: PaymentId) -> Found<Option<Payment>>;

    /// `false` when its state is another one meanwhile.
    async fn change_payment(&self, change: &PaymentChange) -> Found<bool>;

    /// The attempt has succeeded, and its money goes back. `false` when its state is another one meanwhile.
    async fn return_money(&self, money: &UnneededMoney) -> Found<bool>;

    /// Keeps a message of a gateway and queues the job that applies it. `false` when it was there already.
    async fn keep_message(&self, provider: &str, id: &str, body: &[u8]) -> Found<bool>;

    /// The body of a message that was not applied yet.
    async fn message(&self, provider: &str, id: &str) -> Found<Option<Vec<u8>>>;

    async fn message_applied(&self, provider: &str, id: &str) -> Found<()>;

    /// Notes how a dispute about a payment stands. What was decided stays decided.
    async fn note_dispute(&self, payment: &Payment, dispute: &GatewayDispute) -> Found<()>;

    async fn payment_figures(&self, stuck_after: Duration) -> Found<PaymentFigures>;
}
