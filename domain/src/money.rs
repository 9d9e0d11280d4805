//! Money: decimals with a currency, never floats.
//!
//! Amounts of two currencies never mix, and what is more than can be stored is an error, not a panic. A [`Money`] may have more digits
//! than can be paid, as a client or a rate wrote it; [`Money::rounded`] and [`Money::is_payable`] are about these.

mod allocation;
mod currency;
mod decimal;
mod error;
mod fields;
mod gateway;
mod percentage;

use std::fmt;

use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error, ser::SerializeStruct};

use self::decimal::parse_decimal;
pub use self::{
    currency::{Currency, UnknownCurrency},
    error::MoneyError,
    percentage::Percentage,
};

/// The most that is stored of an amount, without its sign: 99,999,999,999.999.
const AMOUNT_MAX: Decimal = Decimal::from_parts(276_447_231, 23_283, 0, false, 3);

/// An amount in a currency; in JSON `{"amount":"120.00","currency":"EUR"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// How much, in the currency's main unit: to be stored and shown. Calculations go through the methods, which look at the currency.
    pub amount: Decimal,
    pub currency: Currency,
}

impl Money {
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    pub fn zero(currency: Currency) -> Self {
        Self::new(Decimal::ZERO, currency)
    }

    /// An amount that can be paid, from one with any number of digits.
    pub fn rounded(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        Self::bounded(Some(currency.round(amount)), currency)
    }

    /// True for what costs nothing.
    pub fn is_free(&self) -> bool {
        self.amount.is_zero()
    }

    pub fn is_negative(&self) -> bool {
        self.amount < Decimal::ZERO
    }

    /// Whether it has no more digits than can be paid. Prices and fees that organizers set must be.
    pub fn is_payable(&self) -> bool {
        self.currency.round(self.amount) == self.amount
    }

    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::bounded(self.amount.checked_add(other.amount), self.currency)
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::bounded(self.amount.checked_sub(other.amount), self.currency)
    }

    /// The smaller one of two amounts.
    pub fn checked_min(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Ok(if other.amount < self.amount { other } else { self })
    }

    /// The amount without its currency, with as many digits after the point as that has.
    pub fn decimal(&self) -> String {
        display_amount(self.amount, self.currency).to_string()
    }

    /// Of nothing it is zero.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    /// This rate of the amount, rounded.
    pub fn share(self, rate: Percentage) -> Result<Self, MoneyError> {
        let exact = self.amount.checked_mul(rate.fraction()).ok_or(MoneyError::Overflow)?;
        Self::rounded(exact, self.currency)
    }

    /// What is contained in the amount when this rate of the rest was added to it, rounded: the tax in a price that includes it.
    pub fn contained(self, rate: Percentage) -> Result<Self, MoneyError> {
        let product = self.amount.checked_mul(rate.fraction()).ok_or(MoneyError::Overflow)?;
        // Divided last: what comes out even stays so, and a half is seen as one.
        let exact = product.checked_div(Decimal::ONE + rate.fraction()).ok_or(MoneyError::Overflow)?;
        Self::rounded(exact, self.currency)
    }

    /// The amount in the smallest units of ISO 4217, such as cents.
    pub fn minor_units(self) -> Result<i64, MoneyError> {
        self.units(self.currency.exponent())
    }

    /// The amount as a number of units of which `10^digits` make one of the currency.
    fn units(self, digits: u32) -> Result<i64, MoneyError> {
        let unit = Decimal::new(1, digits);
        let units = self.amount.checked_div(unit).ok_or(MoneyError::Overflow)?;
        if !units.fract().is_zero() {
            return Err(MoneyError::TooPrecise(self.currency));
        }
        units.to_i64().ok_or(MoneyError::Overflow)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        let is_same = self.currency == other.currency;
        if is_same { Ok(()) } else { Err(MoneyError::CurrencyMismatch(self.currency, other.currency)) }
    }

    fn bounded(amount: Option<Decimal>, currency: Currency) -> Result<Self, MoneyError> {
        let stored = amount.filter(|amount| amount.abs() <= AMOUNT_MAX);
        stored.map(|amount| Self::new(amount, currency)).ok_or(MoneyError::Overflow)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", display_amount(self.amount, self.currency), self.currency.as_str())
    }
}

/// As many digits after the point as the currency has.
fn display_amount(mut amount: Decimal, currency: Currency) -> Decimal {
    amount.rescale(currency.exponent());
    amount
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Amount(Decimal);
        impl Serialize for Amount {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }
        let mut fields = serializer.serialize_struct("Money", 2)?;
        fields.serialize_field("amount", &Amount(display_amount(self.amount, self.currency)))?;
        fields.serialize_field("currency", self.currency.as_str())?;
        fields.end()
    }
}

/// What was written by [`Money`] itself, or by a client in the same form.
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            amount: String,
            currency: String,
        }
        let Fields { amount, currency } = Fields::deserialize(deserializer)?;
        Ok(Self {
            amount: parse_decimal(&amount)
                .ok_or_else(|| D::Error::custom("amount must be a decimal number such as 12.50"))?,
            currency: currency.parse().map_err(D::Error::custom)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_the_digits_of_its_currency() {
        let show =
            |amount: &str, currency: &str| Money::new(amount.parse().unwrap(), currency.parse().unwrap()).to_string();
        assert_eq!(show("120", "EUR"), "120.00 EUR");
        assert_eq!(show("1500.000", "JPY"), "1500 JPY");
        assert_eq!(show("3.5", "KWD"), "3.500 KWD");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let money = Money::new("120.5".parse().unwrap(), "EUR".parse().unwrap());
        let text = serde_json::to_string(&money).unwrap();
        assert_eq!(text, r#"{"amount":"120.50","currency":"EUR"}"#);
        assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), money);
        assert!(serde_json::from_str::<Money>(r#"{"amount":"x","currency":"EUR"}"#).is_err());
    }

    /// Guards: what the document says an amount looks like, and that no price becomes another one, such as none, by rounding.
    #[test]
    fn an_amount_is_written_in_digits() {
        let read = |amount: &str| {
            let json = format!(r#"{{"amount":"{amount}","currency":"EUR"}}"#);
            serde_json::from_str::<Money>(&json).map(|money| money.amount.to_string()).ok()
        };
        let zeros = format!("1.{}", "0".repeat(40));
        for (written, amount) in
            [("0", "0"), ("007", "7"), ("12.50", "12.5"), ("1000000", "1000000"), ("-1", "-1"), (&*zeros, "1")]
        {
            assert_eq!(read(written).as_deref(), Some(amount), "{written}");
        }
        let (tiny, huge) = (format!("0.{}1", "0".repeat(30)), "9".repeat(40));
        for wrong in [
            "-0", "-0.00", "-000", "1e3", "1_000", "", ".5", "5.", "+1", " 1", "1,5", "0x1", "NaN", "--1", "-",
            "0.0.0", &tiny, &huge,
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    fn money(amount: &str, currency: &str) -> Money {
        Money::new(amount.parse().unwrap(), currency.parse().unwrap())
    }

    #[test]
    fn currencies_do_not_mix() {
        let (euro, franc) = (money("1", "EUR"), money("1", "CHF"));
        let mixed = MoneyError::CurrencyMismatch(euro.currency, franc.currency);
        for result in [euro.checked_add(franc), euro.checked_sub(franc), euro.checked_min(franc)] {
            assert_eq!(result, Err(mixed));
        }
        assert_eq!(Money::sum(euro.currency, [euro, franc]), Err(mixed));
    }

    #[test]
    fn more_than_is_stored_is_an_error() {
        let most = money("99999999999.999", "KWD");
        assert_eq!(most.amount, AMOUNT_MAX);
        assert_eq!(most.checked_add(money("0.001", "KWD")), Err(MoneyError::Overflow));
        let huge = Money::new(Decimal::MAX, most.currency);
        assert_eq!(huge.checked_add(huge), Err(MoneyError::Overflow));
        assert_eq!(huge.minor_units(), Err(MoneyError::Overflow));
        assert_eq!(most.checked_sub(most), Ok(Money::zero(most.currency)));
    }

    #[test]
    fn an_amount_has_as_many_minor_units_as_its_currency_says() {
        let units = |amount, currency| money(amount, currency).minor_units();
        assert_eq!(units("12.50", "EUR"), Ok(1250));
        assert_eq!(units("10000", "JPY"), Ok(10_000));
        assert_eq!(units("1.12", "KWD"), Ok(1120));
        assert_eq!(units("5", "UGX"), Ok(5));
        assert!(units("0.005", "EUR").is_err());
    }

    /// Known right values: Swiss value-added tax on three tickets of 99.00, contained and on top.
    #[test]
    fn a_rate_is_taken_of_an_amount_or_out_of_it() {
        let rate = |text| Percentage::parse("rate", text).unwrap();
        let price = money("99.00", "CHF");
        assert_eq!(price.contained(rate("0.077")), Ok(money("7.08", "CHF")));
        assert_eq!(price.share(rate("0.077")), Ok(money("7.62", "CHF")));
        assert_eq!(money("25.00", "EUR").contained(rate("0.10")), Ok(money("2.27", "EUR")));
        // Exactly a half, of a rate whose part is a finite decimal: 0.025 of 0.125.
        assert_eq!(money("0.125", "EUR").contained(rate("0.25")), Ok(money("0.02", "EUR")));
    }
}
