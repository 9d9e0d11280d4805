//! The endpoints of ticket types.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::operation::Operation,
};
use serde_json::{Value, json};

use super::dto::{OrderBody, TicketTypeBody, TicketTypeJson, TicketTypesJson};
use crate::{bodies::Patch, manage::change};

const ID: &str = "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21";

fn ticket_type() -> Value {
    json!({ "name": "Adult", "quotaId": ID, "price": { "amount": "25.00", "currency": "EUR" }, "maxPerBooking": 6 })
}

/// The endpoints of the ticket types of an event, once for each scope.
pub(crate) fn of_event(scope: &Scope, section: Section<App>) -> Section<App> {
    section
            .with(scope.served(Operation::get(scope.path("/events/{id}/ticket-types"), scope.id("list{}TicketTypes"), "List ticket types")
                    .ok::<TicketTypesJson<'_>>("All of them, in their order."), super::list))
            .with(scope.served(change(
                Operation::post(scope.path("/events/{id}/ticket-types"), scope.id("create{}TicketType"), "Add a ticket type")
                    .repeatable()
                    .tagged()
                    .body::<TicketTypeBody>(ticket_type())
                    .created::<TicketTypeJson<'_>>("The ticket type, after the last."),
            ), super::create))
            .with(scope.served(change(
                Operation::put(scope.path("/events/{id}/ticket-types"), scope.id("order{}TicketTypes"), "Order the ticket types")
                    .details("The order is the event's: `If-Match` names the event's revision, and `ETag` is the one that it has then.")
                    .versioned()
                    .body::<OrderBody>(json!({ "order": [ID] }))
                    .ok::<TicketTypesJson<'_>>("All of them, in their new order."),
            ), super::order).conditional())
            .with(scope.served(Operation::get(scope.path("/events/{id}/ticket-types/{typeId}"), scope.id("get{}TicketType"), "Show a ticket type")
                    .versioned()
                    .ok::<TicketTypeJson<'_>>("The ticket type."), super::show))
            .with(scope.served(change(
                Operation::patch(scope.path("/events/{id}/ticket-types/{typeId}"), scope.id("update{}TicketType"), "Change a ticket type")
                    .details(
                        "For bookings from now on; at once, also while the event sells. Once a place of it was held, blocked or booked, \
                         its quota and its sections stay.",
                    )
                    .versioned()
                    .body::<Patch<TicketTypeBody>>(json!({ "maxPerBooking": 4 }))
                    .ok::<TicketTypeJson<'_>>("The ticket type as it is now."),
            ), super::update).conditional())
            .with(scope.served(change(
                Operation::delete(scope.path("/events/{id}/ticket-types/{typeId}"), scope.id("delete{}TicketType"), "Delete a ticket type")
                    .details("Only while no place of it is or ever was held, blocked or booked.")
                    .no_content("It is gone."),
            ), super::delete).conditional())
}
