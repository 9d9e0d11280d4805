//! The endpoints of refunds.

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Scope, Section},
    openapi::operation::Operation,
    router::Access,
};
use domain::lists::declared;

use super::{ManagedRefundJson, RefundsJson};

/// For the buyer.
pub(crate) fn of_booking() -> Endpoint<App> {
    Operation::get("/api/v1/bookings/{id}/refunds", "listRefunds", "List the refunds of a booking")
        .ok::<RefundsJson<'_>>("All of them, the oldest first.")
        .served(Access::Authenticated, super::list)
        .own()
}

/// For those who run the event, once for each scope.
pub(crate) fn of_event(scope: &Scope, section: Section<App>) -> Section<App> {
    section.with(
        scope.served(
            Operation::get(
                scope.path("/events/{id}/refunds"),
                scope.id("list{}EventRefunds"),
                "List the refunds of an event",
            )
            .details(
                "One that is `FAILED` and has no `replacedBy` is still to be paid: make it again at \
                 `…/bookings/{id}/refunds/{refundId}/retry`.",
            )
            .page_of::<ManagedRefundJson<'_>>(&declared::REFUNDS, "Refunds, the newest first."),
            super::list_of_event,
        ),
    )
}
