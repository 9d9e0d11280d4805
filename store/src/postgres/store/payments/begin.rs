//! The transaction that begins an attempt.

use std::time::Duration;

use domain::{
    bookings::BookingStatus,
    jobs::JobPayload,
    money::{Currency, Money},
    payments::{
        payment::Payment,
        repository::{BeginOutcome, NewPayment},
    },
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            jobs::enqueue,
            rows::{StoreError, parse},
        },
        PgStore,
    },
    rows::{PAYMENT_COLUMNS, payment},
};

/// Until the end of the transaction nobody confirms, cancels or expires it; others may begin attempts as well, and of these one is first.
const LOCK_BOOKING: &str = "SELECT event_id, status::text AS status, total, currency::text AS currency, \
        coalesce(coalesce(extended_until, expires_at) <= clock_timestamp(), false) AS is_over \
    FROM bookings WHERE id = $1 FOR SHARE";

const OF_KEY: &str = "WHERE p.account_id = $1 AND p.idempotency_key = $2";

const OPEN: &str = "WHERE p.booking_id = $1 AND p.state IN ('STARTED', 'REQUIRES_ACTION', 'PROCESSING') FOR UPDATE";

const CLOSE: &str = "UPDATE payments SET state = 'CANCELLED', updated_at = now() WHERE id = $1";

/// Not when the key is taken, or another open attempt has come in between.
const INSERT: &str = "INSERT INTO payments AS p (id, booking_id, event_id, account_id, provider, method, state, amount, currency, \
        return_url, idempotency_key, fingerprint) \
    VALUES ($1, $2, $3, $4, $5, $6, $7::payment_state, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING";

struct LockedBooking {
    event_id: Uuid,
    status: BookingStatus,
    total: Money,
    is_over: bool,
}

fn locked(row: &Row) -> Result<LockedBooking, StoreError> {
    let currency: Currency = parse(row.try_get("currency")?)?;
    Ok(LockedBooking {
        event_id: row.try_get("event_id")?,
        status: parse(row.try_get("status")?)?,
        total: Money::new(row.try_get("total")?, currency),
        is_over: row.try_get("is_over")?,
    })
}

impl PgStore {
    pub(super) async fn begin_attempt(&self, new: &NewPayment) -> Result<BeginOutcome, StoreError> {
        self.pool.transaction(|transaction| async move { begin_in(&transaction, new).await }).await
    }
}

async fn begin_in(transaction: &Transaction, new: &NewPayment) -> Result<BeginOutcome, StoreError> {
    let rows = transaction.query_typed(LOCK_BOOKING, &[(&new.booking_id.0, Type::UUID)]).await?;
    let Some(booking) = rows.first().map(locked).transpose()? else { return Ok(BeginOutcome::NoBooking) };
    // First of all: what an earlier request with this key has begun is its answer, whatever became of the booking since.
    if let Some(known) = of_key(transaction, new).await? {
        return Ok(known);
    }
    if booking.status != BookingStatus::PendingPayment || booking.is_over {
        let status = if booking.is_over { BookingStatus::Expired } else { booking.status };
        return Ok(BeginOutcome::NotPending(status));
    }
    if let Some(other) = make_room(transaction, new).await? {
        return Ok(other);
    }
    if insert(transaction, new, &booking).await? == 0 {
        // Committed since this transaction looked: its own request, come twice, or another attempt.
        if let Some(known) = of_key(transaction, new).await? {
            return Ok(known);
        }
        let other = open(transaction, new).await?.map(|other| BeginOutcome::InProgress(other.id));
        return other.ok_or_else(|| StoreError::Row("a payment that excludes another one is gone".to_owned()));
    }
    if let Some(wait) = new.check_after {
        enqueue(transaction, &[JobPayload::CheckPayment { payment_id: new.id }], wait).await?;
    }
    let statement = format!("SELECT {PAYMENT_COLUMNS} FROM payments p WHERE p.id = $1");
    let row = transaction.query_typed_one(&statement, &[(&new.id.0, Type::UUID)]).await?;
    payment(&row).map(BeginOutcome::Begun)
}

async fn of_key(transaction: &Transaction, new: &NewPayment) -> Result<Option<BeginOutcome>, StoreError> {
    let statement = format!("SELECT {PAYMENT_COLUMNS} FROM payments p {OF_KEY}");
    let parameters: [Typed<'_>; 2] = [(&new.account_id.0, Type::UUID), (&new.key.as_str(), Type::TEXT)];
    let rows = transaction.query_typed(&statement, &parameters).await?;
    Ok(rows.first().map(payment).transpose()?.map(BeginOutcome::Known))
}

async fn open(transaction: &Transaction, new: &NewPayment) -> Result<Option<Payment>, StoreError> {
    let statement = format!("SELECT {PAYMENT_COLUMNS} FROM payments p {OPEN}");
    let rows = transaction.query_typed(&statement, &[(&new.booking_id.0, Type::UUID)]).await?;
    rows.first().map(payment).transpose()
}

/// Ends an attempt that waits for its payer, or surely never began. Otherwise what stands in the way.
async fn make_room(transaction: &Transaction, new: &NewPayment) -> Result<Option<BeginOutcome>, StoreError> {
    let Some(other) = open(transaction, new).await? else { return Ok(None) };
    // Its own request, come twice: committed since the key was looked up.
    if (other.account_id, &other.key) == (new.account_id, &new.key) {
        return Ok(Some(BeginOutcome::Known(other)));
    }
    if other.state.is_in_progress() && !other.refused {
        return Ok(Some(BeginOutcome::InProgress(other.id)));
    }
    transaction.execute_typed(CLOSE, &[(&other.id.0, Type::UUID)]).await?;
    if other.reference.is_some() {
        enqueue(transaction, &[JobPayload::ClosePayment { payment_id: other.id }], Duration::ZERO).await?;
    }
    Ok(None)
}

async fn insert(transaction: &Transaction, new: &NewPayment, booking: &LockedBooking) -> Result<u64, StoreError> {
    let parameters: [Typed<'_>; 12] = [
        (&new.id.0, Type::UUID),
        (&new.booking_id.0, Type::UUID),
        (&booking.event_id, Type::UUID),
        (&new.account_id.0, Type::UUID),
        (&new.provider, Type::TEXT),
        (&new.method, Type::TEXT),
        (&new.state.as_str(), Type::TEXT),
        (&booking.total.amount, Type::NUMERIC),
        (&booking.total.currency.as_str(), Type::BPCHAR),
        (&new.return_url, Type::TEXT),
        (&new.key.as_str(), Type::TEXT),
        (&new.fingerprint.0, Type::UUID),
    ];
    transaction.execute_typed(INSERT, &parameters).await
}
