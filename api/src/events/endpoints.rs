//! The endpoints of events.

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::{operation::Operation, parameter::Parameter},
    problem_codes::Code,
    router::Access,
};
use domain::{lists::declared, management::seat_maps::VERSIONS_MAX};
use serde_json::json;

use super::{
    dto::{AvailabilityJson, ChangesJson, EventDetailJson, TicketTypeListJson},
    seat_map::{PresentSeatMapJson, SeatMapJson},
    summary::{EventSummaryJson, FacetsJson, SalesJson},
};

pub(crate) fn section() -> Section<App> {
    Section::new("Events", "What is on, and what is left of it.")
        .with(list())
        .with(show())
        .with(ticket_types())
        .with(availability())
        .with(seat_map())
        .with(sales())
        .with(categories())
        .with(tags())
}

fn list() -> Endpoint<App> {
    Operation::get("/api/v1/events", "listEvents", "List or search events").details(
        "Published events, unless `status` says otherwise. What has ended is left out, unless one of `from`, `to`, `endsFrom` and \
         `endsTo` is given, or `status=ARCHIVED`. Everything that is given must hold. Words are found in English, German and French forms, without accents, and with a slip of the finger \
         when few events have them as they are written; by relevance, the title counts more than tags, venue and city, these \
         more than the summary, that more than the description, and the sooner one of equals comes first.\n\n\
         How events sell is told by `GET /api/v1/availability`.",
    )
        .page_of::<EventSummaryJson<'_>>(&declared::EVENTS, "The events that were found.")
        .cacheable()
        .served(Access::Public, super::public::list)
}

fn seat_map() -> Endpoint<App> {
    Operation::get("/api/v1/events/{id}/seat-map", "getSeatMap", "Show where the seats are")
        .details(
            "With `version` a version of the seat map, which never changes and may be kept for ever: the one that the event sells, or an \
             earlier one. Without it 307 to the version that the event sells now. Which seats are free, `GET \
             /api/v1/events/{id}/availability` tells, and `sections` of the event's ticket types which of them are sold at which price.",
        )
        .parameter(Parameter::query("version", "The number of a version.").integer(1..=VERSIONS_MAX))
        .ok::<SeatMapJson<'_>>("The sections with their rows and seats.")
        .redirects::<PresentSeatMapJson>("Where the version is that the event sells now.")
        .cacheable()
        .served(Access::Public, super::seat_map::show)
}

fn sales() -> Endpoint<App> {
    Operation::get("/api/v1/availability", "listSaleStates", "Tell how the events of a page sell")
        .details("By the counters of this moment. Events that do not exist, or were never published, are left out.")
        .parameter(
            Parameter::query(
                "eventIds",
                "Ids of at most 100 events, separated by commas; or of at most 64, each in a parameter of its own.",
            )
            .id()
            .up_to(64)
            .required(),
        )
        .ok::<SalesJson>("How the events sell.")
        .served(Access::Public, super::public::sales)
}

fn categories() -> Endpoint<App> {
    Operation::get("/api/v1/categories", "listCategories", "List the categories of published events that are not over")
        .ok::<FacetsJson<'_>>("The categories, the commonest first.")
        .cacheable()
        .served(Access::Public, super::public::categories)
}

fn tags() -> Endpoint<App> {
    Operation::get("/api/v1/tags", "listTags", "List the tags of published events that are not over")
        .parameter(Parameter::query("limit", "Most tags.").integer(1..=1_000).default(100))
        .ok::<FacetsJson<'_>>("The tags, the commonest first.")
        .cacheable()
        .served(Access::Public, super::public::tags)
}

fn show() -> Endpoint<App> {
    Operation::get("/api/v1/events/{id}", "getEvent", "Show one event")
        .parameter(Parameter::path("id", "The id or the slug of the event.").id_or_slug())
        .ok::<EventDetailJson<'_>>("The event with its venue, ticket types and tags.")
        .moved("It has another slug now.")
        .cacheable()
        .served(Access::Public, super::public::show)
}

fn ticket_types() -> Endpoint<App> {
    Operation::get("/api/v1/events/{id}/ticket-types", "listTicketTypes", "List what of an event can be bought")
        .details(
            "The ticket types of the event; with `promoCode` also the hidden ones that the code unlocks. Codes that there are not count in \
             the limit of signing in.",
        )
        .parameter(Parameter::query("promoCode", "A promo code of the event, in any case.").example("SPRING-26"))
        .ok::<TicketTypeListJson<'_>>("The ticket types, in their order.")
        .refusals(&[Code::PromoCode])
        .served(Access::Public, super::public::ticket_types)
}

fn availability() -> Endpoint<App> {
    let mut operation = Operation::get("/api/v1/events/{id}/availability", "getAvailability", "Show what is left, once or live")
        .details(
            "With `Accept: text/event-stream` the answer is a stream of server-sent events: a `snapshot`, then a `delta` for \
             what has changed. The `id` of each is the version. Values are absolute. A client that comes back with \
             `Last-Event-ID` goes on where it was, or gets a new snapshot. Where the site's setting `showPlacesLeft` is false, \
             ticket types have a `state` and no numbers.",
        )
        .parameter(Parameter::query("seats", "Whether to tell of each seat.").flag().default(false))
        .parameter(
            Parameter::query("lastEventId", "As `Last-Event-ID`, for clients that can't set headers; of streams only.")
                .example("17"),
        )
        .parameter(Parameter::header("Last-Event-ID", "The version that the client has seen; of streams only.").example("17"))
        .ok::<AvailabilityJson<'_>>("What is left.");
    let events = [operation.refer::<AvailabilityJson<'_>>(), operation.refer::<ChangesJson>()];
    let stream = json!({
        "type": "string",
        "description": "The data of a `snapshot` is an Availability, that of a `delta` an AvailabilityChanges.",
        "contentMediaType": "application/json",
        "contentSchema": { "anyOf": events },
    });
    operation.ok_as("text/event-stream", stream, "").served(Access::Public, super::public::availability).produces(&[
        "application/json",
        "application/problem+json",
        "text/event-stream",
    ])
}
