//! The endpoints of payments.

use application::{app::App, limits::Tier};
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::operation::Operation,
    problem_codes::Code,
    router::Access,
};
use domain::lists::declared;
use serde_json::json;

use super::dto::{ActionBody, AdminPaymentJson, PaymentBody, PaymentJson, PaymentsJson, ReceivedJson};
use crate::scopes::ADMINISTRATORS;

/// The largest message of a gateway that is read.
const MESSAGE_BYTES_MAX: usize = 256 << 10;

pub(crate) fn section() -> Section<App> {
    Section::new("Payments", "Paying bookings.").with(begin()).with(list()).with(show()).with(act()).with(receive())
}

pub(crate) fn administered() -> Section<App> {
    Section::new("Administration of payments", "Payments of everybody.").with(list_all())
}

fn begin() -> Endpoint<App> {
    Operation::post("/api/v1/bookings/{id}/payments", "createPayment", "Pay a booking")
        .details(
            "Begins an attempt. What becomes of it, its `status` says, now and later: `PROCESSING` is asked for again, `REQUIRES_ACTION` \
             goes on at `redirectUrl`, with `clientSecret`, or by `instructions`, and `FAILED` may be tried again with another key. One \
             attempt at a time: the next one cancels an attempt that waits for an action, and is refused while money may be on its way. \
             A request that had no answer, or a 5xx, is repeated with its key: that goes on with the same attempt and never charges \
             twice. Money that comes too late pays the booking if the same places can still be had, and goes back by itself otherwise.",
        )
        .idempotent()
        .body::<PaymentBody>(json!({ "method": "card", "returnUrl": "https://tickets.example.org/paid" }))
        .created::<PaymentJson<'_>>("The attempt.")
        .refusals(&[
            Code::NothingToPay,
            Code::BookingOver,
            Code::PaymentRefused,
            Code::PaymentAway,
            Code::PaymentInProgress,
            Code::BelowMinimum,
        ])
        .served(Access::Authenticated, super::begin)
        .own()
}

fn list() -> Endpoint<App> {
    Operation::get("/api/v1/bookings/{id}/payments", "listPayments", "List the attempts to pay a booking")
        .ok::<PaymentsJson<'_>>("All of them, the earliest first.")
        .served(Access::Authenticated, super::list)
        .own()
}

fn show() -> Endpoint<App> {
    Operation::get("/api/v1/payments/{id}", "getPayment", "Show an attempt to pay")
        .ok::<PaymentJson<'_>>("The attempt as it is now.")
        .served(Access::Authenticated, super::show)
        .own()
}

fn act() -> Endpoint<App> {
    Operation::post("/api/v1/sandbox/payments/{id}/actions", "actInSandbox", "Do what a payer does in the sandbox")
        .details(
            "Plays the page to which a payment of the method `sandbox_action` leads. Only there while the sandbox is the gateway, which \
             it never is in production.",
        )
        .body::<ActionBody>(json!({ "outcome": "succeed" }))
        .ok::<PaymentJson<'_>>("The attempt as it is then.")
        .refusals(&[Code::NothingToPay])
        .served(Access::Authenticated, super::act)
        .own()
}

fn receive() -> Endpoint<App> {
    Operation::post("/api/v1/webhooks/{provider}", "receiveGatewayMessage", "Take a message of a payment gateway")
        .details(
            "For payment gateways, which sign what they send: `stripe` or `sandbox`, whichever is used. Answered once the message is \
             verified and durable; what follows from it comes later, once, however often it is sent. Only what fails verification \
             counts in limits.",
        )
        .body_as(
            "application/json",
            json!({ "type": "object", "description": "As the gateway writes it." }),
            json!({ "id": "evt_1", "object": "event", "type": "payment_intent.succeeded" }),
        )
        .ok::<ReceivedJson>("It is kept.")
        .refusals(&[Code::NotFromGateway, Code::RateLimited])
        .served(Access::Public, super::receive)
        .limit(Tier::Unlimited)
        .body_limit(MESSAGE_BYTES_MAX)
}

fn list_all() -> Endpoint<App> {
    Operation::get("/api/v1/admin/payments", "listAnyPayments", "List payments")
        .page_of::<AdminPaymentJson<'_>>(&declared::PAYMENTS, "Attempts to pay, the latest first.")
        .served(ADMINISTRATORS, super::list_all)
}
