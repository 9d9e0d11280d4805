//! The endpoints of venues.

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::{operation::Operation, parameter::Parameter},
    router::Access,
};
use domain::lists::declared;

use super::dto::VenueJson;

pub(crate) fn section() -> Section<App> {
    Section::new("Venues", "Where events happen.").with(list()).with(show())
}

fn list() -> Endpoint<App> {
    Operation::get("/api/v1/venues", "listVenues", "List or search venues")
        .page_of::<VenueJson<'_>>(&declared::VENUES, "The venues that were found.")
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
