//! What clients are told about venues.

use super::dto::VenueJson;
use crate::presentation::openapi::{
    operation::{Operation, Section},
    parameter::Parameter,
};

pub(in crate::presentation) fn section() -> Section {
    Section::new("Venues", "Where events happen.").with(list()).with(show())
}

fn list() -> Operation {
    Operation::get("/api/v1/venues", "listVenues", "List venues")
        .page_of::<VenueJson<'_>>("Venues in the order of their names.")
        .cacheable()
}

fn show() -> Operation {
    Operation::get("/api/v1/venues/{idOrSlug}", "getVenue", "Show one venue")
        .parameter(Parameter::path("idOrSlug", "The id or the slug of the venue.").id_or_slug())
        .ok::<VenueJson<'_>>("The venue.")
        .cacheable()
}
