//! Percentages, as fractions: `0.10` is 10 %.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::decimal::parse_decimal;
use crate::validation::FieldError;

/// Most digits after the point: a ten-thousandth of a percent.
const DIGITS_MAX: u32 = 6;

/// A fraction from 0 to 1: of a tax, a fee or a discount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentage(Decimal);

impl Percentage {
    pub const ZERO: Self = Self(Decimal::ZERO);
    pub const ONE: Self = Self(Decimal::ONE);

    /// `None` outside of 0 to 1.
    pub fn new(fraction: Decimal) -> Option<Self> {
        (Decimal::ZERO..=Decimal::ONE).contains(&fraction).then_some(Self(fraction.normalize()))
    }

    /// A percentage as the API writes it: a decimal string from `0` to `1`.
    pub fn parse(field: impl Into<Cow<'static, str>>, text: &str) -> Result<Self, FieldError> {
        let field = field.into();
        let Some(fraction) = parse_decimal(text) else {
            return Err(FieldError::new(field, "INVALID", "must be a decimal number such as 0.10, which is 10 %"));
        };
        if fraction.normalize().scale() > DIGITS_MAX {
            return Err(FieldError::new(field, "TOO_PRECISE", "has at most 6 digits after the point"));
        }
        Self::new(fraction).ok_or_else(|| FieldError::new(field, "OUT_OF_RANGE", "must be from 0 to 1"))
    }

    pub fn fraction(self) -> Decimal {
        self.0
    }

    /// For people: `7.5 %`.
    pub fn percent(self) -> String {
        format!("{} %", (self.0 * Decimal::ONE_HUNDRED).normalize())
    }

    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_fraction() {
        let code = |text| Percentage::parse("taxRate", text).map_err(|fault| fault.code);
        assert_eq!(code("0.10").unwrap().fraction(), Decimal::new(1, 1));
        assert_eq!((code("0").unwrap(), code("1.000").unwrap()), (Percentage::ZERO, Percentage::ONE));
        for (wrong, fault) in [
            ("1.01", "OUT_OF_RANGE"),
            ("-0.1", "OUT_OF_RANGE"),
            ("10%", "INVALID"),
            ("", "INVALID"),
            ("0.1234567", "TOO_PRECISE"),
        ] {
            assert_eq!(code(wrong).unwrap_err(), fault, "{wrong}");
        }
    }
}
