//! Refunds that are written outside of the ledger: asked for by organizers, or made on the gateway's own pages.

use std::time::Duration;

use domain::{
    bookings::{Fingerprint, IdempotencyKey},
    ids::{AccountId, BookingId, CancellationId, EventId, PaymentId, RefundId},
    jobs::JobPayload,
    money::Money,
    payments::{
        books::{AmountRefund, ForeignRefund, Refund, RefundOutcome, RepeatedRefund},
        cancellation::check_refund,
        refund::{RefundCause, RefundState},
    },
};
use rust_decimal::Decimal;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{
    super::{
        super::super::{
            connection::{Statements as _, Transaction, Typed},
            jobs::enqueue,
            rows::StoreError,
        },
        MANUAL, money,
    },
    BY_ID, by_key, note, refund, select, told,
};

const LOCK_PAYMENT: &str = "SELECT id, event_id, booking_id, amount, currency::text AS currency, provider FROM payments \
    WHERE booking_id = $1 AND pays_booking FOR NO KEY UPDATE";
const LOCK_PAYMENT_OF_REFUND: &str = "SELECT p.id, p.event_id, p.booking_id, p.amount, p.currency::text AS currency, p.provider \
    FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.id = $1 AND r.booking_id = $2 FOR NO KEY UPDATE OF p";
const LOCK_FOREIGN_PAYMENT: &str = "SELECT id, event_id, booking_id, amount, currency::text AS currency, provider FROM payments \
    WHERE provider = $1 AND reference = $2 FOR NO KEY UPDATE";
const GONE: &str = "SELECT gone_of_payment($1) AS gone";
const CURRENCY: &str = "SELECT currency::text AS currency, 0::numeric AS zero FROM bookings WHERE id = $1";
/// A request to refund tickets has its key at the cancellation.
const CANCELLATION_HAS_KEY: &str = "SELECT FROM cancellations WHERE account_id = $1 AND idempotency_key = $2";

const INSERT: &str = "INSERT INTO refunds (id, booking_id, event_id, payment_id, amount, currency, cause, state, reason, cancellation_id, \
        by_hand, reference, account_id, idempotency_key, fingerprint) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::refund_state, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING";

const FOREIGN: &str = "SELECT id FROM refunds WHERE payment_id = $1 AND reference = $2";
const REPLACE: &str = "UPDATE refunds SET replaced_by_id = $2 WHERE id = $1";

/// Why money goes back that nobody asked for here.
const ELSEWHERE: &str = "refunded on the pages of the payment gateway";

/// A payment under its lock, and what is left of it.
struct LockedPayment {
    id: PaymentId,
    booking: BookingId,
    event: EventId,
    left: Money,
    is_manual: bool,
}

impl LockedPayment {
    async fn of(transaction: &Transaction, lock: &str, parameters: &[Typed<'_>]) -> Result<Option<Self>, StoreError> {
        let rows = transaction.query_typed(lock, parameters).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (id, mut left) = (row.try_get::<_, Uuid>("id")?, money(row, "amount")?);
        // By a statement of its own, which sees what was committed while the lock was waited for.
        let gone = transaction.query_typed(GONE, &[(&id, Type::UUID)]).await?;
        for row in &gone {
            left.amount -= row.try_get::<_, Decimal>("gone")?;
        }
        Ok(Some(Self {
            id: PaymentId(id),
            booking: BookingId(row.try_get("booking_id")?),
            event: EventId(row.try_get("event_id")?),
            left: if left.is_negative() { Money::zero(left.currency) } else { left },
            is_manual: row.try_get::<_, &str>("provider")? == MANUAL,
        }))
    }
}

/// A refund that is written outside of the ledger.
struct Added<'a> {
    id: RefundId,
    amount: Money,
    cause: RefundCause,
    reason: &'a str,
    cancellation: Option<CancellationId>,
    by_hand: bool,
    state: RefundState,
    reference: Option<&'a str>,
    asked: Option<(AccountId, &'a IdempotencyKey, Fingerprint)>,
}

impl Added<'_> {
    /// Adds it with the jobs that follow. False if its key, or its gateway's name for it, is there already.
    async fn insert(&self, transaction: &Transaction, payment: &LockedPayment) -> Result<bool, StoreError> {
        let (account, key, fingerprint) = match &self.asked {
            Some((account, key, fingerprint)) => (Some(account.0), Some(key.as_str()), Some(fingerprint.0)),
            None => (None, None, None),
        };
        let cancellation = self.cancellation.map(|id| id.0);
        let parameters: [Typed<'_>; 15] = [
            (&self.id.0, Type::UUID),
            (&payment.booking.0, Type::UUID),
            (&payment.event.0, Type::UUID),
            (&payment.id.0, Type::UUID),
            (&self.amount.amount, Type::NUMERIC),
            (&self.amount.currency.as_str(), Type::BPCHAR),
            (&self.cause.as_str(), Type::TEXT),
            (&self.state.as_str(), Type::TEXT),
            (&self.reason, Type::TEXT),
            (&cancellation, Type::UUID),
            (&self.by_hand, Type::BOOL),
            (&self.reference, Type::TEXT),
            (&account, Type::UUID),
            (&key, Type::TEXT),
            (&fingerprint, Type::UUID),
        ];
        if transaction.execute_typed(INSERT, &parameters).await? == 0 {
            return Ok(false);
        }
        let job = match self.state {
            RefundState::Pending => Some(JobPayload::Refund { refund_id: self.id }),
            RefundState::Succeeded => Some(told(payment.booking, self.id)),
            RefundState::Failed => None,
        };
        enqueue(transaction, job.as_slice(), Duration::ZERO).await?;
        Ok(true)
    }
}

/// How a refund begins that may need no gateway.
fn first_state(by_hand: bool) -> RefundState {
    if by_hand { RefundState::Succeeded } else { RefundState::Pending }
}

/// What was asked for under this key before.
async fn asked_before(
    transaction: &Transaction,
    account: AccountId,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
) -> Result<Option<RefundOutcome>, StoreError> {
    if let Some(refund) = by_key(transaction, account, key).await? {
        let is_same = refund.fingerprint == Some(fingerprint);
        return Ok(Some(if is_same { RefundOutcome::Replayed(refund) } else { RefundOutcome::KeyReused }));
    }
    let parameters: [Typed<'_>; 2] = [(&account.0, Type::UUID), (&key.as_str(), Type::TEXT)];
    let is_of_tickets = !transaction.query_typed(CANCELLATION_HAS_KEY, &parameters).await?.is_empty();
    Ok(is_of_tickets.then_some(RefundOutcome::KeyReused))
}

async fn made(
    transaction: &Transaction,
    payment: &LockedPayment,
    added: Added<'_>,
) -> Result<Option<Refund>, StoreError> {
    if !added.insert(transaction, payment).await? {
        return Ok(None);
    }
    let rows = select(transaction, BY_ID, &[(&added.id.0, Type::UUID)]).await?;
    rows.first().map(refund).transpose()
}

pub(super) async fn add_amount(transaction: &Transaction, new: &AmountRefund) -> Result<RefundOutcome, StoreError> {
    let asked = asked_before(transaction, new.account_id, &new.key, new.fingerprint).await?;
    if let Some(outcome) = asked {
        return Ok(outcome);
    }
    let booking: [Typed<'_>; 1] = [(&new.booking_id.0, Type::UUID)];
    let Some(payment) = LockedPayment::of(transaction, LOCK_PAYMENT, &booking).await? else {
        let rows = transaction.query_typed(CURRENCY, &booking).await?;
        let row = rows.first().ok_or_else(|| StoreError::Row("no such booking".to_owned()))?;
        return Ok(RefundOutcome::AboveLeft(money(row, "zero")?));
    };
    if check_refund(new.amount, payment.left).is_err() {
        return Ok(RefundOutcome::AboveLeft(payment.left));
    }
    let added = Added {
        id: new.id,
        amount: new.amount,
        cause: RefundCause::Amount,
        reason: &new.reason,
        cancellation: None,
        by_hand: payment.is_manual,
        state: first_state(payment.is_manual),
        reference: None,
        asked: Some((new.account_id, &new.key, new.fingerprint)),
    };
    made_or_replayed(transaction, &payment, added).await
}

pub(super) async fn add_repeated(transaction: &Transaction, new: &RepeatedRefund) -> Result<RefundOutcome, StoreError> {
    let asked = asked_before(transaction, new.account_id, &new.key, new.fingerprint).await?;
    if let Some(outcome) = asked {
        return Ok(outcome);
    }
    let of: [Typed<'_>; 2] = [(&new.failed.0, Type::UUID), (&new.booking_id.0, Type::UUID)];
    let Some(payment) = LockedPayment::of(transaction, LOCK_PAYMENT_OF_REFUND, &of).await? else {
        return Ok(RefundOutcome::NotFound);
    };
    let rows = select(transaction, &format!("{BY_ID} FOR UPDATE"), &[(&new.failed.0, Type::UUID)]).await?;
    let failed = rows.first().map(refund).transpose()?;
    let Some(failed) = failed.filter(|of| of.state == RefundState::Failed && of.replaced_by.is_none()) else {
        return Ok(RefundOutcome::NotFailed);
    };
    // What is owed is kept for it; an amount that was given of one's own accord may have gone elsewhere since.
    if !failed.cause.is_owed() && failed.amount.amount > payment.left.amount {
        return Ok(RefundOutcome::AboveLeft(payment.left));
    }
    let by_hand = new.by_hand || payment.is_manual;
    let added = Added {
        id: new.id,
        amount: failed.amount,
        cause: failed.cause,
        reason: &failed.reason,
        cancellation: failed.cancellation_id,
        by_hand,
        state: first_state(by_hand),
        reference: None,
        asked: Some((new.account_id, &new.key, new.fingerprint)),
    };
    let outcome = made_or_replayed(transaction, &payment, added).await?;
    if let RefundOutcome::Made(_) = outcome {
        let replaced: [Typed<'_>; 2] = [(&new.failed.0, Type::UUID), (&new.id.0, Type::UUID)];
        transaction.execute_typed(REPLACE, &replaced).await?;
    }
    Ok(outcome)
}

async fn made_or_replayed(
    transaction: &Transaction,
    payment: &LockedPayment,
    added: Added<'_>,
) -> Result<RefundOutcome, StoreError> {
    let asked = added.asked;
    if let Some(refund) = made(transaction, payment, added).await? {
        return Ok(RefundOutcome::Made(refund));
    }
    // Somebody else has used the key since it was looked for.
    let again = match asked {
        Some((account, key, fingerprint)) => asked_before(transaction, account, key, fingerprint).await?,
        None => None,
    };
    Ok(again.unwrap_or(RefundOutcome::KeyReused))
}

pub(super) async fn add_foreign(
    transaction: &Transaction,
    of: &ForeignRefund,
) -> Result<Option<(RefundState, RefundState)>, StoreError> {
    let known: [Typed<'_>; 2] = [(&of.provider, Type::TEXT), (&of.payment.0, Type::TEXT)];
    let Some(payment) = LockedPayment::of(transaction, LOCK_FOREIGN_PAYMENT, &known).await? else { return Ok(None) };
    let reference = of.news.reference.as_ref().map(|reference| reference.0.as_str());
    let parameters: [Typed<'_>; 2] = [(&payment.id.0, Type::UUID), (&reference, Type::TEXT)];
    let rows = transaction.query_typed(FOREIGN, &parameters).await?;
    if let Some(row) = rows.first() {
        return note(transaction, RefundId(row.try_get("id")?), &of.news).await;
    }
    if of.news.state == RefundState::Failed || of.amount.is_free() {
        return Ok(Some((of.news.state, of.news.state)));
    }
    let added = Added {
        id: RefundId::generate(),
        amount: of.amount,
        cause: RefundCause::Amount,
        reason: ELSEWHERE,
        cancellation: None,
        by_hand: false,
        state: of.news.state,
        reference,
        asked: None,
    };
    added.insert(transaction, &payment).await?;
    Ok(Some((of.news.state, RefundState::Pending)))
}
