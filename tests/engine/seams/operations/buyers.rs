//! What buyers do.

use reqwest::Method;
use serde_json::json;

use super::{Act, Needs, Operation, Promise};

pub(super) const ROWS: &[Operation] = &[
    Operation {
        name: "hold",
        routes: &["POST /api/v1/events/{id}/holds"],
        needs: &[],
        act: Act::Ask(|of| of.buyer(Method::POST, of.event.path("holds"), Some(of.wish()))),
        promise: Promise::Exists,
    },
    Operation {
        name: "hold_extend",
        routes: &["POST /api/v1/holds/{id}/extensions"],
        needs: &[Needs::Hold],
        act: Act::Ask(|of| of.buyer(Method::POST, format!("/api/v1/holds/{}/extensions", of.hold), None)),
        promise: Promise::Nothing,
    },
    Operation {
        name: "hold_release",
        routes: &["DELETE /api/v1/holds/{id}"],
        needs: &[Needs::Hold],
        act: Act::Ask(|of| of.buyer(Method::DELETE, format!("/api/v1/holds/{}", of.hold), None)),
        promise: Promise::HoldIsReleased,
    },
    Operation {
        name: "hold_book",
        routes: &["POST /api/v1/events/{id}/bookings"],
        needs: &[Needs::Hold],
        act: Act::Ask(|of| of.buyer(Method::POST, of.event.path("bookings"), Some(json!({ "holdId": of.hold })))),
        promise: Promise::HoldIsBooked,
    },
    Operation {
        name: "book",
        routes: &["POST /api/v1/events/{id}/bookings"],
        needs: &[],
        act: Act::Ask(|of| of.buyer(Method::POST, of.event.path("bookings"), Some(of.wish()))),
        promise: Promise::Exists,
    },
    Operation {
        name: "hold_with_code",
        routes: &["POST /api/v1/events/{id}/holds"],
        needs: &[],
        act: Act::Ask(|of| of.buyer(Method::POST, of.event.path("holds"), Some(of.wish_with_code()))),
        promise: Promise::Exists,
    },
    Operation {
        name: "book_with_code",
        routes: &["POST /api/v1/events/{id}/bookings"],
        needs: &[],
        act: Act::Ask(|of| of.buyer(Method::POST, of.event.path("bookings"), Some(of.wish_with_code()))),
        promise: Promise::Exists,
    },
    Operation {
        name: "book_repeat",
        routes: &["POST /api/v1/events/{id}/bookings"],
        needs: &[Needs::Repeatable],
        act: Act::Ask(|of| of.repeated()),
        promise: Promise::Exists,
    },
    Operation {
        name: "booking_cancel",
        routes: &["DELETE /api/v1/bookings/{id}"],
        needs: &[Needs::Booking],
        act: Act::Ask(|of| of.buyer(Method::DELETE, format!("/api/v1/bookings/{}", of.booking), None)),
        promise: Promise::BookingIsCancelled,
    },
    Operation {
        name: "unpaid_cancel",
        routes: &["DELETE /api/v1/bookings/{id}"],
        needs: &[Needs::Unpaid],
        act: Act::Ask(|of| of.buyer(Method::DELETE, format!("/api/v1/bookings/{}", of.unpaid), None)),
        promise: Promise::UnpaidIsOver,
    },
    Operation {
        name: "pay",
        routes: &["POST /api/v1/bookings/{id}/payments"],
        needs: &[Needs::Unpaid],
        act: Act::Ask(|of| {
            let card = json!({ "method": "sandbox_success" });
            of.buyer(Method::POST, format!("/api/v1/bookings/{}/payments", of.unpaid), Some(card))
        }),
        promise: Promise::PaidOrGivenBack,
    },
];
