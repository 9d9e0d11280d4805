//! What clients are told about seat maps.

use boxoffice_http::{
    openapi::{
        operation::{Operation, Section},
        parameter::Parameter,
    },
    problem_codes::Code,
};
use serde_json::{Value, json};

use super::{
    dto::{ChangeBody, LayoutJson, MoveBody, NewSeatMapBody, SeatMapDetailJson, SeatMapJson, VersionDetailJson},
    sold::EventSeatMapJson,
};

const ID: &str = "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21";

fn layout() -> Value {
    json!({ "sections": [{ "name": "Stalls", "rows": [
        { "label": "A", "seats": [{ "label": "1" }, { "label": "2" }, { "label": "3", "position": 3, "accessible": true }] },
    ] }] })
}

fn numbered(operation: Operation) -> Operation {
    operation.parameter(Parameter::path("number", "The number of a version.").integer(1..=100).example(1))
}

/// The operations of one prefix, as the routes.
macro_rules! seat_maps {
    ($prefix:literal, $who:literal, $section:expr) => {
        $section
            .with(
                Operation::post(concat!($prefix, "/seat-maps"), concat!("create", $who, "SeatMap"), "Draw a seat map")
                    .details("At most 100,000 seats, and 8 MiB. What is wrong is named by its way: `layout.sections[0].rows[3].label`.")
                    .repeatable()
                    .tagged()
                    .body::<NewSeatMapBody>(json!({ "venueId": ID, "name": "End stage", "layout": layout() }))
                    .created::<SeatMapDetailJson>("The seat map with its first version."),
            )
            .with(
                Operation::get(concat!($prefix, "/seat-maps/{id}"), concat!("get", $who, "SeatMap"), "Show a seat map")
                    .details("With the ids of its sections, by which ticket types name what they sell.")
                    .versioned()
                    .ok::<SeatMapDetailJson>("The seat map."),
            )
            .with(
                Operation::patch(concat!($prefix, "/seat-maps/{id}"), concat!("update", $who, "SeatMap"), "Change what is said of a seat map")
                    .details("Where its seats are, a new version says.")
                    .versioned()
                    .body::<ChangeBody>(json!({ "name": "Round stage" }))
                    .ok::<SeatMapDetailJson>("The seat map as it is now."),
            )
            .with(
                Operation::delete(concat!($prefix, "/seat-maps/{id}"), concat!("delete", $who, "SeatMap"), "Delete a seat map")
                    .details("With all its versions. Only while no event sells one of them.")
                    .no_content("It is gone.")
                    .refusals(&[Code::InUse]),
            )
            .with(
                Operation::post(concat!($prefix, "/seat-maps/{id}/versions"), concat!("add", $who, "SeatMapVersion"), "Draw a seat map anew")
                    .details(
                        "A version after the last, at most a hundred; none ever changes. A seat that is called the same as in an \
                         earlier one (section, row, label) is the same and has the same `id`. Events go on selling the version \
                         that they sell.",
                    )
                    .repeatable()
                    .tagged()
                    .body::<LayoutJson>(layout())
                    .created::<VersionDetailJson>("The version."),
            )
            .with(numbered(
                Operation::get(concat!($prefix, "/seat-maps/{id}/versions/{number}"), concat!("get", $who, "SeatMapVersion"), "Show a version")
                    .ok::<VersionDetailJson>("The version, and which events sell it."),
            ))
            .with(numbered(
                Operation::get(concat!($prefix, "/seat-maps/{id}/versions/{number}/layout"), concat!("export", $who, "SeatMap"), "Export a version")
                    .details("As it can be imported: a new version of any map, or the `layout` of a new one.")
                    .ok::<LayoutJson>("Where the seats are."),
            ))
            .with(
                Operation::get(concat!($prefix, "/events/{id}/seat-map"), concat!("get", $who, "EventSeatMap"), "Show what an event sells of its seat map")
                    .details("With the ids of its sections, by which ticket types name what they sell. The revision is the event's.")
                    .versioned()
                    .ok::<EventSeatMapJson>("The seat map, and which version."),
            )
            .with(
                Operation::put(concat!($prefix, "/events/{id}/seat-map"), concat!("move", $who, "Event"), "Sell another version of the seat map")
                    .details(
                        "Also while the event sells. Nobody's seat is moved: a version that does not have each seat that is held, \
                         blocked or sold where it is and as it is, is refused, and `errors` names the first fifty. Ticket types \
                         lose the sections that there are no more, and `sectionsLost` says which: to move back does not bring them back.",
                    )
                    .versioned()
                    .body::<MoveBody>(json!({ "version": 2 }))
                    .ok::<EventSeatMapJson>("The seat map, and which version from now on.")
                    .refusals(&[Code::EventState, Code::SeatsMoved]),
            )
    };
}

fn listed(operation: Operation) -> Operation {
    operation
        .parameter(Parameter::query("venueId", "Of this venue.").id())
        .parameter(Parameter::query("q", "Part of the name.").text(1..=200))
        .page_of::<SeatMapJson>("Seat maps, the newest first.")
}

pub(crate) fn own_seat_maps() -> Section {
    let words = "Own ones, and those of the house, which organizers use and administrators change. A map has versions, and each \
                 event sells one.";
    let list = Operation::get("/api/v1/organizer/seat-maps", "listSeatMaps", "List seat maps");
    seat_maps!("/api/v1/organizer", "Own", Section::new("Seat maps", words).with(listed(list)))
}

pub(crate) fn all_seat_maps() -> Section {
    let list = Operation::get("/api/v1/admin/seat-maps", "listAnySeatMaps", "List everybody's seat maps");
    let list = listed(list).parameter(Parameter::query("organizerId", "Whose.").id());
    seat_maps!(
        "/api/v1/admin",
        "Any",
        Section::new("Administration of seat maps", "Everybody's, and the house's.").with(list)
    )
}
