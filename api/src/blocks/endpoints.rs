//! The endpoints of blocks.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::operation::Operation,
    problem_codes::Code,
};
use serde_json::json;

use super::{BlockBody, BlockJson, BlocksJson};

const ID: &str = "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21";

/// The endpoints of the blocks of an event, once for each scope.
pub(crate) fn of_event(scope: &Scope, section: Section<App>) -> Section<App> {
    section
            .with(scope.served(Operation::get(scope.path("/events/{id}/blocks"), scope.id("list{}Blocks"), "List blocks")
                    .ok::<BlocksJson>("The blocks, the newest first."), super::list))
            .with(scope.served(Operation::post(scope.path("/events/{id}/blocks"), scope.id("create{}Block"), "Keep places back")
                    .details(
                        "Places of ticket types, as in a booking but up to ten thousand at once, or `wholeSection`: all that is free \
                         in a section. Windows and limits do not matter. An event has at most 100,000 places in blocks, and a cancelled or \
                         archived one takes none.",
                    )
                    .repeatable()
                    .body::<BlockBody>(json!({ "items": [{ "ticketTypeId": ID, "quantity": 4 }] }))
                    .created::<BlockJson<'_>>("The block. Its places are shown as held.")
                    .refusals(&[Code::SoldOut, Code::SeatTaken, Code::LimitExceeded, Code::EventState]), super::create))
            .with(scope.served(Operation::get(scope.path("/events/{id}/blocks/{blockId}"), scope.id("get{}Block"), "Show a block")
                    .ok::<BlockJson<'_>>("The block."), super::show))
            .with(scope.served(Operation::delete(scope.path("/events/{id}/blocks/{blockId}"), scope.id("delete{}Block"), "Give a block free")
                    .no_content("Its places can be booked.")
                    .refusals(&[Code::Invalid]), super::delete))
}
