//! A key that was used before: the same answer again, or a refusal when the request is another.

use boxoffice_http::problem::Problem;
use deadpool_postgres::Object;
use domain::{
    ids::EventId,
    money::{Currency, Money},
    refusal::Refusal,
};
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{
    failed,
    json::{Item, Receipt},
    orders::{Decision, Kind, Order, Seats, receipt},
    statements,
};

/// What was made under the key of `order`, if anything.
pub(super) async fn find(client: &Object, order: &Order) -> Result<Option<Receipt>, Problem> {
    let statement = match order.kind {
        Kind::Hold => statements::HOLD_BY_KEY,
        Kind::Booking => statements::BOOKING_BY_KEY,
    };
    let statement = client.prepare_cached(statement).await.map_err(failed)?;
    let row = client.query_opt(&statement, &[&order.account.0, &order.key.as_str()]).await.map_err(failed)?;
    let Some(row) = row else { return Ok(None) };
    if row.get::<_, Uuid>("fingerprint") != order.fingerprint.0 || EventId(row.get("event_id")) != order.event {
        return Err(Refusal::KeyReused.into());
    }
    let currency: Currency = row.get::<_, &str>("currency").parse().map_err(Problem::internal)?;
    let Json(items) = row.get::<_, Json<Vec<Item>>>("items");
    let decision = Decision { items, total: Money::new(row.get("total"), currency), at: row.get("created_at") };
    receipt(order, row.get("id"), decision, &Seats::new(), row.get("expires_at")).map(Some)
}
