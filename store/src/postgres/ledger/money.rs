//! What a group does beside places, as the document that `ledger_money` takes. Nearly every group has none.

use domain::{
    bookings::{self, BookingStatus},
    ids::{AccountId, BookingId, CancellationId, EventId, JobId, PaymentId, PromoCodeId, RefundId},
    jobs::JobPayload,
    ledger::{CodeUse, Entry},
    payments::records::NewCancellation,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

#[derive(Debug, Default, Serialize)]
pub(super) struct Money<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paid: Vec<Paid>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    settled: Vec<Settled>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cancellations: Vec<Cancellation<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    codes: Vec<CodeChange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attendees: Vec<Attendee<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    jobs: Vec<Job>,
}

/// A payment that pays a booking.
#[derive(Debug, Serialize)]
struct Paid {
    payment_id: PaymentId,
    booking_id: BookingId,
    at: Timestamp,
}

/// A booking that waits for no payment any more.
#[derive(Debug, Serialize)]
struct Settled {
    booking_id: BookingId,
    /// An attempt that is in progress is ended as well.
    is_cancelled: bool,
    /// Of the job that closes its open attempt at the gateway, if it has one.
    job_id: JobId,
    at: Timestamp,
}

#[derive(Debug, Serialize)]
struct Cancellation<'a> {
    id: CancellationId,
    booking_id: BookingId,
    event_id: EventId,
    positions: Vec<u8>,
    kept: Decimal,
    cut: Decimal,
    currency: &'a str,
    reason: Option<&'a str>,
    account_id: Option<AccountId>,
    idempotency_key: Option<&'a str>,
    fingerprint: Option<Uuid>,
    at: Timestamp,
    gone_before: Decimal,
    refund_id: Option<RefundId>,
    payment_id: Option<PaymentId>,
    amount: Option<Decimal>,
    cause: Option<&'static str>,
    refund_reason: Option<&'a str>,
}

/// How the uses of a promo code change.
#[derive(Debug, Serialize)]
struct CodeChange {
    id: PromoCodeId,
    delta: i32,
}

#[derive(Debug, Serialize)]
struct Attendee<'a> {
    booking_id: BookingId,
    position: u8,
    name: &'a str,
    email: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Job {
    id: JobId,
    kind: &'static str,
    key: String,
    payload: JobPayload,
}

impl<'a> Money<'a> {
    pub(super) fn is_empty(&self) -> bool {
        let Self { paid, settled, cancellations, codes, attendees, jobs } = self;
        paid.is_empty()
            && settled.is_empty()
            && cancellations.is_empty()
            && codes.is_empty()
            && attendees.is_empty()
            && jobs.is_empty()
    }

    pub(super) fn add(&mut self, entry: &'a Entry) {
        if let Some(code_use) = entry.code_use() {
            self.count(&code_use);
        }
        match entry {
            Entry::Hold(_) | Entry::CloseHold { .. } | Entry::ExtendHold { .. } | Entry::ExtendBooking { .. } => {}
            Entry::Book { booking, .. } => {
                self.attendees.extend(booking.attendees.iter().zip(0..).map(|(attendee, position)| Attendee {
                    booking_id: booking.id,
                    position,
                    name: attendee.name.as_str(),
                    email: attendee.email.as_ref().map(|email| email.as_str()),
                }));
            }
            Entry::Confirm { booking, payment_id, at } => {
                self.paid.extend(payment_id.map(|payment_id| Paid { payment_id, booking_id: booking.id, at: *at }));
                self.settle(booking, false, *at);
                self.queue(entry.jobs());
            }
            Entry::CancelItems { booking, money, at, .. } => {
                self.cancellations.extend(money.as_ref().map(|money| Cancellation::of(booking, money, *at)));
                self.queue(entry.jobs());
            }
            Entry::CloseBooking { booking, to, money, at, .. } => {
                // Also of one that is paid already: another attempt may be in progress.
                if !booking.total.is_free() {
                    self.settle(booking, *to == BookingStatus::Cancelled, *at);
                }
                self.cancellations.extend(money.as_ref().map(|money| Cancellation::of(booking, money, *at)));
                self.queue(entry.jobs());
            }
        }
    }

    /// In one order everywhere: two groups that change the same codes never wait for each other.
    pub(super) fn sort(&mut self) {
        self.codes.sort_unstable_by_key(|change| change.id);
    }

    fn count(&mut self, code_use: &CodeUse) {
        let delta = if code_use.is_taken { 1 } else { -1 };
        match self.codes.iter_mut().find(|change| change.id == code_use.promo_code_id) {
            Some(change) => change.delta += delta,
            None => self.codes.push(CodeChange { id: code_use.promo_code_id, delta }),
        }
    }

    fn settle(&mut self, booking: &bookings::Booking, is_cancelled: bool, at: Timestamp) {
        self.settled.push(Settled { booking_id: booking.id, is_cancelled, job_id: JobId::generate(), at });
    }

    fn queue(&mut self, jobs: Vec<JobPayload>) {
        let job =
            |payload: JobPayload| Job { id: JobId::generate(), kind: payload.kind(), key: payload.key(), payload };
        self.jobs.extend(jobs.into_iter().map(job));
    }
}

impl<'a> Cancellation<'a> {
    fn of(booking: &bookings::Booking, money: &'a NewCancellation, at: Timestamp) -> Self {
        let NewCancellation { id, positions, kept, cut, reason, account_id, key, refund, gone_before, .. } = money;
        let refund = refund.as_ref();
        Self {
            id: *id,
            booking_id: booking.id,
            event_id: booking.event_id,
            positions: positions.iter().collect(),
            kept: kept.amount,
            cut: cut.amount,
            currency: kept.currency.as_str(),
            reason: reason.as_deref(),
            account_id: *account_id,
            idempotency_key: key.as_ref().map(|(key, _)| key.as_str()),
            fingerprint: key.as_ref().map(|(_, fingerprint)| fingerprint.0),
            at,
            gone_before: gone_before.amount,
            refund_id: refund.map(|refund| refund.id),
            payment_id: refund.map(|refund| refund.payment_id),
            amount: refund.map(|refund| refund.amount.amount),
            cause: refund.map(|refund| refund.cause.as_str()),
            refund_reason: refund.map(|refund| refund.reason.as_str()),
        }
    }
}
