//! The terms of a sale in JSON. Rates are fractions and amounts are in the event's currency; both are decimals in strings.

use boxoffice_http::openapi::{amounts, texts};
use domain::{
    payments::cancellation::CancellationFee,
    pricing::{
        durations,
        fees::{Fee, FeeKind},
        terms::{RawFee, RawSaleTerms, SaleTerms},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::instants;

/// On which terms an event is to be sold. What is left out, or `null`, has its default.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPricing)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PricingBody {
    /// Of ticket types that have no rate of their own. `null`: none.
    #[schema(schema_with = amounts::rate_or_null, required = false)]
    tax_rate: Option<String>,
    /// Whether prices contain the tax; otherwise it comes on top. `null`: they do.
    tax_included: Option<bool>,
    /// `null`: none.
    #[schema(max_items = 10)]
    fees: Option<Vec<FeeBody>>,
    cancellation: Option<CancellationTermsBody>,
    /// The longest that a hold keeps its places, however often it is extended. `null`: `PT30M`.
    #[schema(schema_with = amounts::duration_or_null, required = false)]
    hold_cap: Option<String>,
    /// How long a booking waits for its payment. `null`: `PT15M`.
    #[schema(schema_with = amounts::duration_or_null, required = false)]
    payment_window: Option<String>,
    /// How buyers may pay. `null`: by `card`.
    #[schema(min_items = 1, value_type = Option<Vec<MethodSchema>>)]
    methods: Option<Vec<String>>,
    /// How long a booking waits that is to be paid by bank transfer. `null`: `P7D`.
    #[schema(schema_with = amounts::duration_or_null, required = false)]
    bank_transfer_window: Option<String>,
}

/// A fee that is added to prices. A ticket that costs nothing bears none.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewFee)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FeeBody {
    #[schema(schema_with = texts::line::<1, 100>)]
    name: Option<String>,
    #[schema(value_type = FeeKindSchema)]
    kind: Option<String>,
    /// A rate for `PERCENT`, an amount for the others.
    #[schema(schema_with = amounts::decimal)]
    value: Option<String>,
    /// The most that a ticket bears of a fee of kind `PERCENT`. `null`: no limit.
    #[schema(schema_with = amounts::decimal_or_null, required = false)]
    cap: Option<String>,
}

/// On which terms buyers may cancel.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = NewCancellationPolicy)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CancellationTermsBody {
    /// The first instant at which they can't any more. `null`: when the event begins, whenever that will be.
    #[serde(default, deserialize_with = "instants::optional")]
    allowed_until: Option<Timestamp>,
    /// What is kept of each ticket. `null`: nothing.
    #[schema(schema_with = amounts::rate_or_null, required = false)]
    fee_percent: Option<String>,
}

/// What a fee is.
#[derive(ToSchema)]
#[schema(as = FeeKind, rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(dead_code, reason = "only its schema is used")]
enum FeeKindSchema {
    Percent,
    FixedPerTicket,
    FixedPerBooking,
}

/// How buyers may pay.
#[derive(ToSchema)]
#[schema(as = AcceptedMethod, rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum MethodSchema {
    Card,
    BankTransfer,
}

impl From<PricingBody> for RawSaleTerms {
    fn from(body: PricingBody) -> Self {
        let cancellation = body.cancellation.unwrap_or_default();
        let fee = |FeeBody { name, kind, value, cap }| RawFee { name, kind, value, cap };
        Self {
            tax_rate: body.tax_rate,
            tax_included: body.tax_included,
            fees: body.fees.map(|fees| fees.into_iter().map(fee).collect()),
            cancellation_allowed_until: cancellation.allowed_until,
            cancellation_fee_percent: cancellation.fee_percent,
            hold_cap: body.hold_cap,
            payment_window: body.payment_window,
            bank_transfer_window: body.bank_transfer_window,
            methods: body.methods,
        }
    }
}

/// On which terms an event is sold.
#[derive(Serialize, ToSchema)]
#[schema(as = Pricing)]
#[serde(rename_all = "camelCase")]
pub(super) struct PricingJson<'a> {
    /// Of ticket types that have no rate of their own.
    #[schema(schema_with = amounts::rate)]
    tax_rate: String,
    /// Whether prices contain the tax; otherwise it comes on top.
    tax_included: bool,
    fees: Vec<FeeJson<'a>>,
    cancellation: CancellationJson,
    /// The longest that a hold keeps its places, however often it is extended.
    #[schema(schema_with = amounts::duration)]
    hold_cap: String,
    /// How long a booking waits for its payment.
    #[schema(schema_with = amounts::duration)]
    payment_window: String,
    #[schema(value_type = Vec<MethodSchema>)]
    methods: Vec<&'static str>,
    /// How long a booking waits that is to be paid by bank transfer.
    #[schema(schema_with = amounts::duration)]
    bank_transfer_window: String,
}

/// A fee that is added to prices.
#[derive(Serialize, ToSchema)]
#[schema(as = Fee)]
#[serde(rename_all = "camelCase")]
struct FeeJson<'a> {
    name: &'a str,
    #[schema(value_type = FeeKindSchema)]
    kind: &'static str,
    /// A rate for `PERCENT`, an amount for the others.
    #[schema(schema_with = amounts::decimal)]
    value: String,
    /// The most that a ticket bears of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = amounts::decimal, required = false)]
    cap: Option<String>,
}

/// On which terms buyers may cancel.
#[derive(Serialize, ToSchema)]
#[schema(as = CancellationPolicy)]
#[serde(rename_all = "camelCase")]
struct CancellationJson {
    /// The first instant at which they can't any more: when the event begins, unless something else was said.
    allowed_until: Timestamp,
    /// What is kept of each ticket.
    #[schema(schema_with = amounts::rate)]
    fee_percent: String,
}

impl<'a> PricingJson<'a> {
    /// Of an event that begins then.
    pub(super) fn new(terms: &'a SaleTerms, starts_at: Timestamp) -> Self {
        let fee_percent = match terms.cancellation.fee {
            CancellationFee::Percent(rate) => rate.fraction().to_string(),
            // No route says one.
            CancellationFee::Fixed(amount) => amount.decimal(),
        };
        Self {
            tax_rate: terms.tax_rate.fraction().to_string(),
            tax_included: terms.tax_included,
            fees: terms.fees.iter().map(FeeJson::from).collect(),
            cancellation: CancellationJson { allowed_until: terms.cancellation.deadline(starts_at), fee_percent },
            hold_cap: durations::written(terms.hold_cap),
            payment_window: durations::written(terms.payment_window),
            methods: terms.methods.iter().map(|method| method.as_str()).collect(),
            bank_transfer_window: durations::written(terms.bank_transfer_window),
        }
    }
}

impl<'a> From<&'a Fee> for FeeJson<'a> {
    fn from(fee: &'a Fee) -> Self {
        let (value, cap) = match fee.kind {
            FeeKind::Percent { rate, cap } => (rate.fraction().to_string(), cap.map(|cap| cap.decimal())),
            FeeKind::FixedPerTicket(amount) | FeeKind::FixedPerBooking(amount) => (amount.decimal(), None),
        };
        Self { name: &fee.name, kind: fee.kind.as_str(), value, cap }
    }
}
