//! What clients are told about the catalogue of refusals.

use boxoffice_http::openapi::{
    operation::{Operation, Section},
    parameter::Parameter,
    schemas,
};

use super::{CatalogueJson, EntryJson};

pub(crate) fn section() -> Section {
    Section::new("Problems", "Every refusal, with its cause and what to do about it.").with(list()).with(show())
}

fn list() -> Operation {
    Operation::get("/problems", "listProblems", "List all refusals").ok::<CatalogueJson>("The catalogue.").ok_as(
        "text/html",
        schemas::page(),
        "",
    )
}

fn show() -> Operation {
    Operation::get("/problems/{code}", "getProblem", "Explain a refusal")
        .details("The `type` of a problem leads here.")
        .parameter(Parameter::path("code", "The `code` of a problem.").text(1..=100).example("BOOKING_001"))
        .ok::<EntryJson>("The explanation.")
        .ok_as("text/html", schemas::page(), "")
        .ignores_query()
}
