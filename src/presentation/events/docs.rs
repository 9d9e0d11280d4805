//! What clients are told about events.

use serde_json::json;

use super::dto::{AvailabilityJson, ChangesJson, EventDetailJson, EventJson};
use crate::presentation::openapi::{
    operation::{Operation, Section},
    parameter::Parameter,
};

pub(in crate::presentation) fn section() -> Section {
    Section::new("Events", "What is on, and what is left of it.").with(list()).with(show()).with(availability())
}

fn list() -> Operation {
    Operation::get("/api/v1/events", "listEvents", "List events")
        .page_of::<EventJson<'_>>("Events in the order of their beginnings.")
        .cacheable()
}

fn show() -> Operation {
    Operation::get("/api/v1/events/{id}", "getEvent", "Show one event")
        .parameter(Parameter::path("id", "The id or the slug of the event.").id_or_slug())
        .ok::<EventDetailJson<'_>>("The event with its venue, ticket types and tags.")
        .cacheable()
}

fn availability() -> Operation {
    let mut operation = Operation::get("/api/v1/events/{id}/availability", "getAvailability", "Show what is left, once or live")
        .details(
            "With `Accept: text/event-stream` the answer is a stream of server-sent events: a `snapshot`, then a `delta` for \
             what has changed. The `id` of each is the version. Values are absolute. A client that comes back with \
             `Last-Event-ID` goes on where it was, or gets a new snapshot.",
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
    operation.ok_as("text/event-stream", stream, "")
}
