//! Sharing an amount out, so that the shares add up to it.

use rust_decimal::Decimal;

use super::{Money, MoneyError};

impl Money {
    /// Shares the amount out in proportion to `weights`: each share is rounded down, and what is left goes, one smallest amount each, to
    /// those who lost most by that, to the first of equals. A negative amount is shared out as its opposite.
    pub fn allocate(self, weights: &[u64]) -> Result<Vec<Self>, MoneyError> {
        let digits = self.currency.payable_digits();
        let units = i128::from(self.units(digits)?);
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        if total == 0 {
            let nothing = Self::zero(self.currency);
            return if units == 0 { Ok(vec![nothing; weights.len()]) } else { Err(MoneyError::NoShares) };
        }
        // The units are below 2^63, so no product is above 2^127.
        let products = weights.iter().map(|weight| units.unsigned_abs() * u128::from(*weight));
        let mut shares: Vec<(u128, u128)> = products.map(|product| (product / total, product % total)).collect();
        let given: u128 = shares.iter().map(|(share, _)| share).sum();
        let left = (units.unsigned_abs() - given) as usize;
        let mut by_loss: Vec<usize> = (0..shares.len()).collect();
        by_loss.sort_by_key(|at| std::cmp::Reverse(shares[*at].1));
        for at in by_loss.into_iter().take(left) {
            shares[at].0 += 1;
        }
        let share = |(units_of_share, _): (u128, u128)| {
            let amount = Decimal::from_i128_with_scale(units.signum() * units_of_share as i128, digits);
            Self::new(amount, self.currency)
        };
        Ok(shares.into_iter().map(share).collect())
    }

    /// Shares the amount out evenly; the first ones get what does not divide.
    pub fn split(self, shares: usize) -> Result<Vec<Self>, MoneyError> {
        self.allocate(&vec![1; shares])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(amount: &str, currency: &str, weights: &[u64]) -> Vec<String> {
        let money = Money::new(amount.parse().unwrap(), currency.parse().unwrap());
        money.allocate(weights).unwrap().iter().map(|share| share.amount.normalize().to_string()).collect()
    }

    #[test]
    fn what_does_not_divide_goes_to_those_who_lost_most_and_to_the_first_of_equals() {
        assert_eq!(shares("10.00", "EUR", &[1, 1, 1]), ["3.34", "3.33", "3.33"]);
        assert_eq!(shares("-10.00", "EUR", &[1, 1, 1]), ["-3.34", "-3.33", "-3.33"]);
        assert_eq!(shares("0.05", "EUR", &[1, 1, 1]), ["0.02", "0.02", "0.01"]);
        assert_eq!(shares("1.00", "EUR", &[1, 6, 0]), ["0.14", "0.86", "0"]);
        assert_eq!(shares("100", "JPY", &[7, 7, 7]), ["34", "33", "33"]);
        assert_eq!(shares("1.00", "KWD", &[1, 1, 1]), ["0.34", "0.33", "0.33"]);
        assert_eq!(shares("0", "EUR", &[0, 0]), ["0", "0"]);
    }

    #[test]
    fn an_amount_needs_somebody_to_go_to() {
        let money = |amount: &str| Money::new(amount.parse().unwrap(), "EUR".parse().unwrap());
        assert_eq!(money("1").allocate(&[0, 0]), Err(MoneyError::NoShares));
        assert_eq!(money("1").allocate(&[]), Err(MoneyError::NoShares));
        assert!(matches!(money("0.005").allocate(&[1]), Err(MoneyError::TooPrecise(_))));
    }
}
