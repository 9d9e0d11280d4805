//! The endpoints of the catalogue of refusals.

use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::{operation::Operation, parameter::Parameter, schemas},
    router::Access,
};

use super::{CatalogueJson, EntryJson};
use crate::scopes::PAGES;

pub fn section<S: Send + Sync + 'static>() -> Section<S> {
    Section::new("Problems", "Every refusal, with its cause and what to do about it.").with(list()).with(show())
}

fn list<S: Send + Sync + 'static>() -> Endpoint<S> {
    Operation::get("/problems", "listProblems", "List all refusals")
        .ok::<CatalogueJson>("The catalogue.")
        .ok_as("text/html", schemas::page(), "")
        .ignores_query()
        .served(Access::Public, super::list)
        .produces(PAGES)
}

fn show<S: Send + Sync + 'static>() -> Endpoint<S> {
    Operation::get("/problems/{code}", "getProblem", "Explain a refusal")
        .details("The `type` of a problem leads here.")
        .parameter(Parameter::path("code", "The `code` of a problem.").text(1..=100).example("BOOKING_001"))
        .ok::<EntryJson>("The explanation.")
        .ok_as("text/html", schemas::page(), "")
        .ignores_query()
        .served(Access::Public, super::show)
        .produces(PAGES)
}
