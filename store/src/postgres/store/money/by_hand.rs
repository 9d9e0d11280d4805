//! Payments by hand.

use async_trait::async_trait;
use domain::{
    bookings::BookingStatus,
    ids::PaymentId,
    payments::by_hand::{HandOutcome, HandPayment, HandPayments},
    repositories::Found,
};
use rust_decimal::Decimal;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            rows::{StoreError, parse},
        },
        PgStore,
    },
    MANUAL,
};

const KNOWN: &str = "SELECT id, CASE WHEN settling_key = $2 AND settled_by = $1 THEN settling_fingerprint ELSE fingerprint END AS fingerprint \
    FROM payments WHERE (account_id = $1 AND idempotency_key = $2) OR (settled_by = $1 AND settling_key = $2)";

/// Whoever begins an attempt locks the booking as well, so this sees what was begun before.
const LOCK: &str = "SELECT status::text AS status, total FROM bookings WHERE id = $1 FOR SHARE";

const OPEN: &str = "SELECT id, provider, state::text AS state, refused FROM payments \
    WHERE booking_id = $1 AND state IN ('STARTED', 'REQUIRES_ACTION', 'PROCESSING') FOR NO KEY UPDATE";

const SETTLE: &str = "UPDATE payments SET note = $2, settled_by = $3, settling_key = $4, settling_fingerprint = $5, settled_as = $6 WHERE id = $1";

const INSERT: &str = "INSERT INTO payments (id, booking_id, event_id, account_id, provider, method, state, amount, currency, note, \
        idempotency_key, fingerprint) \
    SELECT $1, b.id, b.event_id, $3, $4, $5, 'CANCELLED', b.total, b.currency, $6, $7, $8 FROM bookings b WHERE b.id = $2 \
    ON CONFLICT DO NOTHING";

async fn known(transaction: &Transaction, new: &HandPayment) -> Result<Option<HandOutcome>, StoreError> {
    let parameters: [Typed<'_>; 2] = [(&new.account_id.0, Type::UUID), (&new.key.as_str(), Type::TEXT)];
    let rows = transaction.query_typed(KNOWN, &parameters).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let is_same = row.try_get::<_, Uuid>("fingerprint")? == new.fingerprint.0;
    let id = PaymentId(row.try_get("id")?);
    Ok(Some(if is_same { HandOutcome::Known(id) } else { HandOutcome::KeyReused }))
}

async fn note(transaction: &Transaction, new: &HandPayment) -> Result<HandOutcome, StoreError> {
    if let Some(outcome) = known(transaction, new).await? {
        return Ok(outcome);
    }
    let booking: [Typed<'_>; 1] = [(&new.booking_id.0, Type::UUID)];
    let rows = transaction.query_typed(LOCK, &booking).await?;
    let Some(row) = rows.first() else { return Ok(HandOutcome::NoBooking) };
    let status: BookingStatus = parse(row.try_get("status")?)?;
    let is_payable = matches!(status, BookingStatus::PendingPayment | BookingStatus::Expired);
    if !is_payable || row.try_get::<_, Decimal>("total")?.is_zero() {
        return Ok(HandOutcome::NotPayable(status));
    }
    for row in transaction.query_typed(OPEN, &booking).await? {
        let id = PaymentId(row.try_get("id")?);
        let is_waiting = row.try_get::<_, &str>("state")? == "REQUIRES_ACTION";
        if is_waiting && row.try_get::<_, &str>("provider")? == MANUAL {
            return settle(transaction, id, new).await;
        }
        // What waits for its payer is closed with the confirmation.
        if !is_waiting && !row.try_get::<_, bool>("refused")? {
            return Ok(HandOutcome::InProgress(id));
        }
    }
    let parameters: [Typed<'_>; 8] = [
        (&new.id.0, Type::UUID),
        (&new.booking_id.0, Type::UUID),
        (&new.account_id.0, Type::UUID),
        (&MANUAL, Type::TEXT),
        (&new.method.as_str(), Type::TEXT),
        (&new.note, Type::TEXT),
        (&new.key.as_str(), Type::TEXT),
        (&new.fingerprint.0, Type::UUID),
    ];
    if transaction.execute_typed(INSERT, &parameters).await? == 0 {
        // Somebody else has used the key since it was looked for.
        return Ok(known(transaction, new).await?.unwrap_or(HandOutcome::KeyReused));
    }
    Ok(HandOutcome::Noted(new.id))
}

/// The money of a bank transfer has come.
async fn settle(transaction: &Transaction, id: PaymentId, new: &HandPayment) -> Result<HandOutcome, StoreError> {
    let parameters: [Typed<'_>; 6] = [
        (&id.0, Type::UUID),
        (&new.note, Type::TEXT),
        (&new.account_id.0, Type::UUID),
        (&new.key.as_str(), Type::TEXT),
        (&new.fingerprint.0, Type::UUID),
        (&new.method.as_str(), Type::TEXT),
    ];
    transaction.execute_typed(SETTLE, &parameters).await?;
    Ok(HandOutcome::Noted(id))
}

#[async_trait]
impl HandPayments for PgStore {
    async fn note_payment_by_hand(&self, new: &HandPayment) -> Found<HandOutcome> {
        Ok(self.pool.transaction(|transaction| async move { note(&transaction, new).await }).await?)
    }
}
