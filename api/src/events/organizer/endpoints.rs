//! The endpoints of events for their organizers, and for admins.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::operation::Operation,
    problem_codes::Code,
};
use domain::lists::declared;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::dto::{DuplicateBody, EventBody, EventJson, PublishBody};
use crate::{
    bodies::{Own, Patch},
    manage::change,
    scopes::{ANY, OWN},
};

const ID: &str = "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21";

fn event() -> Value {
    json!({
        "title": "An Evening", "category": "concert", "venueId": ID, "timeZone": "Europe/Berlin", "currency": "EUR",
        "startsAt": "2031-03-01T19:00:00Z", "endsAt": "2031-03-01T22:00:00Z", "tags": [],
    })
}

fn listed(operation: Operation) -> Operation {
    operation.page_of::<EventJson<'_>>(&declared::MANAGED_EVENTS, "Events.")
}

/// The endpoints of events, once for each scope. `N` is the body of a new event, `C` that of a change.
fn events<N: ToSchema, C: ToSchema>(scope: &Scope, section: Section<App>) -> Section<App> {
    section
        .with(
            scope.served(
                change(
                    Operation::post(scope.path("/events"), scope.id("create{}Event"), "Make a draft")
                        .repeatable()
                        .tagged()
                        .body::<N>(event())
                        .created::<EventJson<'_>>("The draft."),
                ),
                super::create,
            ),
        )
        .with(
            scope.served(
                Operation::get(scope.path("/events/{id}"), scope.id("get{}Event"), "Show an event")
                    .cacheable()
                    .ok::<EventJson<'_>>("The event."),
                super::show,
            ),
        )
        .with(
            scope
                .served(
                    change(
                        Operation::put(scope.path("/events/{id}"), scope.id("replace{}Event"), "Replace an event")
                            .details("What is left out is as in a new event; the slug stays.")
                            .refusals(&[Code::OccurrenceThere])
                            .versioned()
                            .body::<N>(event())
                            .ok::<EventJson<'_>>("The event as it is now."),
                    ),
                    super::replace,
                )
                .conditional(),
        )
        .with(
            scope
                .served(
                    change(
                        Operation::patch(scope.path("/events/{id}"), scope.id("update{}Event"), "Change an event")
                            .details("What is left out stays. A cancelled or archived event is not changed any more.")
                            .refusals(&[Code::OccurrenceThere])
                            .versioned()
                            .body::<C>(json!({ "title": "Another Evening" }))
                            .ok::<EventJson<'_>>("The event as it is now."),
                    ),
                    super::update,
                )
                .conditional(),
        )
        .with(
            scope
                .served(
                    change(
                        Operation::delete(scope.path("/events/{id}"), scope.id("delete{}Event"), "Delete a draft")
                            .details("One that nobody ever booked, and of which nothing is held or blocked.")
                            .no_content("It is gone."),
                    ),
                    super::delete,
                )
                .conditional(),
        )
}

/// What is done with an event as a whole.
fn steps(scope: &Scope, section: Section<App>) -> Section<App> {
    section
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/publish"), scope.id("publish{}Event"), "Publish an event")
                    .details(
                        "Now, or `at` a later time, before the event's end and that of its sale; the body may be left out. Refused while a \
                         rule between the event and what it sells is broken; `errors` names each.",
                    )
                    .tagged()
                    .body::<PublishBody>(json!({ "at": "2031-01-01T09:00:00Z" }))
                    .ok::<EventJson<'_>>("The event, now `PUBLISHED` or `SCHEDULED`."),
            ), super::publish).conditional())
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/unpublish"), scope.id("unpublish{}Event"), "Take an event back")
                    .details("Only while nobody has booked.")
                    .tagged()
                    .ok::<EventJson<'_>>("The event, a `DRAFT` again."),
            ), super::unpublish).conditional())
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/cancel"), scope.id("cancel{}Event"), "Cancel an event")
                    .details(
                        "Nothing is sold any more. All bookings are cancelled in the background, and each account is told by \
                         mail; `cancellation` says how far that is.",
                    )
                    .tagged()
                    .ok::<EventJson<'_>>("The event, now `CANCELLED`."),
            ), super::cancel).conditional())
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/archive"), scope.id("archive{}Event"), "Put an event away")
                    .details("One that is over, or whose bookings are all cancelled.")
                    .tagged()
                    .ok::<EventJson<'_>>("The event, now `ARCHIVED`."),
            ), super::archive).conditional())
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
            ), super::duplicate).conditional())
}

pub(crate) fn own() -> Section<App> {
    let section =
        Section::new("Own events", "What organizers do with their own events. Others' do not exist for them.");
    let list = listed(Operation::get(OWN.path("/events"), "listOwnEvents", "List own events"));
    steps(&OWN, events::<Own<EventBody>, Own<Patch<EventBody>>>(&OWN, section.with(OWN.served(list, super::list))))
}

pub(crate) fn all() -> Section<App> {
    let section = Section::new("Administration of events", "The same for everybody's events.");
    let list = listed(Operation::get(ANY.path("/events"), "listAnyEvents", "List everybody's events"));
    let list = list.everybodys(&declared::MANAGED_EVENTS);
    steps(&ANY, events::<EventBody, Patch<EventBody>>(&ANY, section.with(ANY.served(list, super::list))))
}
