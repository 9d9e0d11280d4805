//! What events of the season cost beside their tickets' prices, as it is written down: in the words of the API, and read by the same rules.

use domain::{
    ids::TicketTypeId,
    money::Currency,
    pricing::terms::{RawFee, RawSaleTerms, SaleTerms},
    promo_codes::{PromoCode, RawPromoCode},
    validation::FieldError,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    SeedError, ids,
    model::{Quota, Ticket},
};

/// Terms of a sale. What is left out has its default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TermsSpec {
    tax_rate: Option<String>,
    tax_included: Option<bool>,
    #[serde(default)]
    fees: Vec<FeeSpec>,
    /// Buyers may cancel until so many days before the event begins.
    cancel_until_days: Option<i64>,
    /// The part of each ticket that is kept then.
    cancellation_fee: Option<String>,
    hold_cap: Option<String>,
    payment_window: Option<String>,
    methods: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FeeSpec {
    name: String,
    kind: String,
    value: String,
    cap: Option<String>,
}

/// A promo code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeSpec {
    code: String,
    kind: String,
    value: Option<String>,
    uses: Option<u32>,
    uses_per_account: Option<u32>,
    /// What it is for, by the names of tickets as buyers read them; none: all.
    #[serde(default)]
    tickets: Vec<String>,
}

fn faulty(slug: &str, faults: &[FieldError]) -> SeedError {
    let reason = faults.iter().map(|fault| format!("{slug}: {} {}", fault.field, fault.message)).collect::<Vec<_>>();
    SeedError::Unreadable { file: "demo", reason: reason.join("; ") }
}

impl TermsSpec {
    /// Of the event `slug`, which begins then.
    pub(super) fn terms(&self, slug: &str, currency: Currency, starts_at: Timestamp) -> Result<SaleTerms, SeedError> {
        let days = self.cancel_until_days.map(|days| SignedDuration::from_hours(24 * days));
        let fee = |of: &FeeSpec| RawFee {
            name: Some(of.name.clone()),
            kind: Some(of.kind.clone()),
            value: Some(of.value.clone()),
            cap: of.cap.clone(),
        };
        let raw = RawSaleTerms {
            tax_rate: self.tax_rate.clone(),
            tax_included: self.tax_included,
            fees: Some(self.fees.iter().map(fee).collect()),
            cancellation_allowed_until: days.map(|days| starts_at.checked_sub(days)).transpose()?,
            cancellation_fee_percent: self.cancellation_fee.clone(),
            hold_cap: self.hold_cap.clone(),
            payment_window: self.payment_window.clone(),
            bank_transfer_window: None,
            methods: self.methods.clone(),
        };
        SaleTerms::parse(raw, currency, starts_at).map_err(|faults| faulty(slug, &faults))
    }
}

impl CodeSpec {
    /// Of the event `slug`, which sells these.
    pub(super) fn code(
        &self,
        slug: &str,
        currency: Currency,
        quotas: &[Quota],
    ) -> Result<(Uuid, PromoCode), SeedError> {
        let named = |name: &String| {
            let mut tickets = quotas.iter().flat_map(|quota| &quota.tickets);
            let ticket = tickets.find(|ticket: &&Ticket| ticket.name == *name);
            ticket.map(|ticket| TicketTypeId(ticket.id)).ok_or_else(|| {
                let name = format!("{name} of {slug}");
                SeedError::Undefined { kind: "ticket", name }
            })
        };
        let raw = RawPromoCode {
            code: Some(self.code.clone()),
            kind: Some(self.kind.clone()),
            value: self.value.clone(),
            uses: self.uses,
            uses_per_account: self.uses_per_account,
            ticket_type_ids: Some(self.tickets.iter().map(named).collect::<Result<_, _>>()?),
            starts_at: None,
            ends_at: None,
        };
        let code = PromoCode::parse(raw, currency).map_err(|faults| faulty(slug, &faults))?;
        Ok((ids::stable("promo code", &format!("{slug}/{}", code.code.as_str())), code))
    }
}
