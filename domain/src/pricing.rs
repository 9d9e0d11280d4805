//! What tickets cost: the rule of prices, drawn in `docs/design/payments.md`.
//!
//! A quote is a pure function of the price list, the promo code, the tickets and the instant. Every part of it is rounded once, for one
//! ticket, and everything else is a sum: so the lines of a booking are its total, and the parts of a refund are what was paid. What was
//! charged is stored with each ticket and never computed again.

pub mod durations;
pub mod fees;
pub mod price_list;
pub mod quote;
pub mod terms;

use crate::money::{Currency, Money, MoneyError};

/// What one ticket costs, by its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceLine {
    /// Of the ticket type.
    pub price: Money,
    /// What the promo code takes off it.
    pub discount: Money,
    /// All fees, the ticket's part of those per booking among them.
    pub fee: Money,
    /// Contained in the rest, or on top of it: that is the same for all lines of a booking.
    pub tax: Money,
}

impl PriceLine {
    pub fn free(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self { price: zero, discount: zero, fee: zero, tax: zero }
    }

    /// What fees are a percentage of.
    pub fn discounted_price(&self) -> Result<Money, MoneyError> {
        self.price.checked_sub(self.discount)
    }

    /// What tax is a percentage of.
    pub fn taxable(&self) -> Result<Money, MoneyError> {
        self.discounted_price()?.checked_add(self.fee)
    }

    /// What is paid for the ticket.
    pub fn total(&self, tax_included: bool) -> Result<Money, MoneyError> {
        let taxable = self.taxable()?;
        if tax_included { Ok(taxable) } else { taxable.checked_add(self.tax) }
    }
}

/// What several tickets cost together: the sums of their lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceTotals {
    pub price: Money,
    pub discount: Money,
    pub fees: Money,
    pub tax: Money,
    /// Whether the tax is contained in the total.
    pub tax_included: bool,
    pub total: Money,
}

impl PriceTotals {
    /// Of tickets that cost nothing.
    pub fn free(tax_included: bool, currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self { price: zero, discount: zero, fees: zero, tax: zero, tax_included, total: zero }
    }

    pub fn of(lines: &[PriceLine], tax_included: bool, currency: Currency) -> Result<Self, MoneyError> {
        let sum = |part: fn(&PriceLine) -> Money| Money::sum(currency, lines.iter().map(part));
        let sums = PriceLine {
            price: sum(|line| line.price)?,
            discount: sum(|line| line.discount)?,
            fee: sum(|line| line.fee)?,
            tax: sum(|line| line.tax)?,
        };
        let PriceLine { price, discount, fee, tax } = sums;
        Ok(Self { price, discount, fees: fee, tax, tax_included, total: sums.total(tax_included)? })
    }
}
