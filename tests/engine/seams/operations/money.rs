//! What is done with the money of bookings, and with their places for it.

use domain::ids::BookingId;
use reqwest::Method;
use serde_json::json;

use super::{Act, Needs, Operation, Promise};

pub(super) const ROWS: &[Operation] = &[
    Operation {
        name: "paid_cancel",
        routes: &["DELETE /api/v1/bookings/{id}"],
        needs: &[Needs::Paid],
        act: Act::Ask(|of| of.buyer(Method::DELETE, format!("/api/v1/bookings/{}", of.paid), None)),
        promise: Promise::PaidIsCancelled,
    },
    Operation {
        name: "items_cancel",
        routes: &["POST /api/v1/bookings/{id}/cancellations"],
        needs: &[Needs::Paid],
        act: Act::Ask(|of| {
            let path = format!("/api/v1/bookings/{}/cancellations", of.paid);
            of.buyer(Method::POST, path, Some(json!({ "itemIds": [BookingId(of.paid).item(0)] })))
        }),
        promise: Promise::Nothing,
    },
    Operation {
        name: "cancel_for_buyer",
        routes: &["POST /api/v1/organizer/bookings/{id}/cancellations"],
        needs: &[Needs::Paid],
        act: Act::Ask(|of| of.organizer_of(of.paid, "/cancellations", json!({ "reason": "illness" }))),
        promise: Promise::PaidIsCancelled,
    },
    Operation {
        name: "refund_items",
        routes: &["POST /api/v1/organizer/bookings/{id}/refunds"],
        needs: &[Needs::Paid],
        act: Act::Ask(|of| {
            let items = [BookingId(of.paid).item(0)];
            of.organizer_of(of.paid, "/refunds", json!({ "itemIds": items, "reason": "a broken seat" }))
        }),
        promise: Promise::Nothing,
    },
    Operation {
        name: "refund_amount",
        routes: &["POST /api/v1/organizer/bookings/{id}/refunds"],
        needs: &[Needs::Paid],
        act: Act::Ask(|of| of.organizer_of(of.paid, "/refunds", json!({ "amount": "7.00", "reason": "an apology" }))),
        promise: Promise::Nothing,
    },
    Operation {
        name: "pay_by_hand",
        routes: &["POST /api/v1/organizer/bookings/{id}/payments"],
        needs: &[Needs::Unpaid],
        act: Act::Ask(|of| of.organizer_of(of.unpaid, "/payments", json!({ "method": "cash" }))),
        promise: Promise::Nothing,
    },
    Operation {
        name: "pay_late_by_hand",
        routes: &["POST /api/v1/organizer/bookings/{id}/payments"],
        needs: &[Needs::Lapsed],
        act: Act::Ask(|of| of.organizer_of(of.lapsed, "/payments", json!({ "method": "bank" }))),
        promise: Promise::Nothing,
    },
];
