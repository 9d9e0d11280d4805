//! Receipts: their numbers, given once.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{
    ids::{BookingId, TicketTypeId},
    money::Percentage,
    payments::receipts::{Receipt, ReceiptRepository},
    repositories::Found,
};
use rust_decimal::Decimal;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::super::{
    super::{
        connection::{Statements, Transaction, Typed},
        rows::{StoreError, unsigned},
    },
    PgStore,
};

const FIND: &str = "SELECT r.number, r.seller, r.buyer, r.issued_at, coalesce(p.settled_as, p.method) AS method, p.updated_at AS paid_at, coalesce(s.tax_rate, 0) AS tax_rate, \
        ARRAY(SELECT t.id FROM ticket_types t WHERE t.event_id = p.event_id AND t.tax_rate IS NOT NULL ORDER BY t.id) AS types, \
        ARRAY(SELECT t.tax_rate FROM ticket_types t WHERE t.event_id = p.event_id AND t.tax_rate IS NOT NULL ORDER BY t.id) AS rates \
    FROM receipts r JOIN payments p ON p.booking_id = r.booking_id AND p.pays_booking \
        LEFT JOIN sale_terms s ON s.event_id = p.event_id WHERE r.booking_id = $1";

const PAID: &str = "SELECT e.organizer_id, o.name AS seller, b.name AS buyer FROM payments p JOIN bookings g ON g.id = p.booking_id \
    JOIN events e ON e.id = g.event_id JOIN profiles o ON o.account_id = e.organizer_id JOIN profiles b ON b.account_id = g.account_id \
    WHERE p.booking_id = $1 AND p.pays_booking";

/// Numbers are given under the lock of the seller's row, and together with their receipts, so none is left out.
const NUMBER: &str = "INSERT INTO receipt_series (organizer_id, last_number) VALUES ($1, 1) \
    ON CONFLICT (organizer_id) DO UPDATE SET last_number = receipt_series.last_number + 1 RETURNING last_number";
const ISSUE: &str =
    "INSERT INTO receipts (organizer_id, number, booking_id, seller, buyer) VALUES ($1, $2, $3, $4, $5)";

fn receipt(row: &Row) -> Result<Receipt, StoreError> {
    let rate = |rate: Decimal| Percentage::new(rate).ok_or_else(|| StoreError::Row(format!("a tax rate of {rate}")));
    let (types, rates): (Vec<Uuid>, Vec<Decimal>) = (row.try_get("types")?, row.try_get("rates")?);
    let rates = types.into_iter().zip(rates).map(|(id, of)| Ok((TicketTypeId(id), rate(of)?)));
    Ok(Receipt {
        number: unsigned(row, "number")?,
        seller: row.try_get("seller")?,
        buyer: row.try_get("buyer")?,
        issued_at: row.try_get("issued_at")?,
        method: row.try_get("method")?,
        paid_at: row.try_get("paid_at")?,
        rates: rates.collect::<Result<HashMap<_, _>, StoreError>>()?,
        rate: rate(row.try_get("tax_rate")?)?,
    })
}

async fn find(client: &impl Statements, booking: BookingId) -> Result<Option<Receipt>, StoreError> {
    let rows = client.query_typed(FIND, &[(&booking.0, Type::UUID)]).await?;
    rows.first().map(receipt).transpose()
}

/// Gives a paid booking a number, unless somebody else was faster.
async fn issue(transaction: &Transaction, booking: BookingId) -> Result<Option<Receipt>, StoreError> {
    let rows = transaction.query_typed(PAID, &[(&booking.0, Type::UUID)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let organizer: Uuid = row.try_get("organizer_id")?;
    let (seller, buyer): (&str, &str) = (row.try_get("seller")?, row.try_get("buyer")?);
    // Two requests of one seller come one after the other from here on, and the second one sees what the first has issued.
    transaction
        .query_typed("SELECT pg_advisory_xact_lock(4, hashtext($1::text))", &[(&organizer.to_string(), Type::TEXT)])
        .await?;
    if let Some(receipt) = find(transaction, booking).await? {
        return Ok(Some(receipt));
    }
    let rows = transaction.query_typed(NUMBER, &[(&organizer, Type::UUID)]).await?;
    let row = rows.first().ok_or_else(|| StoreError::Row("no number of a receipt".to_owned()))?;
    let number: i32 = row.try_get("last_number")?;
    let parameters: [Typed<'_>; 5] = [
        (&organizer, Type::UUID),
        (&number, Type::INT4),
        (&booking.0, Type::UUID),
        (&seller, Type::TEXT),
        (&buyer, Type::TEXT),
    ];
    transaction.execute_typed(ISSUE, &parameters).await?;
    find(transaction, booking).await
}

#[async_trait]
impl ReceiptRepository for PgStore {
    async fn receipt(&self, booking: BookingId) -> Found<Option<Receipt>> {
        if let Some(receipt) = find(&self.pool.get().await?, booking).await? {
            return Ok(Some(receipt));
        }
        Ok(self.pool.transaction(|transaction| async move { issue(&transaction, booking).await }).await?)
    }
}
