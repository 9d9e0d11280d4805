//! The endpoint of receipts.

use application::app::App;
use boxoffice_http::{endpoint::Endpoint, openapi::operation::Operation, problem_codes::Code, router::Access};
use serde_json::json;

pub(crate) fn show() -> Endpoint<App> {
    let page = json!({ "type": "string", "description": "A page to print." });
    Operation::get("/api/v1/bookings/{id}/receipt", "getReceipt", "Show the receipt of a booking")
        .details(
            "Its number is given by the first request, from 1 on for each organizer and without gaps, and stays. It shows what was charged, \
             and what of it was given back.",
        )
        .ok_as("text/html", page, "The receipt.")
        .refusals(&[Code::NotPaid])
        .served(Access::Authenticated, super::show)
        .own()
        .produces(&["text/html", "application/problem+json"])
}
