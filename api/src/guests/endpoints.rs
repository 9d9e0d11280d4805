//! The endpoint of the guests of an event.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::{operation::Operation, parameter::Parameter},
};
use serde_json::json;

use super::GuestBookingJson;
use crate::bookings::public::BOOKING_STATUSES;

fn guests(operation: Operation) -> Operation {
    let csv = json!({ "type": "string", "description": "RFC 4180, a line a place; what begins like a formula is made a text." });
    operation
        .details("With `Accept: text/csv` all of them, as a file. `limit`, `cursor` and `offset` are of pages only.")
        .parameter(Parameter::query("status", "Where they are in their lives.").one_of(&BOOKING_STATUSES).many())
        .parameter(Parameter::query("q", "Part of a name or an address, or a whole reference.").text(0..=200))
        .page_of::<GuestBookingJson<'_>>("Bookings, the newest first.")
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
