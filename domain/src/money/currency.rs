//! Currencies of ISO 4217: which there are, how many digits they have, and how amounts in them are rounded.

use std::{fmt, str::FromStr};

use rust_decimal::{Decimal, RoundingStrategy};

use crate::{text, validation::FieldError};

/// An ISO 4217 code: three upper-case letters. One that is read from the database is in that form, and no more;
/// [`Currency::parse`] knows which there are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// A currency that prices are in today: in the list of ISO 4217, and neither a fund, a metal or a unit of account, nor replaced by
    /// another one. Whatever takes a currency from a client (making or changing an event) parses it here.
    pub fn parse(field: &'static str, code: &str) -> Result<Self, FieldError> {
        let code = text::normalised(code);
        if code.is_empty() {
            return Err(FieldError::new(field, "REQUIRED", "is required"));
        }
        let listed = iso_currency::Currency::from_code(&code);
        // ISO 4217 lists the Venezuelan bolívar under both codes, and people pay in VES.
        let is_superseded = |of: &iso_currency::Currency| of.is_superseded().is_some() && code != "VES";
        let is_paid = |of: &iso_currency::Currency| !of.is_fund() && !of.is_special() && !is_superseded(of);
        let known = listed.filter(is_paid).and_then(|_| code.parse().ok());
        known.ok_or_else(|| FieldError::new(field, "INVALID", "must be a code of ISO 4217 such as EUR"))
    }

    pub fn as_str(&self) -> &str {
        // Only ASCII letters are ever stored; the fallback keeps this total without a panic.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Digits after the decimal point (ISO 4217): 0, 2 or 3. Amounts are shown with all of them.
    pub fn exponent(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }

    /// Digits after the decimal point that an amount may use: those of ISO 4217, and fewer where the payment gateway takes only
    /// multiples of ten or a hundred minor units.
    pub fn payable_digits(&self) -> u32 {
        match &self.0 {
            b"MGA" => 0,
            b"BHD" | b"JOD" | b"KWD" | b"OMR" | b"TND" => 2,
            _ => self.exponent(),
        }
    }

    /// Digits after the decimal point of the integers in which the payment gateway counts.
    ///
    /// Source: "Supported currencies", sections "Zero-decimal currencies", "Three-decimal currencies" and "Special cases", at
    /// <https://docs.stripe.com/currencies>, as copies of July and September 2026 have it; read on 2026-11-30. It differs from ISO 4217 so:
    ///
    /// | currency | ISO 4217 | Stripe |
    /// | --- | --- | --- |
    /// | ISK, UGX | 0 | 2, always `00`: 5 UGX is 500 |
    /// | MGA | 2 | 0 |
    /// | BHD, JOD, KWD, OMR, TND | 3 | 3, the last one always `0`: 1.120 KWD is 1120 |
    /// | HUF, TWD | 2 | 2 in payments and refunds; only payouts to the seller are whole |
    pub fn gateway_exponent(&self) -> u32 {
        match &self.0 {
            b"ISK" | b"UGX" => 2,
            b"MGA" => 0,
            _ => self.exponent(),
        }
    }

    /// The rounding of all amounts: half-even, to the smallest amount that can be paid. Nothing else rounds.
    pub fn round(&self, amount: Decimal) -> Decimal {
        amount.round_dp_with_strategy(self.payable_digits(), RoundingStrategy::MidpointNearestEven)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    /// Guards: the list, and that what is no money is in none of its corners.
    #[test]
    fn a_currency_is_in_the_list() {
        for right in ["EUR", "JPY", "KWD", "USD", "CHF", "XOF", "VES", " GBP "] {
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

    /// Guards: the digits, against the list that the names are checked with.
    #[test]
    fn every_currency_has_the_digits_of_iso_4217() {
        let letters = || (b'A'..=b'Z').map(char::from);
        let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
        let mut seen = 0;
        for code in codes {
            let Ok(known) = Currency::parse("currency", &code) else { continue };
            let listed = iso_currency::Currency::from_code(&code).unwrap();
            assert_eq!(Some(known.exponent()), listed.exponent().map(u32::from), "{code}");
            assert!(known.payable_digits() <= known.exponent().min(known.gateway_exponent()), "{code}");
            seen += 1;
        }
        assert!(seen > 150, "{seen} currencies");
    }

    #[test]
    fn halves_are_rounded_to_the_even_neighbour() {
        for (of, exact, rounded) in [
            ("EUR", "0.005", "0"),
            ("EUR", "0.015", "0.02"),
            ("EUR", "-0.025", "-0.02"),
            ("EUR", "0.0250001", "0.03"),
            ("JPY", "10.5", "10"),
            ("MGA", "11.5", "12"),
            ("KWD", "1.125", "1.12"),
            ("KWD", "1.135", "1.14"),
            ("LYD", "1.1255", "1.126"),
        ] {
            let decimal = |text: &str| text.parse::<Decimal>().unwrap();
            assert_eq!(currency(of).round(decimal(exact)), decimal(rounded), "{exact} {of}");
        }
    }
}
