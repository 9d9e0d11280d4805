//! Row mapping of what an event costs: the terms of its sale, and its promo codes.

use domain::{
    ids::{PromoCodeId, TicketTypeId},
    money::{Currency, Money},
    payments::cancellation::{CancellationFee, CancellationPolicy},
    pricing::{
        fees::{Fee, FeeKind},
        terms::SaleTerms,
    },
    promo_codes::{CodeName, Discount, PromoCode},
};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio_postgres::{Row, types::Json};
use uuid::Uuid;

use super::rows::{self, StoreError, perhaps_unsigned, rate};

/// Columns of the terms `s`, for [`sale_terms`].
pub(crate) const TERMS_COLUMNS: &str = "s.tax_rate, s.tax_included, s.fees, s.cancellation_allowed_until, \
    s.cancellation_fee_percent, s.hold_cap_seconds, s.payment_window_seconds, s.bank_transfer_window_seconds, s.methods";

/// Columns of the promo code `p`, for [`promo_code`].
pub(crate) const CODE_COLUMNS: &str =
    "p.id, p.code, p.kind, p.value, p.uses, p.uses_per_account, p.ticket_type_ids, p.starts_at, p.ends_at";

/// A fee as it is kept in `sale_terms.fees`. Decimals are texts, as in the API.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredFee {
    name: String,
    kind: String,
    #[serde(with = "rust_decimal::serde::str")]
    value: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "rust_decimal::serde::str_option")]
    cap: Option<Decimal>,
}

impl From<&Fee> for StoredFee {
    fn from(fee: &Fee) -> Self {
        let (value, cap) = match fee.kind {
            FeeKind::Percent { rate, cap } => (rate.fraction(), cap.map(|cap| cap.amount)),
            FeeKind::FixedPerTicket(amount) | FeeKind::FixedPerBooking(amount) => (amount.amount, None),
        };
        Self { name: fee.name.clone(), kind: fee.kind.as_str().to_owned(), value, cap }
    }
}

/// Fees as `sale_terms.fees` has them.
pub fn stored_fees(fees: &[Fee]) -> Json<Vec<StoredFee>> {
    Json(fees.iter().map(StoredFee::from).collect())
}

impl StoredFee {
    fn fee(self, currency: Currency) -> Result<Fee, StoreError> {
        let Self { name, kind, value, cap } = self;
        let amount = Money::new(value, currency);
        let kind = match &*kind {
            "PERCENT" => FeeKind::Percent { rate: rate(value, "fees")?, cap: cap.map(|cap| Money::new(cap, currency)) },
            "FIXED_PER_TICKET" => FeeKind::FixedPerTicket(amount),
            "FIXED_PER_BOOKING" => FeeKind::FixedPerBooking(amount),
            other => return Err(StoreError::Row(format!("fees: unknown kind {other:?}"))),
        };
        Ok(Fee { name, kind })
    }
}

/// The terms of an event's sale. Amounts are in the event's currency.
pub(crate) fn sale_terms(row: &Row, currency: Currency) -> Result<SaleTerms, StoreError> {
    let Json(fees): Json<Vec<StoredFee>> = row.try_get("fees")?;
    let methods: Vec<&str> = row.try_get("methods")?;
    let seconds = |column: &str| Ok::<_, StoreError>(SignedDuration::from_secs(row.try_get::<_, i32>(column)?.into()));
    Ok(SaleTerms {
        tax_rate: rate(row.try_get("tax_rate")?, "tax_rate")?,
        tax_included: row.try_get("tax_included")?,
        fees: fees.into_iter().map(|fee| fee.fee(currency)).collect::<Result<_, _>>()?,
        cancellation: CancellationPolicy {
            allowed_until: row.try_get("cancellation_allowed_until")?,
            fee: CancellationFee::Percent(rate(row.try_get("cancellation_fee_percent")?, "cancellation_fee_percent")?),
        },
        hold_cap: seconds("hold_cap_seconds")?,
        payment_window: seconds("payment_window_seconds")?,
        bank_transfer_window: seconds("bank_transfer_window_seconds")?,
        methods: methods.into_iter().map(rows::parse).collect::<Result<_, _>>()?,
    })
}

/// A promo code of an event. An amount is in the event's currency.
pub(crate) fn promo_code(row: &Row, currency: Currency) -> Result<(PromoCodeId, PromoCode), StoreError> {
    let ticket_types: Vec<Uuid> = row.try_get("ticket_type_ids")?;
    let code = PromoCode {
        code: CodeName::stored(row.try_get("code")?),
        discount: discount(row, currency)?,
        uses: perhaps_unsigned(row, "uses")?,
        uses_per_account: perhaps_unsigned(row, "uses_per_account")?,
        ticket_type_ids: ticket_types.into_iter().map(TicketTypeId).collect(),
        starts_at: row.try_get("starts_at")?,
        ends_at: row.try_get("ends_at")?,
    };
    Ok((PromoCodeId(row.try_get("id")?), code))
}

fn discount(row: &Row, currency: Currency) -> Result<Discount, StoreError> {
    let value: Option<Decimal> = row.try_get("value")?;
    match (row.try_get("kind")?, value) {
        ("PERCENT", Some(value)) => Ok(Discount::Percent(rate(value, "value")?)),
        ("FIXED", Some(value)) => Ok(Discount::Fixed(Money::new(value, currency))),
        ("ACCESS", None) => Ok(Discount::Access),
        (kind, _) => Err(StoreError::Row(format!("kind: a promo code of kind {kind:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards: that what was written is read again, digit by digit, and that nothing is written that is not there.
    #[test]
    fn fees_are_read_as_they_were_written() {
        let currency: Currency = "EUR".parse().unwrap();
        let euros = |amount: &str| Money::new(amount.parse().unwrap(), currency);
        let rate = domain::money::Percentage::parse("value", "0.05").unwrap();
        let kinds = [
            FeeKind::Percent { rate, cap: None },
            FeeKind::Percent { rate, cap: Some(euros("25.00")) },
            FeeKind::FixedPerTicket(euros("1.50")),
            FeeKind::FixedPerBooking(euros("0")),
        ];
        for kind in kinds {
            let fee = Fee { name: "Service".to_owned(), kind };
            let written = serde_json::to_value(StoredFee::from(&fee)).unwrap();
            assert_eq!(
                written.get("cap").is_some(),
                matches!(kind, FeeKind::Percent { cap: Some(_), .. }),
                "{written}"
            );
            assert!(written["value"].is_string(), "{written}");
            let read: StoredFee = serde_json::from_value(written).unwrap();
            assert_eq!(read.fee(currency).unwrap(), fee);
        }
        let odd = StoredFee { name: String::new(), kind: "TIP".to_owned(), value: Decimal::ONE, cap: None };
        assert!(odd.fee(currency).is_err());
    }
}
