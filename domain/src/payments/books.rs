//! What is stored of the money of bookings: refunds, cancellations, and the books that they make; and the ports to it.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    cancellation::{CancellationFee, CancellationTerms, cancel_lines},
    gateway::GatewayReference,
    records::{NewCancellation, NewRefund},
    refund::{RefundCause, RefundState},
    statement::{PaidThrough, Statement},
};
use crate::{
    bookings::{Booking, BookingStatus, Fingerprint, IdempotencyKey, Positions},
    ids::{AccountId, BookingId, CancellationId, EventId, PaymentId, RefundId},
    lists::{ListQuery, Page},
    money::{Money, MoneyError},
    repositories::Found,
};

/// A refund as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Refund {
    pub id: RefundId,
    pub booking_id: BookingId,
    pub event_id: EventId,
    pub payment_id: PaymentId,
    pub amount: Money,
    pub cause: RefundCause,
    pub state: RefundState,
    pub reason: String,
    /// Of [`RefundCause::Tickets`].
    pub cancellation_id: Option<CancellationId>,
    /// Paid back without the gateway.
    pub by_hand: bool,
    /// Why it failed.
    pub failure: Option<String>,
    /// The refund by which what this one owes is paid.
    pub replaced_by: Option<RefundId>,
    /// Who asked for it; nobody when it follows from something else.
    pub account_id: Option<AccountId>,
    /// What its request asked for, of one that was asked for by a key.
    pub fingerprint: Option<Fingerprint>,
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
}

/// Places of a booking that were given back together.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCancellation {
    pub id: CancellationId,
    pub booking_id: BookingId,
    pub positions: Positions,
    /// The organizer's fee.
    pub kept: Money,
    /// What an earlier refund by amount had taken already.
    pub cut: Money,
    pub reason: Option<String>,
    /// Who asked for it; nobody when its event was cancelled.
    pub account_id: Option<AccountId>,
    /// What its request asked for, of one that was asked for by a key.
    pub fingerprint: Option<Fingerprint>,
    pub created_at: Timestamp,
}

/// The payment that pays a booking, and how much of it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaidBooking {
    pub payment_id: PaymentId,
    pub amount: Money,
    pub through: PaidThrough,
    /// All of its refunds that have not failed, and what failed ones owe.
    pub gone: Money,
    /// When its money came.
    pub paid_at: Timestamp,
}

impl PaidBooking {
    /// What is left of it: no refund may be more.
    pub fn left(&self) -> Result<Money, MoneyError> {
        let left = self.amount.checked_sub(self.gone)?;
        Ok(if left.is_negative() { Money::zero(left.currency) } else { left })
    }
}

/// A cancellation that is asked for.
#[derive(Clone, Debug)]
pub struct CancellationRequest {
    pub fee: Option<CancellationFee>,
    pub reason: Option<String>,
    pub account_id: Option<AccountId>,
    pub key: Option<(IdempotencyKey, Fingerprint)>,
    /// Whether the organizer asks, who may do what buyers can't any more.
    pub beyond_terms: bool,
}

/// What a refund is for that nobody gave a reason for.
const CANCELLED: &str = "cancelled";

impl CancellationRequest {
    /// What the ledger is to write when these places are given back, for each of which so much was paid. Nothing is given back of a booking
    /// that nobody has `paid`.
    pub fn of(
        &self,
        positions: Positions,
        line_totals: &[Money],
        zero: Money,
        paid: Option<&PaidBooking>,
    ) -> Result<NewCancellation, MoneyError> {
        let (mut kept, mut cut, mut refund) = (zero, zero, None);
        if let Some(paid) = paid {
            let lines = cancel_lines(zero.currency, line_totals, self.fee, paid.left()?)?;
            (kept, cut) = (lines.kept, lines.cut);
            let new = || NewRefund {
                id: RefundId::generate(),
                payment_id: paid.payment_id,
                amount: lines.refund,
                cause: RefundCause::Tickets,
                reason: self.reason.clone().unwrap_or_else(|| CANCELLED.to_owned()),
            };
            refund = (!lines.refund.is_free()).then(new);
        }
        Ok(NewCancellation {
            id: CancellationId::generate(),
            positions,
            kept,
            cut,
            reason: self.reason.clone(),
            account_id: self.account_id,
            key: self.key.clone(),
            refund,
            gone_before: paid.map_or(zero, |paid| paid.gone),
            beyond_terms: self.beyond_terms,
        })
    }

    /// The same for these places of a booking.
    pub fn of_booking(
        &self,
        booking: &Booking,
        positions: Positions,
        paid: Option<&PaidBooking>,
    ) -> Result<NewCancellation, MoneyError> {
        let zero = Money::zero(booking.total.currency);
        let items = positions.iter().filter_map(|at| booking.items.get(usize::from(at)));
        let lines = items.map(|item| item.line(zero.currency).total(booking.tax_included));
        self.of(positions, &lines.collect::<Result<Vec<_>, _>>()?, zero, paid)
    }
}

impl Booking {
    /// As it was just after one of its cancellations. It was confirmed at `confirmed_at`.
    #[must_use]
    pub fn as_after(
        mut self,
        cancellation: &StoredCancellation,
        cancellations: &[StoredCancellation],
        refunds: &[Refund],
        confirmed_at: Timestamp,
    ) -> Self {
        let (at, all) = (cancellation.created_at, Positions::first(self.items.len()));
        let recorded = cancellations.iter().map(|of| of.positions).fold(Positions::default(), Positions::and);
        // Nothing remembers that a booking nobody has paid was simply given back, but the booking itself.
        let was_given_back = self.status == BookingStatus::Cancelled && recorded != all && self.updated_at <= at;
        let until_then = || cancellations.iter().filter(|of| of.created_at <= at && !of.positions.is_empty());
        let cancelled = until_then().map(|of| of.positions).fold(cancellation.positions, Positions::and);
        if !was_given_back {
            self.updated_at = until_then().map(|of| of.created_at).max().unwrap_or(confirmed_at);
        }
        let refunds: Vec<&Refund> = refunds.iter().filter(|of| of.created_at <= at).collect();
        let is_replaced = |of: &Refund| refunds.iter().any(|later| of.replaced_by == Some(later.id));
        self.refunded =
            refunds.iter().filter(|of| !is_replaced(of)).fold(Money::zero(self.total.currency), |mut sum, refund| {
                sum.amount += refund.amount.amount;
                sum
            });
        if was_given_back || cancelled == all {
            self.status = BookingStatus::Cancelled;
        } else if self.status == BookingStatus::Cancelled {
            (self.status, self.cancelled) = (BookingStatus::Confirmed, cancelled);
        } else {
            self.cancelled = cancelled;
        }
        self
    }
}

/// The books of one booking.
#[derive(Clone, Debug, PartialEq)]
pub struct BookingStatement {
    pub booking_id: BookingId,
    pub status: BookingStatus,
    pub created_at: Timestamp,
    pub statement: Statement,
}

#[async_trait]
pub trait BooksRepository: Send + Sync {
    /// Of these bookings, those that are paid.
    async fn paid_bookings(&self, bookings: &[BookingId]) -> Found<HashMap<BookingId, PaidBooking>>;

    /// Until when the buyer of a booking may cancel it.
    async fn cancellation_terms(&self, booking: BookingId) -> Found<Option<CancellationTerms>>;

    /// The cancellations of a booking, the oldest first.
    async fn cancellations_of(&self, booking: BookingId) -> Found<Vec<StoredCancellation>>;

    async fn cancellation_by_key(&self, account: AccountId, key: &IdempotencyKey) -> Found<Option<StoredCancellation>>;

    /// Keeps the key of a request that had nothing to cancel any more. What is there already stays.
    async fn note_cancellation(&self, booking: BookingId, request: &CancellationRequest) -> Found<()>;

    /// The books of an event at one instant.
    async fn statement_of_event(&self, event: EventId) -> Found<Statement>;

    /// The books of the bookings of an event that money was taken for, in the order of their ids, after this one.
    async fn booking_statements(
        &self,
        event: EventId,
        after: Option<BookingId>,
        limit: u32,
    ) -> Found<Vec<BookingStatement>>;
}

/// A refund that the gateway is to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundOrder {
    pub state: RefundState,
    pub amount: Money,
    /// Of the payment, and what its gateway calls it.
    pub provider: String,
    pub payment: Option<GatewayReference>,
    /// The gateway's, when it has answered.
    pub reference: Option<GatewayReference>,
    pub by_hand: bool,
    /// Whether the gateway was asked for it before.
    pub was_asked: bool,
    pub created_at: Timestamp,
}

/// What a gateway, or an organizer, says of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundNews {
    pub state: RefundState,
    pub reference: Option<GatewayReference>,
    /// Why it failed.
    pub failure: Option<String>,
}

/// A refund that was made on the gateway's own pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignRefund {
    pub provider: String,
    pub payment: GatewayReference,
    pub amount: Money,
    pub news: RefundNews,
}

/// Money that an organizer gives back without cancelling anything.
#[derive(Clone, Debug)]
pub struct AmountRefund {
    pub id: RefundId,
    pub booking_id: BookingId,
    pub amount: Money,
    pub reason: String,
    pub account_id: AccountId,
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
}

/// A refund in place of one that failed.
#[derive(Clone, Debug)]
pub struct RepeatedRefund {
    pub id: RefundId,
    pub booking_id: BookingId,
    pub failed: RefundId,
    pub by_hand: bool,
    pub account_id: AccountId,
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
}

/// What became of a refund that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum RefundOutcome {
    Made(Refund),
    /// The key was used before, for this refund.
    Replayed(Refund),
    /// The key was used for another request.
    KeyReused,
    /// More than is left of what was paid, which is so much.
    AboveLeft(Money),
    /// There is no such refund of this booking.
    NotFound,
    /// It has not failed, or another one has taken its place.
    NotFailed,
}

#[async_trait]
pub trait RefundRepository: Send + Sync {
    /// The refunds of a booking, the oldest first.
    async fn refunds_of(&self, booking: BookingId) -> Found<Vec<Refund>>;

    /// Those of an event.
    async fn refunds_of_event(&self, event: EventId, query: &ListQuery) -> Found<Page<Refund>>;

    /// The refund that an account has asked for under a key, of an amount or in place of another.
    async fn refund_by_key(&self, account: AccountId, key: &IdempotencyKey) -> Found<Option<Refund>>;

    /// The refund of a cancellation.
    async fn refund_of_cancellation(&self, cancellation: CancellationId) -> Found<Option<Refund>>;

    /// What to ask the gateway for. Notes that it is about to be asked.
    async fn order_refund(&self, id: RefundId) -> Found<Option<RefundOrder>>;

    /// Writes down what is heard of a refund, and tells the buyer in the same transaction; nothing that is old or repeated. The state after
    /// and before it, if there is such a refund.
    async fn note_refund_news(&self, id: RefundId, news: &RefundNews) -> Found<Option<(RefundState, RefundState)>>;

    /// Writes down a refund that was made on the gateway's own pages, or what is heard of it later. Nothing if the payment is not known.
    async fn note_foreign_refund(&self, of: &ForeignRefund) -> Found<Option<(RefundState, RefundState)>>;

    /// Gives an amount back, under the lock of the payment: with the job that asks the gateway.
    async fn refund_amount(&self, new: &AmountRefund) -> Found<RefundOutcome>;

    /// Pays what a failed refund owes by another one.
    async fn repeat_refund(&self, new: &RepeatedRefund) -> Found<RefundOutcome>;
}
