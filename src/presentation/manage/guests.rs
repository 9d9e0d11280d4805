//! The bookings of an event, for those who run it: as pages of JSON, or all of them as CSV.

use std::sync::Arc;

use domain::{
    ids::{BookingId, EventId},
    management::events::{BookingFilter, GuestBooking, GuestList},
    validation::FieldError,
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::{export, manager, search};
use crate::{
    application::{
        app::{Adapters, App},
        manage::event_of,
    },
    presentation::{
        bookings::dto::BookingJson, browsing::List, edge::negotiation::named, problem::Problem, query::Query,
        reply::Reply, request::Request,
    },
};

static CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=present");

/// Who has booked.
#[derive(Serialize, ToSchema)]
#[schema(as = Guest)]
struct GuestJson<'a> {
    name: &'a str,
    email: &'a str,
}

/// A booking with whom it is for.
#[derive(Serialize, ToSchema)]
#[schema(as = GuestBooking)]
pub(super) struct GuestBookingJson<'a> {
    #[serde(flatten)]
    booking: BookingJson<'a>,
    guest: GuestJson<'a>,
}

impl<'a> From<&'a GuestBooking> for GuestBookingJson<'a> {
    fn from(of: &'a GuestBooking) -> Self {
        Self { booking: BookingJson::from(&of.booking), guest: GuestJson { name: &of.name, email: &of.email } }
    }
}

fn filter(query: &mut Query<'_>) -> BookingFilter {
    let mut statuses = Vec::new();
    for text in query.texts("status") {
        match text.parse() {
            Ok(status) => statuses.push(status),
            Err(_) => {
                let message = "must be PENDING_PAYMENT, CONFIRMED, CANCELLED or EXPIRED";
                query.fault(FieldError::new("status", "UNKNOWN_VALUE", message));
            }
        }
    }
    BookingFilter { statuses, q: search(query) }
}

/// `GET …/events/{id}/bookings`: a page; with `Accept: text/csv` all of them, one line a place.
pub(super) async fn list<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    let mut query = request.query();
    let filter = filter(&mut query);
    if named(request.headers(), "text/csv") > named(request.headers(), "application/json") {
        query.finish()?;
        event_of(&app, &by, event).await?;
        tracing::info!(%event, userId = %by.account, "bookings exported");
        let disposition = format!("attachment; filename=\"bookings-{event}.csv\"");
        let disposition = HeaderValue::from_str(&disposition).map_err(Problem::internal)?;
        return Ok(Reply::body(StatusCode::OK, CSV.clone(), export::body(app, event, filter))
            .header(header::CONTENT_DISPOSITION, disposition));
    }
    let list = List::asked(&request);
    let wanted = list.page_request::<BookingId>(&mut query);
    query.finish()?;
    event_of(&app, &by, event).await?;
    let page = app.store.bookings_of_event(event, &filter, &wanted, true).await?;
    list.reply(&page, &wanted, |of| of.booking.id, GuestBookingJson::from)
}
