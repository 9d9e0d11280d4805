//! Amounts that organizers set: prices, fees and discounts.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::{Currency, Money, decimal::parse_decimal};
use crate::validation::FieldError;

/// Highest price, in the currency's main unit.
const PRICE_MAX: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

impl Money {
    /// A price from 0 to a million, with no more digits than can be paid.
    pub fn price(field: impl Into<Cow<'static, str>>, amount: Decimal, currency: Currency) -> Result<Self, FieldError> {
        let price = Self::new(amount, currency);
        if price.is_negative() || amount > PRICE_MAX {
            return Err(FieldError::new(field, "OUT_OF_RANGE", "must be from 0 to 1,000,000"));
        }
        if !price.is_payable() {
            let digits = currency.payable_digits();
            let message = format!("prices in {} have {digits} digits after the point", currency.as_str());
            return Err(FieldError::new(field, "TOO_PRECISE", message));
        }
        Ok(price)
    }

    /// A price that is written as a decimal alone, because its currency is known.
    pub fn parse_price(
        field: impl Into<Cow<'static, str>>,
        text: &str,
        currency: Currency,
    ) -> Result<Self, FieldError> {
        match parse_decimal(text) {
            Some(amount) => Self::price(field, amount, currency),
            None => Err(FieldError::new(field, "INVALID", "must be a decimal number such as 12.50")),
        }
    }
}
