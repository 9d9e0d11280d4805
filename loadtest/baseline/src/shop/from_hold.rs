//! A hold becomes a booking.

use boxoffice_http::problem::Problem;
use deadpool_postgres::Transaction;
use domain::{
    ids::HoldId,
    money::{Currency, Money},
    refusal::Refusal,
};
use jiff::Timestamp;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{
    Made, Shop, connection, failed,
    json::Item,
    orders::{Decision, Order, Seats, count, insert_booking, receipt},
    replay, statements,
};

/// Books what `hold` keeps, in one transaction.
pub(super) async fn book(shop: &Shop, order: &Order, hold: HoldId) -> Result<Made, Problem> {
    let mut client = connection(shop).await?;
    let transaction = client.transaction().await.map_err(failed)?;
    match write(&transaction, order, hold.0).await {
        Ok(Some((id, decision))) => {
            transaction.commit().await.map_err(failed)?;
            Ok(Made { receipt: receipt(order, id, decision, &Seats::new(), None)?, replayed: false })
        }
        other => {
            transaction.rollback().await.map_err(failed)?;
            match replay::find(&client, order).await? {
                Some(receipt) => Ok(Made { receipt, replayed: true }),
                None => Err(other.err().unwrap_or_else(|| Problem::internal("the key is taken and is not there"))),
            }
        }
    }
}

/// `None` when the key is taken.
async fn write(transaction: &Transaction<'_>, order: &Order, hold: Uuid) -> Result<Option<(Uuid, Decision)>, Problem> {
    let at = Timestamp::now();
    let statement = transaction.prepare_cached(statements::LOCK_HOLD).await.map_err(failed)?;
    let row = transaction.query_opt(&statement, &[&hold, &order.event.0, &order.account.0]).await.map_err(failed)?;
    let row = row.ok_or(Refusal::HoldGone)?;
    if row.get::<_, &str>("status") != "ACTIVE" || row.get::<_, Timestamp>("expires_at") <= at {
        return Err(Refusal::HoldGone.into());
    }
    let currency: Currency = row.get::<_, &str>("currency").parse().map_err(Problem::internal)?;
    let Json(items) = row.get::<_, Json<Vec<Item>>>("items");
    let decision = Decision { items, total: Money::new(row.get("total"), currency), at };

    let quotas: Vec<Uuid> = decision.items.iter().map(|item| item.quota_id).collect();
    let statement = transaction.prepare_cached(statements::LOCK_QUOTAS).await.map_err(failed)?;
    transaction.query(&statement, &[&quotas]).await.map_err(failed)?;
    let statement = transaction.prepare_cached(statements::CONVERT_HOLD).await.map_err(failed)?;
    transaction.execute(&statement, &[&hold, &at]).await.map_err(failed)?;
    let Some(id) = insert_booking(transaction, order, &decision, Some(hold)).await? else { return Ok(None) };
    let seats: Vec<Uuid> = decision.items.iter().filter_map(|item| item.seat_id).collect();
    if !seats.is_empty() {
        let statement = transaction.prepare_cached(statements::HAND_OVER_CLAIMS).await.map_err(failed)?;
        transaction.execute(&statement, &[&order.event.0, &seats, &hold, &id]).await.map_err(failed)?;
    }
    count(transaction, &decision.items, (-1, 1)).await?;
    Ok(Some((id, decision)))
}
