//! What clients are told about the management of the catalogue.

use boxoffice_http::{
    openapi::{
        operation::{Operation, Section},
        parameter::Parameter,
    },
    problem_codes::Code,
};
use serde_json::{Value, json};

use super::{
    blocks::{BlockBody, BlockJson, BlocksJson},
    bodies::{
        Own,
        events::{EventChangeBody, NewEventBody},
        sales::{NewQuotaBody, NewTicketTypeBody, QuotaChangeBody, TicketTypeChangeBody},
        venues::{NewVenueBody, VenueChangeBody},
    },
    catalogue::{NameBody, TermBody, TermJson},
    events::{DuplicateBody, EventJson, PublishBody},
    guests::GuestBookingJson,
    sales::{OrderBody, QuotaJson, QuotasJson, TicketTypeJson, TicketTypesJson},
    settings::{ChangeJson, SettingsChange, SettingsJson},
};
use crate::{bookings::public::BOOKING_STATUSES, venues::dto::VenueJson};

const STATUSES: [&str; 5] = ["DRAFT", "SCHEDULED", "PUBLISHED", "CANCELLED", "ARCHIVED"];
const ORDERS: [&str; 4] = ["startsAt", "-startsAt", "createdAt", "-createdAt"];
const ID: &str = "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21";

fn event() -> Value {
    json!({
        "title": "An Evening", "category": "concert", "venueId": ID, "timeZone": "Europe/Berlin", "currency": "EUR",
        "startsAt": "2031-03-01T19:00:00Z", "endsAt": "2031-03-01T22:00:00Z", "tags": [],
    })
}

fn ticket_type() -> Value {
    json!({ "name": "Adult", "quotaId": ID, "price": { "amount": "25.00", "currency": "EUR" }, "maxPerBooking": 6 })
}

/// What others may stand against.
fn change(operation: Operation) -> Operation {
    operation.refusals(&[Code::EventState, Code::SlugTaken, Code::InUse, Code::CapacityTaken, Code::Invalid])
}

fn listed(operation: Operation) -> Operation {
    operation
        .parameter(Parameter::query("status", "Where they are in their lives.").one_of(&STATUSES).many())
        .parameter(Parameter::query("q", "Part of the title or the slug.").text(0..=200))
        .parameter(Parameter::query("seriesId", "Occurrences of this series.").id())
        .parameter(Parameter::query("sort", "Their order.").one_of(&ORDERS).default("startsAt"))
        .page_of::<EventJson<'_>>("Events.")
}

fn guests(operation: Operation) -> Operation {
    let csv = json!({ "type": "string", "description": "RFC 4180, a line a place; what begins like a formula is made a text." });
    operation
        .details("With `Accept: text/csv` all of them, as a file. `limit`, `cursor` and `offset` are of pages only.")
        .parameter(Parameter::query("status", "Where they are in their lives.").one_of(&BOOKING_STATUSES).many())
        .parameter(Parameter::query("q", "Part of a name or an address, or a whole reference.").text(0..=200))
        .page_of::<GuestBookingJson<'_>>("Bookings, the newest first.")
        .ok_as("text/csv", csv, "")
}

/// The operations of events, once for each prefix, as the routes.
macro_rules! events {
    ($prefix:literal, $who:literal, $new:ty, $change:ty, $section:expr) => {
        $section
            .with(change(
                Operation::post(concat!($prefix, "/events"), concat!("create", $who, "Event"), "Make a draft")
                    .repeatable()
                    .tagged()
                    .body::<$new>(event())
                    .created::<EventJson<'_>>("The draft."),
            ))
            .with(
                Operation::get(concat!($prefix, "/events/{id}"), concat!("get", $who, "Event"), "Show an event")
                    .cacheable()
                    .ok::<EventJson<'_>>("The event."),
            )
            .with(change(
                Operation::put(concat!($prefix, "/events/{id}"), concat!("replace", $who, "Event"), "Say an event anew")
                    .details("What is left out is as in a new event; the slug stays.")
                    .refusals(&[Code::OccurrenceThere])
                    .versioned()
                    .body::<$new>(event())
                    .ok::<EventJson<'_>>("The event as it is now."),
            ))
            .with(change(
                Operation::patch(concat!($prefix, "/events/{id}"), concat!("update", $who, "Event"), "Change an event")
                    .details("What is left out stays. A cancelled or archived event is not changed any more.")
                    .refusals(&[Code::OccurrenceThere])
                    .versioned()
                    .body::<$change>(json!({ "title": "Another Evening" }))
                    .ok::<EventJson<'_>>("The event as it is now."),
            ))
            .with(change(
                Operation::delete(concat!($prefix, "/events/{id}"), concat!("delete", $who, "Event"), "Delete a draft")
                    .details("One that nobody ever booked, and of which nothing is held or blocked.")
                    .no_content("It is gone."),
            ))
            .with(change(
                Operation::post(concat!($prefix, "/events/{id}/publish"), concat!("publish", $who, "Event"), "Publish an event")
                    .details(
                        "Now, or `at` a later time, before the event's end and that of its sale; the body may be left out. Refused while a \
                         rule between the event and what it sells is broken; `errors` names each.",
                    )
                    .tagged()
                    .body::<PublishBody>(json!({ "at": "2031-01-01T09:00:00Z" }))
                    .ok::<EventJson<'_>>("The event, now `PUBLISHED` or `SCHEDULED`."),
            ))
            .with(change(
                Operation::post(concat!($prefix, "/events/{id}/unpublish"), concat!("unpublish", $who, "Event"), "Take an event back")
                    .details("Only while nobody has booked.")
                    .tagged()
                    .ok::<EventJson<'_>>("The event, a `DRAFT` again."),
            ))
            .with(change(
                Operation::post(concat!($prefix, "/events/{id}/cancel"), concat!("cancel", $who, "Event"), "Cancel an event")
                    .details(
                        "Nothing is sold any more. All bookings are cancelled in the background, and each account is told by \
                         mail; `cancellation` says how far that is.",
                    )
                    .tagged()
                    .ok::<EventJson<'_>>("The event, now `CANCELLED`."),
            ))
            .with(change(
                Operation::post(concat!($prefix, "/events/{id}/archive"), concat!("archive", $who, "Event"), "Put an event away")
                    .details("One that is over, or whose bookings are all cancelled.")
                    .tagged()
                    .ok::<EventJson<'_>>("The event, now `ARCHIVED`."),
            ))
            .with(change(
                Operation::post(concat!($prefix, "/events/{id}/duplicate"), concat!("duplicate", $who, "Event"), "Copy an event")
                    .details(
                        "A draft with the same ticket types, quotas, seat map and tags, that ends as long after its beginning. Its sale \
                         opens as many days before the beginning, at the same time of day.",
                    )
                    .repeatable()
                    .tagged()
                    .body::<DuplicateBody>(json!({ "startsAt": "2031-04-01T18:00:00Z" }))
                    .created::<EventJson<'_>>("The copy."),
            ))
            .with(
                Operation::get(concat!($prefix, "/events/{id}/ticket-types"), concat!("list", $who, "TicketTypes"), "List ticket types")
                    .ok::<TicketTypesJson<'_>>("All of them, in their order."),
            )
            .with(change(
                Operation::post(concat!($prefix, "/events/{id}/ticket-types"), concat!("create", $who, "TicketType"), "Add a ticket type")
                    .repeatable()
                    .tagged()
                    .body::<NewTicketTypeBody>(ticket_type())
                    .created::<TicketTypeJson<'_>>("The ticket type, after the last."),
            ))
            .with(change(
                Operation::put(concat!($prefix, "/events/{id}/ticket-types"), concat!("order", $who, "TicketTypes"), "Order the ticket types")
                    .details("The order is the event's: `If-Match` names the event's revision, and `ETag` is the one that it has then.")
                    .versioned()
                    .body::<OrderBody>(json!({ "order": [ID] }))
                    .ok::<TicketTypesJson<'_>>("All of them, in their new order."),
            ))
            .with(
                Operation::get(concat!($prefix, "/events/{id}/ticket-types/{typeId}"), concat!("get", $who, "TicketType"), "Show a ticket type")
                    .versioned()
                    .ok::<TicketTypeJson<'_>>("The ticket type."),
            )
            .with(change(
                Operation::patch(concat!($prefix, "/events/{id}/ticket-types/{typeId}"), concat!("update", $who, "TicketType"), "Change a ticket type")
                    .details(
                        "For bookings from now on; at once, also while the event sells. Once a place of it was held, blocked or booked, \
                         its quota and its sections stay.",
                    )
                    .versioned()
                    .body::<TicketTypeChangeBody>(json!({ "maxPerBooking": 4 }))
                    .ok::<TicketTypeJson<'_>>("The ticket type as it is now."),
            ))
            .with(change(
                Operation::delete(concat!($prefix, "/events/{id}/ticket-types/{typeId}"), concat!("delete", $who, "TicketType"), "Delete a ticket type")
                    .details("Only while no place of it is or ever was held, blocked or booked.")
                    .no_content("It is gone."),
            ))
            .with(
                Operation::get(concat!($prefix, "/events/{id}/quotas"), concat!("list", $who, "Quotas"), "List quotas")
                    .ok::<QuotasJson<'_>>("All of them."),
            )
            .with(change(
                Operation::post(concat!($prefix, "/events/{id}/quotas"), concat!("create", $who, "Quota"), "Add a quota")
                    .repeatable()
                    .tagged()
                    .body::<NewQuotaBody>(json!({ "name": "Floor", "capacity": 500 }))
                    .created::<QuotaJson<'_>>("The quota."),
            ))
            .with(
                Operation::get(concat!($prefix, "/events/{id}/quotas/{quotaId}"), concat!("get", $who, "Quota"), "Show a quota")
                    .versioned()
                    .ok::<QuotaJson<'_>>("The quota."),
            )
            .with(change(
                Operation::patch(concat!($prefix, "/events/{id}/quotas/{quotaId}"), concat!("update", $who, "Quota"), "Change a quota")
                    .details("More places can be booked at once. Fewer than are held and sold are refused.")
                    .versioned()
                    .body::<QuotaChangeBody>(json!({ "capacity": 600 }))
                    .ok::<QuotaJson<'_>>("The quota as it is now."),
            ))
            .with(change(
                Operation::delete(concat!($prefix, "/events/{id}/quotas/{quotaId}"), concat!("delete", $who, "Quota"), "Delete a quota")
                    .no_content("It is gone."),
            ))
            .with(
                Operation::get(concat!($prefix, "/events/{id}/blocks"), concat!("list", $who, "Blocks"), "List blocks")
                    .ok::<BlocksJson>("The blocks, the newest first."),
            )
            .with(
                Operation::post(concat!($prefix, "/events/{id}/blocks"), concat!("create", $who, "Block"), "Keep places back")
                    .details(
                        "Places of ticket types, as in a booking but up to ten thousand at once, or `wholeSection`: all that is free \
                         in a section. Windows and limits do not matter. An event has at most 100,000 places in blocks, and a cancelled or \
                         archived one takes none.",
                    )
                    .repeatable()
                    .body::<BlockBody>(json!({ "items": [{ "ticketTypeId": ID, "quantity": 4 }] }))
                    .created::<BlockJson<'_>>("The block. Its places are shown as held.")
                    .refusals(&[Code::SoldOut, Code::SeatTaken, Code::LimitExceeded, Code::EventState]),
            )
            .with(
                Operation::get(concat!($prefix, "/events/{id}/blocks/{blockId}"), concat!("get", $who, "Block"), "Show a block")
                    .ok::<BlockJson<'_>>("The block."),
            )
            .with(
                Operation::delete(concat!($prefix, "/events/{id}/blocks/{blockId}"), concat!("delete", $who, "Block"), "Give a block free")
                    .no_content("Its places can be booked.")
                    .refusals(&[Code::Invalid]),
            )
            .with(guests(Operation::get(
                concat!($prefix, "/events/{id}/bookings"),
                concat!("list", $who, "EventBookings"),
                "List the bookings of an event",
            )))
    };
}

pub(crate) fn own_events() -> Section {
    let section =
        Section::new("Own events", "What organizers do with their own events. Others' do not exist for them.");
    let list = listed(Operation::get("/api/v1/organizer/events", "listOwnEvents", "List own events"));
    events!("/api/v1/organizer", "Own", Own<NewEventBody>, Own<EventChangeBody>, section.with(list))
        .with(terms(Operation::get("/api/v1/organizer/categories", "listCategoriesToChoose", "List categories")))
        .with(terms(Operation::get("/api/v1/organizer/tags", "listTagsToChoose", "List tags")))
}

pub(crate) fn all_events() -> Section {
    let section = Section::new("Administration of events", "The same for everybody's events.");
    let list = listed(Operation::get("/api/v1/admin/events", "listAnyEvents", "List everybody's events"));
    let list = list.parameter(Parameter::query("organizerId", "Whose.").id());
    events!("/api/v1/admin", "Any", NewEventBody, EventChangeBody, section.with(list))
}

fn terms(operation: Operation) -> Operation {
    operation.page_of::<TermJson<'_>>("By slug.")
}

/// The operations of one vocabulary.
macro_rules! vocabulary {
    ($section:expr, $path:literal, $one:literal, $many:literal) => {
        $section
            .with(terms(Operation::get(concat!("/api/v1/admin/", $path), concat!("listManaged", $many), concat!("List ", $path))))
            .with(change(
                Operation::post(concat!("/api/v1/admin/", $path), concat!("create", $one), "Add one")
                    .repeatable()
                    .tagged()
                    .body::<TermBody>(json!({ "slug": "jazz", "name": "Jazz" }))
                    .created::<TermJson<'_>>("It."),
            ))
            .with(
                Operation::get(concat!("/api/v1/admin/", $path, "/{slug}"), concat!("getManaged", $one), "Show one")
                    .parameter(Parameter::path("slug", "Its slug.").text(2..=100))
                    .versioned()
                    .ok::<TermJson<'_>>("It."),
            )
            .with(change(
                Operation::patch(concat!("/api/v1/admin/", $path, "/{slug}"), concat!("rename", $one), "Rename one")
                    .parameter(Parameter::path("slug", "Its slug.").text(2..=100))
                    .versioned()
                    .body::<NameBody>(json!({ "name": "Jazz and more" }))
                    .ok::<TermJson<'_>>("It, as it is now."),
            ))
            .with(change(
                Operation::delete(concat!("/api/v1/admin/", $path, "/{slug}"), concat!("delete", $one), "Delete one")
                    .parameter(Parameter::path("slug", "Its slug.").text(2..=100))
                    .no_content("It is gone."),
            ))
    };
}

pub(crate) fn catalogue() -> Section {
    let venue = json!({
        "name": "The Hall", "address": "1 High Street", "city": "Berlin", "country": "DE", "timeZone": "Europe/Berlin",
        "capacity": 500,
    });
    let section = Section::new("Administration of the catalogue", "Venues, categories, tags and settings.")
        .with(change(
            Operation::post("/api/v1/admin/venues", "createVenue", "Add a venue")
                .repeatable()
                .tagged()
                .body::<NewVenueBody>(venue.clone())
                .created::<VenueJson<'_>>("The venue."),
        ))
        .with(
            Operation::get("/api/v1/admin/venues/{id}", "getManagedVenue", "Show a venue")
                .cacheable()
                .ok::<VenueJson<'_>>("The venue."),
        )
        .with(change(
            Operation::put("/api/v1/admin/venues/{id}", "replaceVenue", "Say a venue anew")
                .versioned()
                .body::<NewVenueBody>(venue)
                .ok::<VenueJson<'_>>("The venue as it is now."),
        ))
        .with(change(
            Operation::patch("/api/v1/admin/venues/{id}", "updateVenue", "Change a venue")
                .versioned()
                .body::<VenueChangeBody>(json!({ "capacity": 600 }))
                .ok::<VenueJson<'_>>("The venue as it is now."),
        ))
        .with(change(
            Operation::delete("/api/v1/admin/venues/{id}", "deleteVenue", "Delete a venue").no_content("It is gone."),
        ));
    let section = vocabulary!(section, "categories", "Category", "Categories");
    let section = vocabulary!(section, "tags", "Tag", "Tags");
    section
        .with(
            Operation::get("/api/v1/admin/settings", "listSettings", "List settings")
                .versioned()
                .ok::<SettingsJson>("All of them, each with its bounds and default."),
        )
        .with(
            Operation::patch("/api/v1/admin/settings", "updateSettings", "Change settings")
                .versioned()
                .body::<SettingsChange>(json!({ "siteName": "The House", "termsUrl": null }))
                .ok::<SettingsJson>("All of them as they are now."),
        )
        .with(
            Operation::get("/api/v1/admin/settings/changes", "listSettingChanges", "List changes of settings")
                .page_of::<ChangeJson<'_>>("The latest first."),
        )
}

pub(crate) fn settings() -> Section {
    let shown = json!({ "type": "object", "description": "A value a setting.", "additionalProperties": true });
    Section::new("Settings", "What everybody may know of the site's settings.").with(
        Operation::get("/api/v1/settings", "getSettings", "Show the public settings").cacheable().ok_as(
            "application/json",
            shown,
            "The settings.",
        ),
    )
}
