//! Promo codes in JSON.

use boxoffice_http::openapi::{amounts, texts};
use domain::{
    ids::{PromoCodeId, TicketTypeId},
    management::pricing::ManagedPromoCode,
    promo_codes::{Discount, RawPromoCode},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    bodies::{Patched, body},
    instants,
};

body! {
    /// A new promo code.
    #[schema(as = NewPromoCode)]
    PromoCodeBody over RawPromoCode {
        /// What people type, in any case.
        #[schema(schema_with = texts::promo_code, required = true)]
        code: String,
        #[schema(value_type = PromoCodeKindSchema, required = true)]
        kind: String,
        /// A rate for `PERCENT`, an amount in the event's currency off each ticket for `FIXED`, `null` for `ACCESS`.
        #[schema(schema_with = amounts::decimal_or_null, required = false)]
        value: String,
        /// How many bookings and holds may have it at a time; not below those that have it. `null`: any number.
        #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
        uses: u32,
        /// The same, of each account.
        #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
        uses_per_account: u32,
        /// What it is for, and unlocks if it is hidden. `null`: all, of which only `ACCESS` unlocks the hidden ones.
        #[schema(value_type = Option<Vec<TicketTypeId>>)]
        ticket_type_ids: Vec<TicketTypeId>,
        /// The first instant at which it can be used. `null`: at once.
        #[schema(value_type = Option<Timestamp>)]
        #[serde(deserialize_with = "instants::member")]
        starts_at: Timestamp,
        /// The first instant at which it can't be used any more. `null`: never.
        #[schema(value_type = Option<Timestamp>)]
        #[serde(deserialize_with = "instants::member")]
        ends_at: Timestamp,
    }
}

impl Patched for PromoCodeBody {
    const NAME: &'static str = "PromoCodeChange";
    const DESCRIPTION: &'static str =
        "What is to change of a promo code. What is left out stays; `null` is as if a new one did not say it.";

    fn differences() -> Value {
        let described = ["code", "value", "uses", "usesPerAccount", "ticketTypeIds", "startsAt", "endsAt"];
        described.map(|member| (member.to_owned(), json!({ "description": null }))).into_iter().collect()
    }
}

/// What a code does: a percentage off, an amount off each ticket, or nothing but unlocking hidden ticket types.
#[derive(ToSchema)]
#[schema(as = PromoCodeKind, rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(dead_code, reason = "only its schema is used")]
enum PromoCodeKindSchema {
    Percent,
    Fixed,
    Access,
}

/// A promo code as its organizer sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = PromoCode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PromoCodeJson<'a> {
    id: PromoCodeId,
    /// In capitals.
    code: &'a str,
    #[schema(value_type = PromoCodeKindSchema)]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = amounts::decimal, required = false)]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    uses: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    uses_per_account: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    ticket_type_ids: &'a [TicketTypeId],
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    starts_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ends_at: Option<Timestamp>,
    /// Bookings and holds that have it and are neither expired nor cancelled altogether.
    used: u32,
    created_at: Timestamp,
    /// When its organizer last changed it.
    updated_at: Timestamp,
}

impl<'a> From<&'a ManagedPromoCode> for PromoCodeJson<'a> {
    fn from(of: &'a ManagedPromoCode) -> Self {
        let code = &of.code;
        Self {
            id: of.id,
            code: code.code.as_str(),
            kind: code.discount.kind(),
            value: match code.discount {
                Discount::Percent(rate) => Some(rate.fraction().to_string()),
                Discount::Fixed(off) => Some(off.decimal()),
                Discount::Access => None,
            },
            uses: code.uses,
            uses_per_account: code.uses_per_account,
            ticket_type_ids: &code.ticket_type_ids,
            starts_at: code.starts_at,
            ends_at: code.ends_at,
            used: of.used,
            created_at: of.created_at,
            updated_at: of.updated_at,
        }
    }
}
