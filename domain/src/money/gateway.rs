//! Amounts as a payment gateway writes them: integers of its own units.

use rust_decimal::Decimal;

use super::{Currency, Money, MoneyError};

impl Money {
    /// The amount in the units of the payment gateway ([`Currency::gateway_exponent`]).
    pub fn gateway_amount(self) -> Result<i64, MoneyError> {
        if !self.is_payable() {
            return Err(MoneyError::TooPrecise(self.currency));
        }
        self.units(self.currency.gateway_exponent())
    }

    pub fn from_gateway_amount(amount: i64, currency: Currency) -> Self {
        Self::new(Decimal::new(amount, currency.gateway_exponent()), currency)
    }

    /// The least that the payment gateway charges in a currency, where it says so.
    ///
    /// Source: "Supported currencies", section "Minimum and maximum charge amounts", at <https://docs.stripe.com/currencies>, as a copy of
    /// July 2026 has it; read on 2026-11-30. They hold for a seller who is paid in the same currency. Of others Stripe converts the
    /// amount first, and tells when it is too small.
    pub fn gateway_minimum(currency: Currency) -> Option<Self> {
        let minimum = match currency.as_str() {
            "ARS" | "AUD" | "BRL" | "CAD" | "CHF" | "COP" | "EUR" | "IDR" | "ILS" | "INR" | "NZD" | "PHP" | "RUB"
            | "SGD" | "USD" | "ZAR" => Decimal::new(50, 2),
            "GBP" => Decimal::new(30, 2),
            "AED" | "MYR" | "PLN" | "RON" => Decimal::from(2),
            "DKK" => Decimal::new(250, 2),
            "NOK" | "SEK" => Decimal::from(3),
            "HKD" => Decimal::from(4),
            "MXN" | "THB" => Decimal::from(10),
            "CZK" => Decimal::from(15),
            "JPY" | "KRW" => Decimal::from(50),
            "HUF" => Decimal::from(175),
            _ => return None,
        };
        Some(Self::new(minimum, currency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_counts_in_units_of_its_own() {
        for (amount, currency, at_the_gateway) in [
            ("120.5", "EUR", 12050),
            ("10000", "JPY", 10000),
            ("5", "UGX", 500),
            ("5", "ISK", 500),
            ("5", "MGA", 5),
            ("1.120", "KWD", 1120),
            ("10.45", "HUF", 1045),
            ("-0.01", "EUR", -1),
        ] {
            let money = Money::new(amount.parse().unwrap(), currency.parse().unwrap());
            assert_eq!(money.gateway_amount(), Ok(at_the_gateway), "{money}");
            assert_eq!(Money::from_gateway_amount(at_the_gateway, money.currency), money);
        }
    }

    #[test]
    fn what_the_gateway_can_not_charge_has_no_amount() {
        for (amount, currency) in [("1.125", "KWD"), ("5.5", "UGX"), ("0.20", "MGA"), ("0.001", "EUR")] {
            let money = Money::new(amount.parse().unwrap(), currency.parse().unwrap());
            assert_eq!(money.gateway_amount(), Err(MoneyError::TooPrecise(money.currency)), "{money}");
        }
    }

    #[test]
    fn every_minimum_can_be_charged() {
        let minimum = |code: &str| Money::gateway_minimum(code.parse().unwrap());
        assert_eq!(minimum("EUR").unwrap().gateway_amount(), Ok(50));
        assert_eq!(minimum("HUF").unwrap().gateway_amount(), Ok(17_500));
        assert_eq!(minimum("JPY").unwrap().gateway_amount(), Ok(50));
        assert_eq!(minimum("KWD"), None);
    }
}
