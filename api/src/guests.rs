//! The bookings of an event, for those who run it: as pages of JSON, or all of them as CSV.

pub(crate) mod endpoints;
mod export;

use std::sync::Arc;

use application::{acting, app::App, manage::event_of};
use boxoffice_http::{
    edge::negotiation::named,
    lists::{ListRequest, list_query},
    problem::Problem,
    reply::Reply,
    request::Request,
};
use domain::{
    audit::Action,
    ids::EventId,
    lists::{FilterValue, ListQuery, declared},
    management::events::GuestBooking,
};
use http::{HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::manage::manager;
use crate::{bookings::dto::BookingJson, csv::CSV};

/// In the audit log: the guests of an event.
const GUESTS: &str = "guests";

/// Who has booked.
#[derive(Serialize, ToSchema)]
#[schema(as = Guest)]
pub(crate) struct GuestJson<'a> {
    pub(crate) name: &'a str,
    pub(crate) email: &'a str,
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
        Self {
            booking: BookingJson::new(&of.booking, of.names.as_deref()),
            guest: GuestJson { name: &of.name, email: &of.email },
        }
    }
}

/// What of the guests is asked for, for the audit log.
fn asked_for(query: &ListQuery) -> Value {
    let statuses = if let Some(FilterValue::OneOf(statuses)) = query.get("status") { &**statuses } else { &[] };
    json!({ "statuses": statuses, "searched": query.get("q").is_some() })
}

/// `GET …/events/{id}/bookings`: a page; with `Accept: text/csv` all of them, one line a place.
pub(super) async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    if named(request.headers(), "text/csv") > named(request.headers(), "application/json") {
        let mut query = request.query();
        let asked = list_query(&mut query, &declared::GUEST_BOOKINGS, true);
        query.finish()?;
        event_of(&app, &by, event).await?;
        let action = if request.method() == Method::HEAD { Action::Read } else { Action::Exported };
        acting::looks_at(&app, action, (GUESTS, event.to_string()), asked_for(&asked)).await?;
        tracing::info!(%event, userId = %by.account, "bookings exported");
        let disposition = format!("attachment; filename=\"bookings-{event}.csv\"");
        let disposition = HeaderValue::from_str(&disposition).map_err(Problem::internal)?;
        return Ok(Reply::body(StatusCode::OK, CSV.clone(), export::body(app, event, asked))
            .header(header::CONTENT_DISPOSITION, disposition));
    }
    let list = ListRequest::read(&request, &declared::GUEST_BOOKINGS)?;
    event_of(&app, &by, event).await?;
    acting::looks_at(&app, Action::Read, (GUESTS, event.to_string()), asked_for(&list.query)).await?;
    let page = app.store.bookings_of_event(event, &list.query, true).await?;
    list.reply(&page, GuestBookingJson::from)
}
