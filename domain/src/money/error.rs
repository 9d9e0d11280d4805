//! Why there is no amount.

use super::currency::Currency;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Amounts of two currencies are neither added nor compared.
    #[error("{0:?} and {1:?} do not go together")]
    CurrencyMismatch(Currency, Currency),
    /// More than is stored of an amount.
    #[error("the amount is too large")]
    Overflow,
    /// Less than the smallest amount that can be paid in the currency, or between two such amounts.
    #[error("the amount has more digits after the point than {0:?} allows")]
    TooPrecise(Currency),
    /// An amount was to be shared out, and every share is nothing.
    #[error("nothing to allocate the amount to")]
    NoShares,
}
