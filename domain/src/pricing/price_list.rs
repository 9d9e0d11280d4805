//! What an event sells, at which prices, fees and taxes.

use super::fees::Fee;
use crate::{
    ids::TicketTypeId,
    money::{Currency, Money, Percentage},
    promo_codes::PromoCode,
};

/// All that prices of an event depend on, beside promo code and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceList {
    /// Of every price and fee.
    pub currency: Currency,
    pub tax_rate: Percentage,
    /// Whether prices contain the tax, or it comes on top.
    pub tax_included: bool,
    pub fees: Vec<Fee>,
    pub ticket_types: Vec<PricedTicketType>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PricedTicketType {
    pub id: TicketTypeId,
    pub price: Money,
    /// Instead of the event's.
    pub tax_rate: Option<Percentage>,
    /// Only for those who have a code that unlocks it.
    pub hidden: bool,
}

impl PriceList {
    /// A ticket type that can be booked with that code, or without one.
    pub fn ticket_type(&self, id: TicketTypeId, code: Option<&PromoCode>) -> Option<&PricedTicketType> {
        let found = self.ticket_types.iter().find(|ticket_type| ticket_type.id == id)?;
        let is_unlocked = !found.hidden || code.is_some_and(|code| code.unlocks(id));
        is_unlocked.then_some(found)
    }

    pub fn tax_rate_of(&self, ticket_type: &PricedTicketType) -> Percentage {
        ticket_type.tax_rate.unwrap_or(self.tax_rate)
    }
}
