//! The endpoints of quotes.

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::operation::Operation,
    problem_codes::Code,
    router::Access,
};
use serde_json::json;

use super::dto::{QuoteBody, QuoteJson};

pub(crate) fn section() -> Section<App> {
    Section::new("Quotes", "What a booking would cost.").with(quote())
}

fn quote() -> Endpoint<App> {
    Operation::post("/api/v1/events/{id}/quotes", "quoteBooking", "Tell what a booking would cost now")
        .details(
            "Takes no places and promises none: whether the event is on sale, whether places are left and how many an account may \
             have is not looked at, nor whether the named seats exist. How often an account has used the code is not looked at, either. \
             What is charged is what the booking says. Codes that there are not count in the limit of signing in.",
        )
        .body::<QuoteBody>(json!({
            "items": [{ "ticketTypeId": "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21", "quantity": 3 }],
        }))
        .ok::<QuoteJson>("What each ticket would cost, and all of them together.")
        .refusals(&[Code::PromoCode, Code::BelowMinimum])
        .served(Access::Public, super::quote)
}
