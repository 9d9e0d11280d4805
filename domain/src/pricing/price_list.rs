//! What an event sells, at which prices, fees and taxes.

use super::{fees::Fee, terms::SaleTerms};
use crate::{
    events::TicketType,
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
    /// Of an event that sells these ticket types on these terms.
    pub fn new(currency: Currency, terms: &SaleTerms, ticket_types: &[TicketType]) -> Self {
        let priced = |of: &TicketType| {
            let price = Money::new(of.price, currency);
            PricedTicketType { id: of.id, price, tax_rate: of.tax_rate, hidden: of.hidden }
        };
        Self {
            currency,
            tax_rate: terms.tax_rate,
            tax_included: terms.tax_included,
            fees: terms.fees.clone(),
            ticket_types: ticket_types.iter().map(priced).collect(),
        }
    }

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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        events::SaleWindow,
        ids::QuotaId,
        pricing::{fees::FeeKind, quote::quote},
    };

    fn ticket_type(price: &str) -> TicketType {
        TicketType {
            id: TicketTypeId::generate(),
            quota_id: QuotaId::generate(),
            name: "Admission".to_owned(),
            description: String::new(),
            price: price.parse().unwrap(),
            seated: false,
            sections: Vec::new(),
            min_per_booking: 1,
            max_per_booking: 10,
            sale: SaleWindow { starts_at: Timestamp::UNIX_EPOCH, ends_at: Timestamp::MAX },
            hidden: false,
            tax_rate: None,
        }
    }

    /// Guards: every term that changes a price.
    #[test]
    fn prices_follow_the_terms_of_the_sale() {
        let currency = "EUR".parse().unwrap();
        let euros = |amount: &str| Money::new(amount.parse().unwrap(), currency);
        let service = Fee { name: "Service".to_owned(), kind: FeeKind::FixedPerTicket(euros("1.50")) };
        let tax_rate = Percentage::parse("taxRate", "0.10").unwrap();
        let terms = SaleTerms { tax_rate, tax_included: false, fees: vec![service], ..SaleTerms::default() };
        let types = [ticket_type("12.50"), ticket_type("0")];
        let total = |terms: &SaleTerms| {
            let list = PriceList::new(currency, terms, &types);
            let tickets = [types[0].id, types[1].id, types[0].id];
            quote(&list, None, &tickets, Timestamp::UNIX_EPOCH).unwrap().totals.total
        };
        assert_eq!(total(&terms), euros("30.80"));
        assert_eq!(total(&SaleTerms::default()), euros("25.00"));
    }
}
