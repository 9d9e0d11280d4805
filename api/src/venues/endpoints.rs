//! The endpoints of venues.

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::{operation::Operation, parameter::Parameter},
    router::Access,
};

use super::{dto::VenueJson, search};

pub(crate) fn section() -> Section<App> {
    Section::new("Venues", "Where events happen.").with(list()).with(show())
}

fn list() -> Endpoint<App> {
    let operation = Operation::get("/api/v1/venues", "listVenues", "List or search venues");
    let operation = search::described().into_iter().fold(operation, Operation::parameter);
    operation
        .page_of::<VenueJson<'_>>("The venues that were found.")
        .cacheable()
        .served(Access::Public, super::public::list)
}

fn show() -> Endpoint<App> {
    Operation::get("/api/v1/venues/{idOrSlug}", "getVenue", "Show one venue")
        .parameter(Parameter::path("idOrSlug", "The id or the slug of the venue.").id_or_slug())
        .ok::<VenueJson<'_>>("The venue.")
        .moved("It has another slug now.")
        .cacheable()
        .served(Access::Public, super::public::show)
}
