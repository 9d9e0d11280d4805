//! The endpoints of promo codes.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::operation::Operation,
};
use domain::lists::declared;
use serde_json::{Value, json};

use super::dto::{PromoCodeBody, PromoCodeJson};
use crate::{bodies::Patch, manage::change};

fn code() -> Value {
    json!({ "code": "SPRING-26", "kind": "PERCENT", "value": "0.10", "uses": 100, "usesPerAccount": 1 })
}

/// The endpoints of the promo codes of an event, once for each scope.
pub(crate) fn of_event(scope: &Scope, section: Section<App>) -> Section<App> {
    let all = || scope.path("/events/{id}/promo-codes");
    let one = || scope.path("/events/{id}/promo-codes/{codeId}");
    let list = Operation::get(all(), scope.id("list{}PromoCodes"), "List the promo codes of an event")
        .page_of::<PromoCodeJson<'_>>(&declared::PROMO_CODES, "Promo codes, by their names.");
    let create = Operation::post(all(), scope.id("create{}PromoCode"), "Add a promo code")
        .details(
            "It can be used at once. An event has at most 1,000. A use is one hold or booking, and comes back when all of that expires or is \
             cancelled. Codes are compared without case.",
        )
        .repeatable()
        .tagged()
        .body::<PromoCodeBody>(code())
        .created::<PromoCodeJson<'_>>("The promo code.");
    let show = Operation::get(one(), scope.id("get{}PromoCode"), "Show a promo code")
        .versioned()
        .ok::<PromoCodeJson<'_>>("The promo code.");
    let changes = "For holds and bookings from now on; at once, also while the event sells. A code that was ever used keeps its name.";
    let replace = Operation::put(one(), scope.id("replace{}PromoCode"), "Replace a promo code")
        .details(changes)
        .versioned()
        .body::<PromoCodeBody>(code())
        .ok::<PromoCodeJson<'_>>("The promo code as it is now.");
    let update = Operation::patch(one(), scope.id("update{}PromoCode"), "Change a promo code")
        .details(changes)
        .versioned()
        .body::<Patch<PromoCodeBody>>(json!({ "endsAt": "2027-03-01T18:00:00Z" }))
        .ok::<PromoCodeJson<'_>>("The promo code as it is now.");
    let delete = Operation::delete(one(), scope.id("delete{}PromoCode"), "Delete a promo code")
        .details("Only while nobody has ever used it. Otherwise it can be ended: `endsAt`.")
        .no_content("It is gone.");
    section
        .with(scope.served(list, super::list))
        .with(scope.served(change(create), super::create))
        .with(scope.served(show, super::show))
        .with(scope.served(change(replace), super::replace).conditional())
        .with(scope.served(change(update), super::update).conditional())
        .with(scope.served(change(delete), super::delete).conditional())
}
