//! The endpoints of a booking for those who run its event.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::operation::Operation,
    problem_codes::Code,
};
use serde_json::json;

use super::dto::{HandPaymentBody, ManagedBookingJson, OrganizerCancellationBody, RefundBody, RetryBody};
use crate::{payments::dto::PaymentJson, refunds::ManagedRefundJson};

/// The endpoints, once for each scope.
pub(crate) fn of_bookings(scope: &Scope, section: Section<App>) -> Section<App> {
    let section = section.with(
        scope.served(
            Operation::get(scope.path("/bookings/{id}"), scope.id("get{}EventBooking"), "Show a booking of an event")
                .ok::<ManagedBookingJson<'_>>("The booking with its payments, refunds and cancellations."),
            super::show,
        ),
    );
    let section = section.with(scope.served(pay(scope), super::pay));
    let section = section.with(scope.served(refund(scope), super::refund));
    let section = section.with(scope.served(retry(scope), super::retry));
    section.with(scope.served(cancel(scope), super::cancel))
}

fn pay(scope: &Scope) -> Operation {
    Operation::post(
        scope.path("/bookings/{id}/payments"),
        scope.id("pay{}BookingByHand"),
        "Say that a booking was paid without the payment gateway",
    )
    .details(
        "Confirms it. A bank transfer that was begun has come with it; another attempt that waits for its payer is cancelled. A booking that \
         has expired is confirmed as well, if its places are free. Refused only while the gateway is at an attempt.",
    )
    .idempotent()
    .body::<HandPaymentBody>(json!({ "method": "cash", "note": "at the door" }))
    .created::<PaymentJson<'_>>("The payment, `SUCCEEDED`.")
    .refusals(&[Code::NothingToPay, Code::BookingOver, Code::PaymentInProgress])
    .refusals(&[Code::SoldOut, Code::SeatTaken, Code::NotOnSale, Code::LimitExceeded, Code::PromoCode])
}

fn refund(scope: &Scope) -> Operation {
    Operation::post(
        scope.path("/bookings/{id}/refunds"),
        scope.id("refund{}Booking"),
        "Give money of a booking back",
    )
    .details(
        "`itemIds` cancels these places and gives back what was paid for them, without a fee; `amount` gives so much back and cancels \
         nothing. What was paid by hand is paid back by hand, so its refund has `SUCCEEDED` at once.",
    )
    .idempotent()
    .body::<RefundBody>(json!({ "amount": { "amount": "12.50", "currency": "EUR" }, "reason": "The view was blocked" }))
    .created::<ManagedRefundJson<'_>>("The refund.")
    .refusals(&[Code::AboveLeft, Code::NotCancellable])
}

fn retry(scope: &Scope) -> Operation {
    Operation::post(
        scope.path("/bookings/{id}/refunds/{refundId}/retry"),
        scope.id("retry{}Refund"),
        "Make a refund again that has failed",
    )
    .details("By another refund, which has a key of its own at the gateway; the failed one stays, and names it as `replacedBy`.")
    .idempotent()
    .body::<RetryBody>(json!({ "byHand": false }))
    .created::<ManagedRefundJson<'_>>("The new refund.")
    .refusals(&[Code::RefundNotFailed, Code::AboveLeft])
}

fn cancel(scope: &Scope) -> Operation {
    Operation::post(
        scope.path("/bookings/{id}/cancellations"),
        scope.id("cancel{}EventBooking"),
        "Cancel a booking of an event, or some of its places",
    )
    .details(
        "Whatever the terms of the event say, also after it has begun, and without a fee. Items that were cancelled before are passed over.",
    )
    .idempotent()
    .body::<OrganizerCancellationBody>(json!({ "reason": "The band is ill" }))
    .ok::<ManagedBookingJson<'_>>("The booking as it is now.")
    .refusals(&[Code::NotCancellable])
}
