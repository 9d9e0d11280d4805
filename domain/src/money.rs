//! Money: decimals with a currency, never floats.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error, ser::SerializeStruct};

use crate::{text, validation::FieldError};

/// An ISO 4217 code: three upper-case letters. One that is read from the database is in that form, and no more;
/// [`Currency::parse`] knows which there are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// A currency that prices are in today: in the list of ISO 4217, and neither a fund, a metal or a unit of account, nor replaced by
    /// another one.
    pub fn parse(field: &'static str, code: &str) -> Result<Self, FieldError> {
        let code = text::normalised(code);
        if code.is_empty() {
            return Err(FieldError::new(field, "REQUIRED", "is required"));
        }
        let listed = iso_currency::Currency::from_code(&code);
        let is_paid = |of: &iso_currency::Currency| !of.is_fund() && !of.is_special() && of.is_superseded().is_none();
        let known = listed.filter(is_paid).and_then(|_| code.parse().ok());
        known.ok_or_else(|| FieldError::new(field, "INVALID", "must be a code of ISO 4217 such as EUR"))
    }

    pub fn as_str(&self) -> &str {
        // Only ASCII letters are ever stored; the fallback keeps this total without a panic.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Digits after the decimal point (ISO 4217): 0, 2 or 3.
    pub fn exponent(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        match *text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(UnknownCurrency(text.to_owned())),
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the form of a currency code.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a currency code of three upper-case letters")]
pub struct UnknownCurrency(String);

/// An amount in a currency; in JSON `{"amount":"120.00","currency":"EUR"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// How much, in the currency's main unit.
    pub amount: Decimal,
    pub currency: Currency,
}

impl Money {
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// True for what costs nothing.
    pub fn is_free(&self) -> bool {
        self.amount.is_zero()
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

/// An amount as the API writes it: digits, and perhaps a point with digits after it. `-` is read, so that a negative price is refused
/// as one; before a zero it would be written back, so that is none. Anything else that a number may look like elsewhere (`1e3`, `1_000`, `.5`), and what can't be kept exactly, is none.
fn amount(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) {
        return None;
    }
    let text = if digits.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    Decimal::from_str_exact(text).ok().filter(|amount| !(amount.is_zero() && text.starts_with('-')))
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
            amount: self::amount(&amount)
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

    /// Guards: the list, and that what is no money is in none of its corners.
    #[test]
    fn a_currency_is_in_the_list() {
        for right in ["EUR", "JPY", "KWD", "USD", "CHF", "XOF", " GBP "] {
            assert_eq!(Currency::parse("currency", right).unwrap().as_str(), right.trim());
        }
        for wrong in ["ZZZ", "AAA", "eur", "XXX", "XTS", "XAU", "CHE", "DEM", "€", "EURO"] {
            assert_eq!(Currency::parse("currency", wrong).unwrap_err().code, "INVALID", "{wrong}");
        }
        assert_eq!(Currency::parse("currency", " ").unwrap_err().code, "REQUIRED");
    }

    #[test]
    fn a_currency_is_three_capitals() {
        assert!(["eur", "EU", "EURO", "E1R", ""].iter().all(|text| text.parse::<Currency>().is_err()));
    }
}
