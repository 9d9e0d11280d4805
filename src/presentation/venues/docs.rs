//! What clients are told about venues.

use super::{dto::VenueJson, search};
use crate::presentation::openapi::{
    operation::{Operation, Section},
    parameter::Parameter,
};

pub(in crate::presentation) fn section() -> Section {
    Section::new("Venues", "Where events happen.").with(list()).with(show())
}

fn list() -> Operation {
    let operation = Operation::get("/api/v1/venues", "listVenues", "List or search venues");
    let operation = search::described().into_iter().fold(operation, Operation::parameter);
    operation.page_of::<VenueJson<'_>>("The venues that were found.").cacheable()
}

fn show() -> Operation {
    Operation::get("/api/v1/venues/{idOrSlug}", "getVenue", "Show one venue")
        .parameter(Parameter::path("idOrSlug", "The id or the slug of the venue.").id_or_slug())
        .ok::<VenueJson<'_>>("The venue.")
        .moved("It has another slug now.")
        .cacheable()
}
