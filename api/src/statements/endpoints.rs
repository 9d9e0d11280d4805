//! The endpoint of the books of an event.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::operation::Operation,
};
use serde_json::json;

use super::StatementJson;

/// The endpoint, once for each scope.
pub(crate) fn of_event(scope: &Scope, section: Section<App>) -> Section<App> {
    let csv = json!({ "type": "string", "description": "RFC 4180, a line a booking that money was taken for." });
    let operation = Operation::get(
        scope.path("/events/{id}/statement"),
        scope.id("get{}Statement"),
        "Show what an event has earned",
    )
    .details("With `Accept: text/csv` by bookings, as a file. Bookings that cost nothing are in neither.")
    .ok::<StatementJson>("The books of the event.")
    .ok_as("text/csv", csv, "");
    let endpoint = scope.served(operation, super::show);
    section.with(endpoint.produces(&["application/json", "application/problem+json", "text/csv"]))
}
