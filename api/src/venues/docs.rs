//! What clients are told about venues.

use boxoffice_http::openapi::{
    operation::{Operation, Section},
    parameter::Parameter,
};

use super::{dto::VenueJson, search};

pub(crate) fn section() -> Section {
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
