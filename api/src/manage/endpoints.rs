//! The endpoints of the management of the catalogue.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::{operation::Operation, parameter::Parameter},
    problem_codes::Code,
    router::Access,
};
use domain::lists::declared;
use serde_json::{Value, json};
use utoipa::ToSchema;

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
use crate::{
    scopes::{ADMINISTRATORS, ANY, ORGANIZERS, OWN},
    venues::dto::VenueJson,
};

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
    operation.page_of::<EventJson<'_>>(&declared::MANAGED_EVENTS, "Events.")
}

fn guests(operation: Operation) -> Operation {
    let csv = json!({ "type": "string", "description": "RFC 4180, a line a place; what begins like a formula is made a text." });
    operation
        .details("With `Accept: text/csv` all of them, as a file. `limit`, `cursor` and `offset` are of pages only.")
        .page_of::<GuestBookingJson<'_>>(&declared::GUEST_BOOKINGS, "Bookings, the newest first.")
        .ok_as("text/csv", csv, "")
}

/// The endpoints of events, once for each scope. `N` is the body of a new event, `C` that of a change.
fn events<N: ToSchema, C: ToSchema>(scope: &Scope, section: Section<App>) -> Section<App> {
    section
            .with(scope.served(change(
                Operation::post(scope.path("/events"), scope.id("create{}Event"), "Make a draft")
                    .repeatable()
                    .tagged()
                    .body::<N>(event())
                    .created::<EventJson<'_>>("The draft."),
            ), super::events::create))
            .with(scope.served(Operation::get(scope.path("/events/{id}"), scope.id("get{}Event"), "Show an event")
                    .cacheable()
                    .ok::<EventJson<'_>>("The event."), super::events::show))
            .with(scope.served(change(
                Operation::put(scope.path("/events/{id}"), scope.id("replace{}Event"), "Say an event anew")
                    .details("What is left out is as in a new event; the slug stays.")
                    .refusals(&[Code::OccurrenceThere])
                    .versioned()
                    .body::<N>(event())
                    .ok::<EventJson<'_>>("The event as it is now."),
            ), super::events::replace).conditional())
            .with(scope.served(change(
                Operation::patch(scope.path("/events/{id}"), scope.id("update{}Event"), "Change an event")
                    .details("What is left out stays. A cancelled or archived event is not changed any more.")
                    .refusals(&[Code::OccurrenceThere])
                    .versioned()
                    .body::<C>(json!({ "title": "Another Evening" }))
                    .ok::<EventJson<'_>>("The event as it is now."),
            ), super::events::update).conditional())
            .with(scope.served(change(
                Operation::delete(scope.path("/events/{id}"), scope.id("delete{}Event"), "Delete a draft")
                    .details("One that nobody ever booked, and of which nothing is held or blocked.")
                    .no_content("It is gone."),
            ), super::events::delete).conditional())
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/publish"), scope.id("publish{}Event"), "Publish an event")
                    .details(
                        "Now, or `at` a later time, before the event's end and that of its sale; the body may be left out. Refused while a \
                         rule between the event and what it sells is broken; `errors` names each.",
                    )
                    .tagged()
                    .body::<PublishBody>(json!({ "at": "2031-01-01T09:00:00Z" }))
                    .ok::<EventJson<'_>>("The event, now `PUBLISHED` or `SCHEDULED`."),
            ), super::events::publish).conditional())
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/unpublish"), scope.id("unpublish{}Event"), "Take an event back")
                    .details("Only while nobody has booked.")
                    .tagged()
                    .ok::<EventJson<'_>>("The event, a `DRAFT` again."),
            ), super::events::unpublish).conditional())
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/cancel"), scope.id("cancel{}Event"), "Cancel an event")
                    .details(
                        "Nothing is sold any more. All bookings are cancelled in the background, and each account is told by \
                         mail; `cancellation` says how far that is.",
                    )
                    .tagged()
                    .ok::<EventJson<'_>>("The event, now `CANCELLED`."),
            ), super::events::cancel).conditional())
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/archive"), scope.id("archive{}Event"), "Put an event away")
                    .details("One that is over, or whose bookings are all cancelled.")
                    .tagged()
                    .ok::<EventJson<'_>>("The event, now `ARCHIVED`."),
            ), super::events::archive).conditional())
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/duplicate"), scope.id("duplicate{}Event"), "Copy an event")
                    .details(
                        "A draft with the same ticket types, quotas, seat map and tags, that ends as long after its beginning. Its sale \
                         opens as many days before the beginning, at the same time of day.",
                    )
                    .repeatable()
                    .tagged()
                    .body::<DuplicateBody>(json!({ "startsAt": "2031-04-01T18:00:00Z" }))
                    .created::<EventJson<'_>>("The copy."),
            ), super::events::duplicate).conditional())
            .with(scope.served(Operation::get(scope.path("/events/{id}/ticket-types"), scope.id("list{}TicketTypes"), "List ticket types")
                    .ok::<TicketTypesJson<'_>>("All of them, in their order."), super::sales::list_types))
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/ticket-types"), scope.id("create{}TicketType"), "Add a ticket type")
                    .repeatable()
                    .tagged()
                    .body::<NewTicketTypeBody>(ticket_type())
                    .created::<TicketTypeJson<'_>>("The ticket type, after the last."),
            ), super::sales::add_type))
            .with(scope.served(change(
                Operation::put(scope.path("/events/{id}/ticket-types"), scope.id("order{}TicketTypes"), "Order the ticket types")
                    .details("The order is the event's: `If-Match` names the event's revision, and `ETag` is the one that it has then.")
                    .versioned()
                    .body::<OrderBody>(json!({ "order": [ID] }))
                    .ok::<TicketTypesJson<'_>>("All of them, in their new order."),
            ), super::sales::order_types).conditional())
            .with(scope.served(Operation::get(scope.path("/events/{id}/ticket-types/{typeId}"), scope.id("get{}TicketType"), "Show a ticket type")
                    .versioned()
                    .ok::<TicketTypeJson<'_>>("The ticket type."), super::sales::show_type))
            .with(scope.served(change(
                Operation::patch(scope.path("/events/{id}/ticket-types/{typeId}"), scope.id("update{}TicketType"), "Change a ticket type")
                    .details(
                        "For bookings from now on; at once, also while the event sells. Once a place of it was held, blocked or booked, \
                         its quota and its sections stay.",
                    )
                    .versioned()
                    .body::<TicketTypeChangeBody>(json!({ "maxPerBooking": 4 }))
                    .ok::<TicketTypeJson<'_>>("The ticket type as it is now."),
            ), super::sales::update_type).conditional())
            .with(scope.served(change(
                Operation::delete(scope.path("/events/{id}/ticket-types/{typeId}"), scope.id("delete{}TicketType"), "Delete a ticket type")
                    .details("Only while no place of it is or ever was held, blocked or booked.")
                    .no_content("It is gone."),
            ), super::sales::delete_type).conditional())
            .with(scope.served(Operation::get(scope.path("/events/{id}/quotas"), scope.id("list{}Quotas"), "List quotas")
                    .ok::<QuotasJson<'_>>("All of them."), super::sales::list_quotas))
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/quotas"), scope.id("create{}Quota"), "Add a quota")
                    .repeatable()
                    .tagged()
                    .body::<NewQuotaBody>(json!({ "name": "Floor", "capacity": 500 }))
                    .created::<QuotaJson<'_>>("The quota."),
            ), super::sales::add_quota))
            .with(scope.served(Operation::get(scope.path("/events/{id}/quotas/{quotaId}"), scope.id("get{}Quota"), "Show a quota")
                    .versioned()
                    .ok::<QuotaJson<'_>>("The quota."), super::sales::show_quota))
            .with(scope.served(change(
                Operation::patch(scope.path("/events/{id}/quotas/{quotaId}"), scope.id("update{}Quota"), "Change a quota")
                    .details("More places can be booked at once. Fewer than are held and sold are refused.")
                    .versioned()
                    .body::<QuotaChangeBody>(json!({ "capacity": 600 }))
                    .ok::<QuotaJson<'_>>("The quota as it is now."),
            ), super::sales::update_quota).conditional())
            .with(scope.served(change(
                Operation::delete(scope.path("/events/{id}/quotas/{quotaId}"), scope.id("delete{}Quota"), "Delete a quota")
                    .no_content("It is gone."),
            ), super::sales::delete_quota).conditional())
            .with(scope.served(Operation::get(scope.path("/events/{id}/blocks"), scope.id("list{}Blocks"), "List blocks")
                    .ok::<BlocksJson>("The blocks, the newest first."), super::blocks::list))
            .with(scope.served(Operation::post(scope.path("/events/{id}/blocks"), scope.id("create{}Block"), "Keep places back")
                    .details(
                        "Places of ticket types, as in a booking but up to ten thousand at once, or `wholeSection`: all that is free \
                         in a section. Windows and limits do not matter. An event has at most 100,000 places in blocks, and a cancelled or \
                         archived one takes none.",
                    )
                    .repeatable()
                    .body::<BlockBody>(json!({ "items": [{ "ticketTypeId": ID, "quantity": 4 }] }))
                    .created::<BlockJson<'_>>("The block. Its places are shown as held.")
                    .refusals(&[Code::SoldOut, Code::SeatTaken, Code::LimitExceeded, Code::EventState]), super::blocks::add))
            .with(scope.served(Operation::get(scope.path("/events/{id}/blocks/{blockId}"), scope.id("get{}Block"), "Show a block")
                    .ok::<BlockJson<'_>>("The block."), super::blocks::show))
            .with(scope.served(Operation::delete(scope.path("/events/{id}/blocks/{blockId}"), scope.id("delete{}Block"), "Give a block free")
                    .no_content("Its places can be booked.")
                    .refusals(&[Code::Invalid]), super::blocks::delete))
            .with(scope.served(guests(Operation::get(
                scope.path("/events/{id}/bookings"),
                scope.id("list{}EventBookings"),
                "List the bookings of an event",
            )), super::guests::list).produces(&["application/json","application/problem+json","text/csv",]))
}

pub(crate) fn own_events() -> Section<App> {
    let section =
        Section::new("Own events", "What organizers do with their own events. Others' do not exist for them.");
    let list = listed(Operation::get(OWN.path("/events"), "listOwnEvents", "List own events"));
    events::<Own<NewEventBody>, Own<EventChangeBody>>(&OWN, section.with(OWN.served(list, super::events::list)))
        .with(
            terms(Operation::get("/api/v1/organizer/categories", "listCategoriesToChoose", "List categories"))
                .served(ORGANIZERS, super::catalogue::list_categories),
        )
        .with(
            terms(Operation::get("/api/v1/organizer/tags", "listTagsToChoose", "List tags"))
                .served(ORGANIZERS, super::catalogue::list_tags),
        )
}

pub(crate) fn all_events() -> Section<App> {
    let section = Section::new("Administration of events", "The same for everybody's events.");
    let list = listed(Operation::get(ANY.path("/events"), "listAnyEvents", "List everybody's events"));
    let list = list.everybodys(&declared::MANAGED_EVENTS);
    events::<NewEventBody, EventChangeBody>(&ANY, section.with(ANY.served(list, super::events::list)))
}

fn terms(operation: Operation) -> Operation {
    operation.page_of::<TermJson<'_>>(&declared::TERMS, "By slug.")
}

fn categories(section: Section<App>) -> Section<App> {
    let slug = || Parameter::path("slug", "Its slug.").text(2..=100);
    section
        .with(
            terms(Operation::get("/api/v1/admin/categories", "listManagedCategories", "List categories"))
                .served(ADMINISTRATORS, super::catalogue::list_categories),
        )
        .with(
            change(
                Operation::post("/api/v1/admin/categories", "createCategory", "Add one")
                    .repeatable()
                    .tagged()
                    .body::<TermBody>(json!({ "slug": "jazz", "name": "Jazz" }))
                    .created::<TermJson<'_>>("It."),
            )
            .served(ADMINISTRATORS, super::catalogue::add_category),
        )
        .with(
            Operation::get("/api/v1/admin/categories/{slug}", "getManagedCategory", "Show one")
                .parameter(slug())
                .versioned()
                .ok::<TermJson<'_>>("It.")
                .served(ADMINISTRATORS, super::catalogue::show_category),
        )
        .with(
            change(
                Operation::patch("/api/v1/admin/categories/{slug}", "renameCategory", "Rename one")
                    .parameter(slug())
                    .versioned()
                    .body::<NameBody>(json!({ "name": "Jazz and more" }))
                    .ok::<TermJson<'_>>("It, as it is now."),
            )
            .served(ADMINISTRATORS, super::catalogue::rename_category)
            .conditional(),
        )
        .with(
            change(
                Operation::delete("/api/v1/admin/categories/{slug}", "deleteCategory", "Delete one")
                    .parameter(slug())
                    .no_content("It is gone."),
            )
            .served(ADMINISTRATORS, super::catalogue::delete_category)
            .conditional(),
        )
}

fn tags(section: Section<App>) -> Section<App> {
    let slug = || Parameter::path("slug", "Its slug.").text(2..=100);
    section
        .with(
            terms(Operation::get("/api/v1/admin/tags", "listManagedTags", "List tags"))
                .served(ADMINISTRATORS, super::catalogue::list_tags),
        )
        .with(
            change(
                Operation::post("/api/v1/admin/tags", "createTag", "Add one")
                    .repeatable()
                    .tagged()
                    .body::<TermBody>(json!({ "slug": "jazz", "name": "Jazz" }))
                    .created::<TermJson<'_>>("It."),
            )
            .served(ADMINISTRATORS, super::catalogue::add_tag),
        )
        .with(
            Operation::get("/api/v1/admin/tags/{slug}", "getManagedTag", "Show one")
                .parameter(slug())
                .versioned()
                .ok::<TermJson<'_>>("It.")
                .served(ADMINISTRATORS, super::catalogue::show_tag),
        )
        .with(
            change(
                Operation::patch("/api/v1/admin/tags/{slug}", "renameTag", "Rename one")
                    .parameter(slug())
                    .versioned()
                    .body::<NameBody>(json!({ "name": "Jazz and more" }))
                    .ok::<TermJson<'_>>("It, as it is now."),
            )
            .served(ADMINISTRATORS, super::catalogue::rename_tag)
            .conditional(),
        )
        .with(
            change(
                Operation::delete("/api/v1/admin/tags/{slug}", "deleteTag", "Delete one")
                    .parameter(slug())
                    .no_content("It is gone."),
            )
            .served(ADMINISTRATORS, super::catalogue::delete_tag)
            .conditional(),
        )
}

pub(crate) fn catalogue() -> Section<App> {
    let venue = json!({
        "name": "The Hall", "address": "1 High Street", "city": "Berlin", "country": "DE", "timeZone": "Europe/Berlin",
        "capacity": 500,
    });
    let section = Section::new("Administration of the catalogue", "Venues, categories, tags and settings.")
        .with(
            (change(
                Operation::post("/api/v1/admin/venues", "createVenue", "Add a venue")
                    .repeatable()
                    .tagged()
                    .body::<NewVenueBody>(venue.clone())
                    .created::<VenueJson<'_>>("The venue."),
            ))
            .served(ADMINISTRATORS, super::catalogue::add_venue),
        )
        .with(
            Operation::get("/api/v1/admin/venues/{id}", "getManagedVenue", "Show a venue")
                .cacheable()
                .ok::<VenueJson<'_>>("The venue.")
                .served(ADMINISTRATORS, super::catalogue::show_venue),
        )
        .with(
            (change(
                Operation::put("/api/v1/admin/venues/{id}", "replaceVenue", "Say a venue anew")
                    .versioned()
                    .body::<NewVenueBody>(venue)
                    .ok::<VenueJson<'_>>("The venue as it is now."),
            ))
            .served(ADMINISTRATORS, super::catalogue::replace_venue)
            .conditional(),
        )
        .with(
            (change(
                Operation::patch("/api/v1/admin/venues/{id}", "updateVenue", "Change a venue")
                    .versioned()
                    .body::<VenueChangeBody>(json!({ "capacity": 600 }))
                    .ok::<VenueJson<'_>>("The venue as it is now."),
            ))
            .served(ADMINISTRATORS, super::catalogue::update_venue)
            .conditional(),
        )
        .with(
            (change(
                Operation::delete("/api/v1/admin/venues/{id}", "deleteVenue", "Delete a venue")
                    .no_content("It is gone."),
            ))
            .served(ADMINISTRATORS, super::catalogue::delete_venue)
            .conditional(),
        );
    let section = categories(tags(section));
    section
        .with(
            Operation::get("/api/v1/admin/settings", "listSettings", "List settings")
                .versioned()
                .ok::<SettingsJson>("All of them, each with its bounds and default.")
                .served(ADMINISTRATORS, super::settings::list),
        )
        .with(
            Operation::patch("/api/v1/admin/settings", "updateSettings", "Change settings")
                .versioned()
                .body::<SettingsChange>(json!({ "siteName": "The House", "termsUrl": null }))
                .ok::<SettingsJson>("All of them as they are now.")
                .served(ADMINISTRATORS, super::settings::update)
                .conditional(),
        )
        .with(
            Operation::get("/api/v1/admin/settings/changes", "listSettingChanges", "List changes of settings")
                .page_of::<ChangeJson<'_>>(&declared::SETTING_CHANGES, "The latest first.")
                .served(ADMINISTRATORS, super::settings::changes),
        )
}

pub(crate) fn settings() -> Section<App> {
    let shown = json!({ "type": "object", "description": "A value a setting.", "additionalProperties": true });
    Section::new("Settings", "What everybody may know of the site's settings.").with(
        Operation::get("/api/v1/settings", "getSettings", "Show the public settings")
            .cacheable()
            .ok_as("application/json", shown, "The settings.")
            .served(Access::Public, super::settings::public),
    )
}
