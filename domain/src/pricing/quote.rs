//! What a booking would cost now.

use jiff::Timestamp;

use super::{PriceLine, PriceTotals, price_list::PriceList};
use crate::{
    ids::TicketTypeId,
    money::{Money, MoneyError},
    promo_codes::{PromoCode, PromoCodeError},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// One per ticket, in the order in which they were asked for.
    pub lines: Vec<PriceLine>,
    pub totals: PriceTotals,
}

/// Why tickets have no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The ticket at that position is of a type that the event does not sell, or only to those who have a code for it.
    #[error("the event has no such ticket type")]
    UnknownTicketType(usize),
    #[error(transparent)]
    PromoCode(#[from] PromoCodeError),
    /// More than can be charged is refused; amounts in another currency than the list's are a bug.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Prices these tickets: discount, then fees, then tax, each rounded per ticket. How often the code was used is not looked at: the
/// inventory counts that, as it counts places.
pub fn quote(
    list: &PriceList,
    code: Option<&PromoCode>,
    tickets: &[TicketTypeId],
    now: Timestamp,
) -> Result<Quote, QuoteError> {
    if let Some(code) = code {
        code.check(tickets, now)?;
    }
    let found = tickets.iter().enumerate().map(|(at, id)| list.ticket_type(*id, code).ok_or(at));
    let types: Vec<_> = found.collect::<Result<_, _>>().map_err(QuoteError::UnknownTicketType)?;

    let mut lines = Vec::with_capacity(types.len());
    for ticket_type in &types {
        let price = ticket_type.price;
        let discount = code.map_or(Ok(Money::zero(list.currency)), |code| code.discount_of(ticket_type.id, price))?;
        lines.push(PriceLine { price, discount, ..PriceLine::free(list.currency) });
    }
    add_fees(list, &mut lines)?;
    for (line, ticket_type) in lines.iter_mut().zip(types) {
        let (taxable, rate) = (line.taxable()?, list.tax_rate_of(ticket_type));
        line.tax = if list.tax_included { taxable.contained(rate) } else { taxable.share(rate) }?;
    }
    let totals = PriceTotals::of(&lines, list.tax_included, list.currency)?;
    Ok(Quote { lines, totals })
}

fn add_fees(list: &PriceList, lines: &mut [PriceLine]) -> Result<(), MoneyError> {
    if list.fees.is_empty() {
        return Ok(());
    }
    let discounted = lines.iter().map(PriceLine::discounted_price).collect::<Result<Vec<_>, _>>()?;
    for fee in &list.fees {
        for (line, share) in lines.iter_mut().zip(fee.per_ticket(&discounted)?) {
            line.fee = line.fee.checked_add(share)?;
        }
    }
    Ok(())
}

/// Less than the payment gateway charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment provider charges no less than {minimum}")]
pub struct BelowMinimum {
    pub minimum: Money,
}

/// Whether a total can be paid through a gateway with that minimum: told before places are taken, not when somebody tries to pay.
pub fn check_minimum(total: Money, minimum: Option<Money>) -> Result<(), BelowMinimum> {
    match minimum {
        Some(minimum) if !total.is_free() && total.amount < minimum.amount => Err(BelowMinimum { minimum }),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "quote/tests.rs"]
mod tests;
