//! The endpoints by which buyers cancel.

use application::app::App;
use boxoffice_http::{endpoint::Endpoint, openapi::operation::Operation, problem_codes::Code, router::Access};
use serde_json::json;

use super::CancellationBody;
use crate::bookings::dto::BookingJson;

pub(crate) fn delete() -> Endpoint<App> {
    Operation::delete("/api/v1/bookings/{id}", "cancelBooking", "Cancel a booking")
        .details(
            "All places that it still has, on the terms of its event: what was paid for them goes back, less the fee; `refunded` says how \
             much goes back in all. Buyers may cancel until the `allowedUntil` of the event's terms, which is its beginning unless the \
             organizer says otherwise; of an event that was moved since, until it begins. Again: the same answer.",
        )
        .ok::<BookingJson<'_>>("The booking, now `CANCELLED`.")
        .refusals(&[Code::NotCancellable])
        .served(Access::Authenticated, super::delete)
        .own()
}

pub(crate) fn create() -> Endpoint<App> {
    Operation::post("/api/v1/bookings/{id}/cancellations", "cancelItems", "Cancel some places of a booking")
        .details(
            "On the terms of the event, as the whole booking. Each place gives back what was paid for it, less the fee. Items that were \
             cancelled before are passed over; the last one makes the booking `CANCELLED`. Only a confirmed booking is cancelled in part.",
        )
        .idempotent()
        .body::<CancellationBody>(json!({ "itemIds": ["0198c0de-7d4c-7a10-8000-5a3c1f0e9b01"] }))
        .ok::<BookingJson<'_>>("The booking as it is now.")
        .refusals(&[Code::NotCancellable])
        .served(Access::Authenticated, super::create)
        .own()
}
