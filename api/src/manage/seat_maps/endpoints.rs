//! The endpoints of seat maps.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::{operation::Operation, parameter::Parameter},
    problem_codes::Code,
};
use domain::lists::declared;
use serde_json::{Value, json};

use super::{
    dto::{ChangeBody, LayoutJson, MoveBody, NewSeatMapBody, SeatMapDetailJson, SeatMapJson, VersionDetailJson},
    sold::EventSeatMapJson,
};
use crate::scopes::{ANY, OWN};

const ID: &str = "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21";

fn layout() -> Value {
    json!({ "sections": [{ "name": "Stalls", "rows": [
        { "label": "A", "seats": [{ "label": "1" }, { "label": "2" }, { "label": "3", "position": 3, "accessible": true }] },
    ] }] })
}

fn numbered(operation: Operation) -> Operation {
    operation.parameter(Parameter::path("number", "The number of a version.").integer(1..=100).example(1))
}

/// The endpoints of seat maps, once for each scope.
fn seat_maps(scope: &Scope, section: Section<App>) -> Section<App> {
    section
            .with(scope.served(Operation::post(scope.path("/seat-maps"), scope.id("create{}SeatMap"), "Draw a seat map")
                    .details("At most 100,000 seats, and 8 MiB. What is wrong is named by its way: `layout.sections[0].rows[3].label`.")
                    .repeatable()
                    .tagged()
                    .body::<NewSeatMapBody>(json!({ "venueId": ID, "name": "End stage", "layout": layout() }))
                    .created::<SeatMapDetailJson>("The seat map with its first version."), super::create).body_limit(super::LAYOUT_BYTES_MAX))
            .with(scope.served(Operation::get(scope.path("/seat-maps/{id}"), scope.id("get{}SeatMap"), "Show a seat map")
                    .details("With the ids of its sections, by which ticket types name what they sell.")
                    .versioned()
                    .ok::<SeatMapDetailJson>("The seat map."), super::show))
            .with(scope.served(Operation::patch(scope.path("/seat-maps/{id}"), scope.id("update{}SeatMap"), "Change what is said of a seat map")
                    .details("Where its seats are, a new version says.")
                    .versioned()
                    .body::<ChangeBody>(json!({ "name": "Round stage" }))
                    .ok::<SeatMapDetailJson>("The seat map as it is now."), super::update).conditional())
            .with(scope.served(Operation::delete(scope.path("/seat-maps/{id}"), scope.id("delete{}SeatMap"), "Delete a seat map")
                    .details("With all its versions. Only while no event sells one of them.")
                    .no_content("It is gone.")
                    .refusals(&[Code::InUse]), super::delete).conditional())
            .with(scope.served(Operation::post(scope.path("/seat-maps/{id}/versions"), scope.id("add{}SeatMapVersion"), "Draw a seat map anew")
                    .details(
                        "A version after the last, at most a hundred; none ever changes. A seat that is called the same as in an \
                         earlier one (section, row, label) is the same and has the same `id`. Events go on selling the version \
                         that they sell.",
                    )
                    .repeatable()
                    .tagged()
                    .body::<LayoutJson>(layout())
                    .created::<VersionDetailJson>("The version."), super::add_version).body_limit(super::LAYOUT_BYTES_MAX).conditional())
            .with(scope.served(numbered(
                Operation::get(scope.path("/seat-maps/{id}/versions/{number}"), scope.id("get{}SeatMapVersion"), "Show a version")
                    .ok::<VersionDetailJson>("The version, and which events sell it."),
            ), super::show_version))
            .with(scope.served(numbered(
                Operation::get(scope.path("/seat-maps/{id}/versions/{number}/layout"), scope.id("export{}SeatMap"), "Export a version")
                    .details("As it can be imported: a new version of any map, or the `layout` of a new one.")
                    .ok::<LayoutJson>("Where the seats are."),
            ), super::export))
            .with(scope.served(Operation::get(scope.path("/events/{id}/seat-map"), scope.id("get{}EventSeatMap"), "Show what an event sells of its seat map")
                    .details("With the ids of its sections, by which ticket types name what they sell. The revision is the event's.")
                    .versioned()
                    .ok::<EventSeatMapJson>("The seat map, and which version."), super::of_event))
            .with(scope.served(Operation::put(scope.path("/events/{id}/seat-map"), scope.id("move{}Event"), "Sell another version of the seat map")
                    .details(
                        "Also while the event sells. Nobody's seat is moved: a version that does not have each seat that is held, \
                         blocked or sold where it is and as it is, is refused, and `errors` names the first fifty. Ticket types \
                         lose the sections that there are no more, and `sectionsLost` says which: to move back does not bring them back.",
                    )
                    .versioned()
                    .body::<MoveBody>(json!({ "version": 2 }))
                    .ok::<EventSeatMapJson>("The seat map, and which version from now on.")
                    .refusals(&[Code::EventState, Code::SeatsMoved]), super::move_event).conditional())
}

fn listed(operation: Operation) -> Operation {
    operation.page_of::<SeatMapJson>(&declared::SEAT_MAPS, "Seat maps, the newest first.")
}

pub(crate) fn own_seat_maps() -> Section<App> {
    let words = "Own ones, and those of the house, which organizers use and administrators change. A map has versions, and each \
                 event sells one.";
    let list = listed(Operation::get(OWN.path("/seat-maps"), "listSeatMaps", "List seat maps"));
    seat_maps(&OWN, Section::new("Seat maps", words).with(OWN.served(list, super::list)))
}

pub(crate) fn all_seat_maps() -> Section<App> {
    let list = listed(Operation::get(ANY.path("/seat-maps"), "listAnySeatMaps", "List everybody's seat maps"));
    let list = list.everybodys(&declared::SEAT_MAPS);
    let section = Section::new("Administration of seat maps", "Everybody's, and the house's.");
    seat_maps(&ANY, section.with(ANY.served(list, super::list)))
}
