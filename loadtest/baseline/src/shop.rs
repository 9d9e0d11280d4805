//! Booking as most servers do it: one transaction a booking, which locks the row of the quota, looks, writes and commits.
//!
//! Nothing is slow on purpose: statements are prepared once a connection, rows of one table go in one statement, and what
//! can be asked without the lock is asked before it is taken.

mod from_hold;
mod json;
mod orders;
mod replay;
mod statements;

use std::{sync::Arc, time::Duration};

use boxoffice_http::{problem::Problem, reply::Reply, request::Request};
use deadpool_postgres::{Object, Pool};
use domain::{
    bookings::{Fingerprint, IdempotencyKey, Source},
    ids::{AccountId, EventId},
    selection::Selection,
};
use jiff::SignedDuration;

use self::{
    json::{BookingBody, HoldBody, Receipt},
    orders::{Kind, Order},
};

/// What the handlers share.
pub(crate) struct Shop {
    pub(crate) pool: Pool,
    /// How long a hold keeps its places.
    pub(crate) hold: SignedDuration,
}

/// A result, and whether an earlier request with the same key had led to it.
struct Made {
    receipt: Receipt,
    replayed: bool,
}

/// `POST /events/{id}/holds`
pub(crate) async fn hold(shop: Arc<Shop>, mut request: Request) -> Result<Reply, Problem> {
    let (account, event, key) = head(&request)?;
    let selection = Selection::try_from(request.body::<HoldBody>().await?)?;
    let source = Source::Selection(selection.clone());
    let order = Order { kind: Kind::Hold, account, event, key, fingerprint: Fingerprint::of(event, &source) };
    answer("holds", orders::place(&shop, &order, &selection).await?)
}

/// `POST /events/{id}/bookings`
pub(crate) async fn book(shop: Arc<Shop>, mut request: Request) -> Result<Reply, Problem> {
    let (account, event, key) = head(&request)?;
    let source = Source::try_from(request.body::<BookingBody>().await?)?;
    let order = Order { kind: Kind::Booking, account, event, key, fingerprint: Fingerprint::of(event, &source) };
    let made = match source {
        Source::Selection(selection) => orders::place(&shop, &order, &selection).await?,
        Source::Hold(hold) => from_hold::book(&shop, &order, hold).await?,
    };
    answer("bookings", made)
}

/// `GET /events/{id}/availability`, so that the same load client can open an event: there is nothing to open here.
pub(crate) async fn availability(_shop: Arc<Shop>, _request: Request) -> Result<Reply, Problem> {
    Reply::ok(&serde_json::json!({}))
}

fn head(request: &Request) -> Result<(AccountId, EventId, IdempotencyKey), Problem> {
    let key = IdempotencyKey::parse(request.idempotency_key()?);
    let key = key.ok_or_else(|| Problem::internal("a key that was checked is no key"))?;
    Ok((request.caller()?.account, request.id::<EventId>("id")?, key))
}

fn answer(of: &str, made: Made) -> Result<Reply, Problem> {
    let reply = Reply::created(&format!("/api/v1/{of}/{}", made.receipt.id), &made.receipt)?;
    Ok(if made.replayed { reply.replayed() } else { reply })
}

async fn connection(shop: &Shop) -> Result<Object, Problem> {
    shop.pool.get().await.map_err(|error| Problem::unavailable(Duration::from_secs(1), error))
}

/// What a failed statement means to the client. The transaction is rolled back when it is dropped.
fn failed(error: tokio_postgres::Error) -> Problem {
    if error.as_db_error().is_some() {
        return Problem::internal(error);
    }
    Problem::unavailable(Duration::from_secs(1), error)
}
