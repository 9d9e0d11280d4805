//! The endpoints of the terms of a sale.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::operation::Operation,
};
use serde_json::json;

use super::dto::{PricingBody, PricingJson};
use crate::manage::change;

/// The endpoints of the terms of an event's sale, once for each scope.
pub(crate) fn of_event(scope: &Scope, section: Section<App>) -> Section<App> {
    let path = || scope.path("/events/{id}/pricing");
    let show = Operation::get(path(), scope.id("get{}Pricing"), "Show on which terms an event is sold")
        .details("Before anybody has said something, these are the defaults.")
        .versioned()
        .ok::<PricingJson<'_>>("Taxes, fees, cancellation, and how long places wait for their payment.");
    let replace = Operation::put(path(), scope.id("replace{}Pricing"), "Say on which terms an event is sold")
        .details(
            "For holds and bookings from now on; at once, also while the event sells. What was held or booked stays as it was charged. \
             Rates are fractions: `0.10` is 10 %. Amounts are in the event's currency. Durations are those of ISO 8601, in whole seconds, \
             from `PT5S` to `P60D`; a day has 24 hours.",
        )
        .versioned()
        .body::<PricingBody>(json!({
            "taxRate": "0.19",
            "fees": [{ "name": "Service", "kind": "PERCENT", "value": "0.05", "cap": "2.50" }],
            "cancellation": { "feePercent": "0.10" },
            "methods": ["card", "bank_transfer"],
        }))
        .ok::<PricingJson<'_>>("The terms as they are now.");
    section.with(scope.served(show, super::show)).with(scope.served(change(replace), super::replace).conditional())
}
