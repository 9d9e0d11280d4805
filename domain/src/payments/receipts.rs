//! Receipts: what a buyer has paid, and to whom.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::{
    ids::{BookingId, TicketTypeId},
    money::{Money, MoneyError, Percentage},
    pricing::PriceLine,
    repositories::Found,
};

/// What a receipt says beside its booking.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Given once, in the order of the first requests for receipts of this seller, without gaps.
    pub number: u32,
    /// The organizer, and the buyer, as they were called when it was issued.
    pub seller: String,
    pub buyer: String,
    pub issued_at: Timestamp,
    /// How it was paid, and when.
    pub method: String,
    pub paid_at: Timestamp,
    /// The rates of tax, as they are now, of ticket types that have one of their own.
    pub rates: HashMap<TicketTypeId, Percentage>,
    /// Of all others.
    pub rate: Percentage,
}

impl Receipt {
    /// The rate by which a line was taxed. What was charged is what counts: a rate that was changed since is told from it.
    pub fn rate_of(
        &self,
        ticket_type: TicketTypeId,
        line: &PriceLine,
        tax_included: bool,
    ) -> Result<Percentage, MoneyError> {
        let taxable = line.taxable()?;
        if line.tax.is_free() || taxable.is_free() {
            return Ok(Percentage::ZERO);
        }
        let rate = self.rates.get(&ticket_type).copied().unwrap_or(self.rate);
        let tax = if tax_included { taxable.contained(rate) } else { taxable.share(rate) }?;
        if tax == line.tax {
            return Ok(rate);
        }
        let base = if tax_included { taxable.checked_sub(line.tax)? } else { taxable };
        let fraction = line.tax.amount.checked_div(base.amount).unwrap_or(Decimal::ONE).round_dp(3);
        Ok(Percentage::new(fraction).unwrap_or(Percentage::ONE))
    }
}

/// What was taxed at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxedAt {
    pub rate: Percentage,
    /// Without the tax.
    pub net: Money,
    pub tax: Money,
}

#[async_trait]
pub trait ReceiptRepository: Send + Sync {
    /// The receipt of a booking, with its number from the first request on. Nothing of one that nobody has paid.
    async fn receipt(&self, booking: BookingId) -> Found<Option<Receipt>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_the_known_one_or_told_from_what_was_charged() {
        let euros = |amount: &str| Money::new(amount.parse().unwrap(), "EUR".parse().unwrap());
        let rate = |text: &str| Percentage::new(text.parse().unwrap()).unwrap();
        let (own, usual) = (TicketTypeId::generate(), TicketTypeId::generate());
        let receipt = Receipt {
            number: 1,
            seller: String::new(),
            buyer: String::new(),
            issued_at: Timestamp::UNIX_EPOCH,
            method: String::new(),
            paid_at: Timestamp::UNIX_EPOCH,
            rates: HashMap::from([(own, rate("0.07"))]),
            rate: rate("0.19"),
        };
        let line = |price: &str, tax: &str| PriceLine {
            price: euros(price),
            tax: euros(tax),
            ..PriceLine::free("EUR".parse().unwrap())
        };
        let of = |kind, price, tax, included| receipt.rate_of(kind, &line(price, tax), included).unwrap();
        assert_eq!(of(usual, "119.00", "19.00", true), rate("0.19"));
        assert_eq!(of(own, "100.00", "7.00", false), rate("0.07"));
        assert_eq!(of(own, "0.10", "0.01", true), rate("0.07"), "rounded as it was charged");
        assert_eq!(of(usual, "99.00", "7.08", true), rate("0.077"), "a rate that was changed since");
        assert_eq!(of(usual, "99.00", "0", true), Percentage::ZERO);
    }
}
