//! The terms on which an event is sold: taxes, fees, cancellation, and how long places wait for their payment.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    durations,
    fees::{Fee, FeeKind},
};
use crate::{
    money::{Currency, Money, Percentage},
    payments::{PaymentMethod, cancellation::CancellationPolicy},
    text,
    validation::{FieldError, FieldErrors, instant},
};

/// Most fees of an event.
const FEES_MAX: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleTerms {
    pub tax_rate: Percentage,
    /// Whether prices contain the tax, or it comes on top.
    pub tax_included: bool,
    pub fees: Vec<Fee>,
    pub cancellation: CancellationPolicy,
    /// The longest that places are held, from the making of a hold or an unpaid booking, however often its time is extended.
    pub hold_cap: SignedDuration,
    /// How long an unpaid booking waits.
    pub payment_window: SignedDuration,
    /// How long it waits once its buyer has chosen to pay by bank transfer.
    pub bank_transfer_window: SignedDuration,
    /// How buyers may pay.
    pub methods: BTreeSet<PaymentMethod>,
}

/// What holds for an event whose organizer has said nothing.
impl Default for SaleTerms {
    fn default() -> Self {
        Self {
            tax_rate: Percentage::ZERO,
            tax_included: true,
            fees: Vec::new(),
            cancellation: CancellationPolicy::default(),
            hold_cap: SignedDuration::from_mins(30),
            payment_window: SignedDuration::from_mins(15),
            bank_transfer_window: SignedDuration::from_hours(7 * 24),
            methods: BTreeSet::from([PaymentMethod::Card]),
        }
    }
}

/// SaleTerms as an organizer wrote them. What is left out has its default.
#[derive(Clone, Debug, Default)]
pub struct RawSaleTerms {
    pub tax_rate: Option<String>,
    pub tax_included: Option<bool>,
    pub fees: Option<Vec<RawFee>>,
    pub cancellation_allowed_until: Option<Timestamp>,
    pub cancellation_fee_percent: Option<String>,
    pub hold_cap: Option<String>,
    pub payment_window: Option<String>,
    pub bank_transfer_window: Option<String>,
    pub methods: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default)]
pub struct RawFee {
    pub name: Option<String>,
    pub kind: Option<String>,
    /// A rate for `PERCENT`, an amount for the others.
    pub value: Option<String>,
    /// An amount, for `PERCENT`.
    pub cap: Option<String>,
}

impl SaleTerms {
    /// Checks every field and reports every fault; of an event that is priced in that currency and begins then.
    pub fn parse(raw: RawSaleTerms, currency: Currency, starts_at: Timestamp) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let default = Self::default();
        let tax_rate = raw.tax_rate.map_or(Ok(default.tax_rate), |text| Percentage::parse("taxRate", &text));
        let tax_rate = errors.keep(tax_rate);
        let fees = fees(&mut errors, raw.fees.unwrap_or_default(), currency);
        let fee_percent = raw
            .cancellation_fee_percent
            .map_or(Ok(Percentage::ZERO), |text| Percentage::parse("cancellation.feePercent", &text));
        let allowed_until =
            raw.cancellation_allowed_until.map(|at| instant("cancellation.allowedUntil", Some(at))).transpose();
        let (fee_percent, allowed_until) = (errors.keep(fee_percent), errors.keep(allowed_until));
        let cancellation = fee_percent.zip(allowed_until).map(|(rate, allowed_until)| CancellationPolicy {
            // Until the event begins, also when that is another time later: what was shown is what is sent back.
            allowed_until: allowed_until.filter(|at| *at != starts_at),
            ..CancellationPolicy::percent(rate)
        });
        let mut duration = |field, text: Option<String>, default| {
            errors.keep(text.map_or(Ok(default), |text| durations::parse(field, &text)))
        };
        let hold_cap = duration("holdCap", raw.hold_cap, default.hold_cap);
        let payment_window = duration("paymentWindow", raw.payment_window, default.payment_window);
        let bank_transfer_window =
            duration("bankTransferWindow", raw.bank_transfer_window, default.bank_transfer_window);
        let methods = errors.keep(raw.methods.map_or(Ok(default.methods), |names| methods(&names)));
        let valid = || {
            Some(Self {
                tax_rate: tax_rate?,
                tax_included: raw.tax_included.unwrap_or(default.tax_included),
                fees,
                cancellation: cancellation?,
                hold_cap: hold_cap?,
                payment_window: payment_window?,
                bank_transfer_window: bank_transfer_window?,
                methods: methods?,
            })
        };
        errors.finish(valid())
    }
}

impl SaleTerms {
    /// All amounts that are said in the event's currency.
    pub fn amounts(&self) -> impl Iterator<Item = Money> + '_ {
        self.fees.iter().filter_map(|fee| match fee.kind {
            FeeKind::Percent { cap, .. } => cap,
            FeeKind::FixedPerTicket(amount) | FeeKind::FixedPerBooking(amount) => Some(amount),
        })
    }
}

fn methods(names: &[String]) -> Result<BTreeSet<PaymentMethod>, FieldError> {
    if names.is_empty() {
        return Err(FieldError::new("methods", "REQUIRED", "must have at least one method"));
    }
    let known = names.iter().map(|name| name.parse().ok());
    known
        .collect::<Option<_>>()
        .ok_or_else(|| FieldError::new("methods", "INVALID", "must be card or bank_transfer, or both of them"))
}

fn fees(errors: &mut FieldErrors, raw: Vec<RawFee>, currency: Currency) -> Vec<Fee> {
    if raw.len() > FEES_MAX {
        errors.push(FieldError::new("fees", "TOO_MANY", format!("must be at most {FEES_MAX}")));
        return Vec::new();
    }
    let parsed = raw.into_iter().enumerate().filter_map(|(at, raw)| {
        let of_fee = |fault: FieldError| FieldError { field: format!("fees[{at}].{}", fault.field).into(), ..fault };
        let name = errors.keep(text::line("name", raw.name.as_deref().unwrap_or_default(), 1..=100).map_err(of_fee));
        let kind = errors.keep(fee_kind(&raw, currency).map_err(of_fee));
        Some(Fee { name: name?, kind: kind? })
    });
    parsed.collect()
}

fn fee_kind(raw: &RawFee, currency: Currency) -> Result<FeeKind, FieldError> {
    let required = |field| FieldError::new(field, "REQUIRED", "is required");
    let kind = raw.kind.as_deref().ok_or_else(|| required("kind"))?;
    let value = raw.value.as_deref().ok_or_else(|| required("value"));
    let amount = |text: &str| Money::parse_price("value", text, currency);
    if kind != "PERCENT" && raw.cap.is_some() {
        return Err(FieldError::new("cap", "NOT_ALLOWED", "only fees of kind PERCENT have a cap"));
    }
    match kind {
        "PERCENT" => {
            let cap = raw.cap.as_deref().map(|text| Money::parse_price("cap", text, currency)).transpose()?;
            Ok(FeeKind::Percent { rate: Percentage::parse("value", value?)?, cap })
        }
        "FIXED_PER_TICKET" => Ok(FeeKind::FixedPerTicket(amount(value?)?)),
        "FIXED_PER_BOOKING" => Ok(FeeKind::FixedPerBooking(amount(value?)?)),
        _ => Err(FieldError::new("kind", "INVALID", "must be PERCENT, FIXED_PER_TICKET or FIXED_PER_BOOKING")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGINS: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn parse(raw: RawSaleTerms) -> Result<SaleTerms, Vec<(String, &'static str)>> {
        let faults = |faults: Vec<FieldError>| faults.into_iter().map(|of| (of.field.into_owned(), of.code)).collect();
        SaleTerms::parse(raw, "EUR".parse().unwrap(), BEGINS).map_err(faults)
    }

    fn fee(kind: &str, value: &str, cap: Option<&str>) -> RawFee {
        let owned = |text: &str| Some(text.to_owned());
        RawFee { name: owned("Service"), kind: owned(kind), value: owned(value), cap: cap.and_then(owned) }
    }

    #[test]
    fn everything_may_be_left_out() {
        assert_eq!(parse(RawSaleTerms::default()), Ok(SaleTerms::default()));
    }

    #[test]
    fn a_fee_is_read_by_its_kind() {
        let fees = vec![fee("PERCENT", "0.05", Some("25.00")), fee("FIXED_PER_BOOKING", "1.50", None)];
        let terms = parse(RawSaleTerms { fees: Some(fees), ..RawSaleTerms::default() }).unwrap();
        let kinds: Vec<_> = terms.fees.iter().map(|fee| fee.kind.as_str()).collect();
        assert_eq!(kinds, ["PERCENT", "FIXED_PER_BOOKING"]);
    }

    /// Guards: that who sends back what was shown has not fixed the time.
    #[test]
    fn cancelling_ends_when_the_event_begins_or_earlier() {
        let until = |at| {
            let raw = RawSaleTerms { cancellation_allowed_until: Some(at), ..RawSaleTerms::default() };
            parse(raw).map(|terms| terms.cancellation.allowed_until)
        };
        assert_eq!(until(BEGINS), Ok(None));
        let (second, nanosecond) = (SignedDuration::from_secs(1), SignedDuration::from_nanos(1));
        assert_eq!(until(BEGINS - second + nanosecond), Ok(Some(BEGINS - second)), "as exact as the database keeps it");
        let out_of_range = [("cancellation.allowedUntil".to_owned(), "OUT_OF_RANGE")];
        assert_eq!(until(Timestamp::UNIX_EPOCH).unwrap_err(), out_of_range);
    }

    #[test]
    fn every_amount_of_the_terms_is_found() {
        let fees = vec![
            fee("PERCENT", "0.05", None),
            fee("PERCENT", "0.05", Some("25")),
            fee("FIXED_PER_TICKET", "1", None),
            fee("FIXED_PER_BOOKING", "2", None),
        ];
        let terms = parse(RawSaleTerms { fees: Some(fees), ..RawSaleTerms::default() }).unwrap();
        let amounts: Vec<String> = terms.amounts().map(|amount| amount.to_string()).collect();
        assert_eq!(amounts, ["25.00 EUR", "1.00 EUR", "2.00 EUR"]);
        assert_eq!(SaleTerms::default().amounts().count(), 0);
    }

    #[test]
    fn every_fault_is_told_by_its_field() {
        let fees = vec![
            RawFee::default(),
            fee("PERCENT", "5", None),
            fee("FIXED_PER_TICKET", "1.005", None),
            fee("FIXED_PER_TICKET", "1", Some("1")),
            fee("TIP", "1", None),
        ];
        let raw = RawSaleTerms {
            tax_rate: Some("19".to_owned()),
            fees: Some(fees),
            hold_cap: Some("PT1S".to_owned()),
            methods: Some(vec!["cash".to_owned()]),
            ..RawSaleTerms::default()
        };
        let expected = [
            ("taxRate", "OUT_OF_RANGE"),
            ("fees[0].name", "REQUIRED"),
            ("fees[0].kind", "REQUIRED"),
            ("fees[1].value", "OUT_OF_RANGE"),
            ("fees[2].value", "TOO_PRECISE"),
            ("fees[3].cap", "NOT_ALLOWED"),
            ("fees[4].kind", "INVALID"),
            ("holdCap", "OUT_OF_RANGE"),
            ("methods", "INVALID"),
        ];
        assert_eq!(parse(raw).unwrap_err(), expected.map(|(field, code)| (field.to_owned(), code)));
    }
}
