//! Rows of payments as values of the domain.

use domain::{
    bookings::{Fingerprint, IdempotencyKey},
    ids::{AccountId, BookingId, EventId, PaymentId},
    money::{Currency, Money},
    payments::{
        gateway::{ClientSecret, GatewayReference, PaymentFailure},
        payment::{Payment, PaymentAnswer},
        repository::PayableBooking,
    },
    pricing::terms::SaleTerms,
};
use jiff::SignedDuration;
use tokio_postgres::Row;

use super::super::super::rows::{StoreError, parse};

/// Columns of a payment `p`, for [`payment`].
pub(super) const PAYMENT_COLUMNS: &str = "p.id, p.booking_id, p.event_id, p.account_id, p.provider, p.method, p.state::text AS state, \
    p.amount, p.currency::text AS currency, p.reference, p.client_secret, p.redirect_url, p.failure_code, p.failure_message, \
    p.return_url, p.idempotency_key, p.fingerprint, p.asked_at, p.refused, p.answered::text AS answered, p.answered_at, p.answered_page, \
    p.created_at, p.updated_at";

pub(super) fn money(row: &Row, column: &str) -> Result<Money, StoreError> {
    let currency: Currency = parse(row.try_get("currency")?)?;
    Ok(Money::new(row.try_get(column)?, currency))
}

pub(super) fn payment(row: &Row) -> Result<Payment, StoreError> {
    let key: &str = row.try_get("idempotency_key")?;
    let failure = row.try_get::<_, Option<String>>("failure_code")?.map(|code| {
        let message = row.try_get::<_, Option<String>>("failure_message")?.unwrap_or_default();
        Ok::<_, StoreError>(PaymentFailure { code, message })
    });
    let answered = match row.try_get::<_, Option<&str>>("answered")? {
        Some(state) => Some(PaymentAnswer {
            state: parse(state)?,
            since: row.try_get("answered_at")?,
            had_page: row.try_get("answered_page")?,
        }),
        None => None,
    };
    Ok(Payment {
        id: PaymentId(row.try_get("id")?),
        booking_id: BookingId(row.try_get("booking_id")?),
        event_id: EventId(row.try_get("event_id")?),
        account_id: AccountId(row.try_get("account_id")?),
        provider: row.try_get("provider")?,
        method: row.try_get("method")?,
        state: parse(row.try_get("state")?)?,
        amount: money(row, "amount")?,
        reference: row.try_get::<_, Option<String>>("reference")?.map(GatewayReference),
        client_secret: row.try_get::<_, Option<String>>("client_secret")?.map(ClientSecret),
        redirect_url: row.try_get("redirect_url")?,
        failure: failure.transpose()?,
        return_url: row.try_get("return_url")?,
        key: IdempotencyKey::parse(key).ok_or_else(|| StoreError::Row("an idempotency key".to_owned()))?,
        fingerprint: Fingerprint(row.try_get("fingerprint")?),
        asked_at: row.try_get("asked_at")?,
        refused: row.try_get("refused")?,
        answered,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

pub(super) fn payable(row: &Row) -> Result<PayableBooking, StoreError> {
    let default = SaleTerms::default();
    let seconds = |column, default| {
        let stored: Option<i32> = row.try_get(column)?;
        Ok::<_, StoreError>(stored.map_or(default, |seconds| SignedDuration::from_secs(seconds.into())))
    };
    let methods: Option<Vec<&str>> = row.try_get("methods")?;
    let methods = methods.map(|names| names.into_iter().map(parse).collect::<Result<_, _>>()).transpose()?;
    Ok(PayableBooking {
        id: BookingId(row.try_get("id")?),
        event_id: EventId(row.try_get("event_id")?),
        account_id: AccountId(row.try_get("account_id")?),
        status: parse(row.try_get("status")?)?,
        total: money(row, "total")?,
        ends_at: row.try_get("ends_at")?,
        created_at: row.try_get("created_at")?,
        event_title: row.try_get("title")?,
        hold_cap: seconds("hold_cap_seconds", default.hold_cap)?,
        bank_transfer_window: seconds("bank_transfer_window_seconds", default.bank_transfer_window)?,
        methods: methods.unwrap_or(default.methods),
    })
}
