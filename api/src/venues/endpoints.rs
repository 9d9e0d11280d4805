//! The endpoints of venues.

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::{operation::Operation, parameter::Parameter},
    router::Access,
};
use domain::lists::declared;

use serde_json::json;

use super::dto::{VenueBody, VenueJson};
use crate::{bodies::Patch, manage::change, scopes::ADMINISTRATORS};

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

/// What administrators do with them.
pub(crate) fn administered(section: Section<App>) -> Section<App> {
    let venue = json!({
        "name": "The Hall", "address": "1 High Street", "city": "Berlin", "country": "DE", "timeZone": "Europe/Berlin",
        "capacity": 500,
    });
    section
        .with(
            change(
                Operation::post("/api/v1/admin/venues", "createVenue", "Add a venue")
                    .repeatable()
                    .tagged()
                    .body::<VenueBody>(venue.clone())
                    .created::<VenueJson<'_>>("The venue."),
            )
            .served(ADMINISTRATORS, super::admin::create),
        )
        .with(
            Operation::get("/api/v1/admin/venues/{id}", "getManagedVenue", "Show a venue")
                .cacheable()
                .ok::<VenueJson<'_>>("The venue.")
                .served(ADMINISTRATORS, super::admin::show),
        )
        .with(
            change(
                Operation::put("/api/v1/admin/venues/{id}", "replaceVenue", "Replace a venue")
                    .versioned()
                    .body::<VenueBody>(venue)
                    .ok::<VenueJson<'_>>("The venue as it is now."),
            )
            .served(ADMINISTRATORS, super::admin::replace)
            .conditional(),
        )
        .with(
            change(
                Operation::patch("/api/v1/admin/venues/{id}", "updateVenue", "Change a venue")
                    .versioned()
                    .body::<Patch<VenueBody>>(json!({ "capacity": 600 }))
                    .ok::<VenueJson<'_>>("The venue as it is now."),
            )
            .served(ADMINISTRATORS, super::admin::update)
            .conditional(),
        )
        .with(
            change(
                Operation::delete("/api/v1/admin/venues/{id}", "deleteVenue", "Delete a venue")
                    .no_content("It is gone."),
            )
            .served(ADMINISTRATORS, super::admin::delete)
            .conditional(),
        )
}
