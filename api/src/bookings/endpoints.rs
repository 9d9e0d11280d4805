//! The endpoints of holds and bookings.

use application::{app::App, limits::Tier};
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::operation::Operation,
    problem_codes::Code,
    router::Access,
};
use domain::lists::declared;
use serde_json::{Value, json};

use super::dto::{BookingJson, BookingSchema, HoldBody, HoldJson};
use crate::{cancellations, receipts, refunds};

/// Why places can't be had.
const NO_PLACES: [Code; 6] =
    [Code::SoldOut, Code::SeatTaken, Code::NotOnSale, Code::LimitExceeded, Code::PromoCode, Code::BelowMinimum];

pub(crate) fn section() -> Section<App> {
    Section::new("Bookings", "Holding, booking and cancelling; each account sees its own.")
        .with(hold())
        .with(show_hold())
        .with(extend())
        .with(release())
        .with(book())
        .with(list())
        .with(show())
        .with(cancellations::endpoints::delete())
        .with(cancellations::endpoints::create())
        .with(refunds::endpoints::of_booking())
        .with(receipts::endpoints::show())
}

fn items() -> Value {
    json!([{ "ticketTypeId": "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21", "quantity": 2 }])
}

fn hold() -> Endpoint<App> {
    Operation::post("/api/v1/events/{id}/holds", "createHold", "Hold places")
        .details(
            "Keeps places for as long as `expiresAt` says, so that a buyer can decide. Places that nobody has paid, held or in \
             unpaid bookings, are capped for each account and event (20 unless set otherwise) and for each network (1,000): \
             above that 422 `BOOKING_004`. The hold fixes the price: \
             with a `promoCode`, as that says now. Who lets several holds of an event run out has to wait: 429 `RATE_001`. Where \
             addresses have to be verified first, an account whose is not gets 403 `AUTH_009`. A known key is answered \
             before any of that is looked at.",
        )
        .idempotent()
        .body::<HoldBody>(json!({ "items": items() }))
        .created::<HoldJson<'_>>("The hold.")
        .refusals(&NO_PLACES)
        .refusals(&[Code::Unverified])
        .served(Access::Authenticated, super::public::hold).gate(super::public::gate).limit(Tier::Bookings)
}

fn show_hold() -> Endpoint<App> {
    Operation::get("/api/v1/holds/{id}", "getHold", "Show a hold")
        .ok::<HoldJson<'_>>("The hold.")
        .served(Access::Authenticated, super::public::show_hold)
        .own()
}

fn extend() -> Endpoint<App> {
    Operation::post("/api/v1/holds/{id}/extensions", "extendHold", "Keep held places for longer")
        .details(
            "As long as a new hold would, counted from now, but never longer after the hold was made than the event's terms say: \
             30 minutes unless its organizer has set another length. A hold that lasts as long already is left as it is: 409 `BOOKING_007`.",
        )
        .ok::<HoldJson<'_>>("The hold, with its new `expiresAt`.")
        .refusals(&[Code::HoldGone, Code::HoldAtCap])
        .served(Access::Authenticated, super::public::extend)
        .own()
        .limit(Tier::Bookings)
}

fn release() -> Endpoint<App> {
    Operation::delete("/api/v1/holds/{id}", "releaseHold", "Give held places back")
        .details("Again: the same.")
        .no_content("The places can be had by others.")
        .refusals(&[Code::HoldGone])
        .served(Access::Authenticated, super::public::release)
        .own()
}

fn book() -> Endpoint<App> {
    Operation::post("/api/v1/events/{id}/bookings", "createBooking", "Book places")
        .details(
            "Places that cost nothing, also by a `promoCode`, are `CONFIRMED` in the answer; others are `PENDING_PAYMENT` until `expiresAt`. The answer comes when \
             the booking is durable. Give either `items` or the `holdId` of a hold, which is booked at its price. `attendees` \
             say who comes, in the order of the answer's items. Unpaid places are capped as those of \
             holds are.",
        )
        .idempotent()
        .body::<BookingSchema>(json!({ "items": items() }))
        .created::<BookingJson<'_>>("The booking.")
        .refusals(&NO_PLACES)
        .refusals(&[Code::HoldGone, Code::Unverified])
        .served(Access::Authenticated, super::public::book).gate(super::public::gate).limit(Tier::Bookings)
}

fn list() -> Endpoint<App> {
    Operation::get("/api/v1/bookings", "listBookings", "List the own bookings")
        .page_of::<BookingJson<'_>>(&declared::BOOKINGS, "Bookings, the latest first.")
        .served(Access::Authenticated, super::public::list)
        .own()
}

fn show() -> Endpoint<App> {
    Operation::get("/api/v1/bookings/{id}", "getBooking", "Show a booking")
        .ok::<BookingJson<'_>>("The booking.")
        .served(Access::Authenticated, super::public::show)
        .own()
}
