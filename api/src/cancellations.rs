//! Cancelling a booking, or some of its places, by its buyer.

pub(crate) mod endpoints;

use std::sync::Arc;

use application::{
    app::App,
    cancellations::{self, Asked, By},
};
use boxoffice_http::{problem::Problem, problem_codes::Code, reply::Reply, request::Request};
use domain::{
    bookings::{Booking, Fingerprint, IdempotencyKey},
    ids::BookingId,
    validation::FieldError,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{bookings::dto::BookingJson, manage::named_body};

/// Most items of a booking.
const ITEMS_MAX: usize = 100;

/// Which places are given back.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = CancellationRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CancellationBody {
    /// Items of the booking.
    #[schema(min_items = 1, max_items = 100)]
    item_ids: Vec<Uuid>,
}

/// The body of a request whose key is kept for good, and that key with what the request asks for.
pub(crate) async fn kept_body<T: DeserializeOwned + Serialize + Send + 'static>(
    request: &mut Request,
) -> Result<(T, (IdempotencyKey, Fingerprint)), Problem> {
    request.idempotency_key()?;
    let (body, named) = named_body(request).await?;
    let named = named.ok_or_else(|| Problem::new(Code::IdempotencyKeyMissing))?;
    Ok((body, (named.key, named.fingerprint)))
}

/// The ids of items as a client has sent them.
pub(crate) fn item_ids(ids: Vec<Uuid>) -> Result<Vec<Uuid>, FieldError> {
    match ids.len() {
        0 => Err(FieldError::new("itemIds", "REQUIRED", "name one item at least")),
        count if count > ITEMS_MAX => Err(FieldError::new("itemIds", "TOO_MANY", "a booking has at most 100 items")),
        _ => Ok(ids),
    }
}

/// The booking as it is after its cancellation, or was at first.
async fn shown(app: &App, booking: &Booking, replayed: bool) -> Result<Reply, Problem> {
    let names = app.store.event_names(&[booking.event_id]).await?;
    let reply = Reply::ok(&BookingJson::new(booking, names.get(&booking.event_id)))?;
    Ok(if replayed { reply.replayed() } else { reply })
}

/// `DELETE /bookings/{id}`
pub(super) async fn delete(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (account, id) = (request.caller()?.account, request.id::<BookingId>("id")?);
    let cancelled = cancellations::cancel(&app, By::Buyer(account), id, &Asked::default()).await?;
    shown(&app, &cancelled.booking, false).await
}

/// `POST /bookings/{id}/cancellations`
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (account, id) = (request.caller()?.account, request.id::<BookingId>("id")?);
    By::Buyer(account).booking(&app, id).await?;
    let (body, key) = kept_body::<CancellationBody>(&mut request).await?;
    let asked = Asked { items: Some(item_ids(body.item_ids)?), key: Some(key), ..Asked::default() };
    let cancelled = cancellations::cancel(&app, By::Buyer(account), id, &asked).await?;
    shown(&app, &cancelled.booking, cancelled.replayed).await
}
