//! The endpoint of the guests of an event.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::operation::Operation,
};
use domain::lists::declared;
use serde_json::json;

use super::GuestBookingJson;

fn guests(operation: Operation) -> Operation {
    let csv = json!({ "type": "string", "description": "RFC 4180, a line a place; what begins like a formula is made a text." });
    operation
        .details("With `Accept: text/csv` all of them, as a file. `limit`, `cursor` and `offset` are of pages only.")
        .page_of::<GuestBookingJson<'_>>(&declared::GUEST_BOOKINGS, "Bookings, the newest first.")
        .ok_as("text/csv", csv, "")
}

/// The endpoint, once for each scope.
pub(crate) fn of_event(scope: &Scope, section: Section<App>) -> Section<App> {
    section.with(
        scope
            .served(
                guests(Operation::get(
                    scope.path("/events/{id}/bookings"),
                    scope.id("list{}EventBookings"),
                    "List the bookings of an event",
                )),
                super::list,
            )
            .produces(&["application/json", "application/problem+json", "text/csv"]),
    )
}
