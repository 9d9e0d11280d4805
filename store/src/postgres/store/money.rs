//! The money of bookings: refunds, cancellations, and the books that they make with payments.

mod books;
mod by_hand;
mod receipts;
mod refunds;

use domain::{
    bookings::Positions,
    money::Money,
    payments::{ManualMethod, payment::BY_HAND as MANUAL, statement::PaidThrough},
};
use rust_decimal::Decimal;
use tokio_postgres::Row;

use super::super::rows::{StoreError, parse};

/// The amount in this column, in the row's `currency`.
fn money(row: &Row, column: &str) -> Result<Money, StoreError> {
    Ok(Money::new(row.try_get::<_, Decimal>(column)?, parse(row.try_get("currency")?)?))
}

/// Who took the money of a payment. What a bank has transferred, the organizer says.
fn through(provider: &str, method: &str) -> PaidThrough {
    if provider != MANUAL {
        return PaidThrough::Gateway;
    }
    PaidThrough::Hand(method.parse().unwrap_or(ManualMethod::Bank))
}

fn positions(row: &Row) -> Result<Positions, StoreError> {
    let positions: Vec<i16> = row.try_get("positions")?;
    let position = |at: &i16| u8::try_from(*at).map_err(|error| StoreError::Row(format!("a position: {error}")));
    positions.iter().map(position).collect()
}
