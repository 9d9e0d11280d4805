//! Booking as most servers do it: one transaction a booking, which locks the row of the quota, looks, writes and commits.
//!
//! Nothing is slow on purpose: statements are prepared once a connection, rows of one table go in one statement, and what
//! can be asked without the lock is asked before it is taken.

mod orders;
mod statements;

use std::{sync::Arc, time::Duration};

use boxoffice_api::bookings::dto::{BookingBody, BookingJson};
use boxoffice_http::{problem::Problem, reply::Reply, request::Request};
use domain::{
    bookings::{BookingRequest, Fingerprint, IdempotencyKey, Source},
    ids::EventId,
};

pub(crate) use self::orders::Shop;
use self::orders::{Kind, Order, failed};

/// `POST /events/{id}/holds`
pub(crate) async fn hold(shop: Arc<Shop>, request: Request) -> Result<Reply, Problem> {
    sell(&shop, Kind::Hold, request).await
}

/// `POST /events/{id}/bookings`
pub(crate) async fn book(shop: Arc<Shop>, request: Request) -> Result<Reply, Problem> {
    sell(&shop, Kind::Booking, request).await
}

/// `GET /events/{id}/availability`, so that the same load client can open an event: there is nothing to open here.
pub(crate) async fn availability(_shop: Arc<Shop>, _request: Request) -> Result<Reply, Problem> {
    Reply::ok(&serde_json::json!({}))
}

async fn sell(shop: &Shop, kind: Kind, mut request: Request) -> Result<Reply, Problem> {
    let key = IdempotencyKey::parse(request.idempotency_key()?);
    let key = key.ok_or_else(|| Problem::internal("a key that was checked is no key"))?;
    let (account, event) = (request.caller()?.account, request.id::<EventId>("id")?);
    // It knows no codes and no attendees, which its clients don't send.
    let BookingRequest { source, .. } = BookingRequest::try_from(request.body::<BookingBody>().await?)?;
    let order = Order { kind, account, event, key, fingerprint: Fingerprint::of(event, &source) };

    let client = shop.pool.get().await;
    let mut client = client.map_err(|error| Problem::unavailable(Duration::from_secs(1), error))?;
    let seats = orders::find_seats(&client, &source).await?;
    let transaction = client.transaction().await.map_err(failed)?;
    let made = match &source {
        Source::Selection(selection) => orders::place(shop, &transaction, &order, selection, &seats).await,
        Source::Hold(hold) => orders::convert(&transaction, &order, hold.0).await,
    };
    let (booking, is_replay) = match made {
        Ok(Some(booking)) => {
            transaction.commit().await.map_err(failed)?;
            (booking, false)
        }
        // Taken key or refusal: what was made under the key, if anything, is the answer.
        other => {
            transaction.rollback().await.map_err(failed)?;
            let unknown = || Problem::internal("the key is taken and is not there");
            match orders::earlier(&client, &order).await? {
                Some(booking) => (booking, true),
                None => return Err(other.err().unwrap_or_else(unknown)),
            }
        }
    };
    let of = if kind == Kind::Hold { "holds" } else { "bookings" };
    // A hold is answered in the form of a booking, which is a little longer.
    let reply = Reply::created(&format!("/api/v1/{of}/{}", booking.id.0), &BookingJson::new(&booking, None))?;
    Ok(if is_replay { reply.replayed() } else { reply })
}
