//! What chosen places cost, and whether the promo code that a request names can be used for them.

use jiff::Timestamp;

use super::Inventory;
use crate::{
    bookings::{Booking, Item},
    events::PlannedCode,
    ids::{AccountId, TicketTypeId},
    money::MoneyError,
    pricing::{
        PriceTotals,
        quote::{Quote, QuoteError, check_minimum, quote},
    },
    promo_codes::{AppliedCode, CodeName, PromoCode, PromoCodeError},
    refusal::Refusal,
    selection::Selection,
};

/// Prices that do not go together are a bug; nothing is sold at them.
const NO_PRICE: Refusal = Refusal::NotOnSale("the places have no price");

impl Inventory {
    /// The code of that name, if the account may use it for what is selected now.
    pub(super) fn usable_code(
        &self,
        name: &CodeName,
        selection: &Selection,
        account: AccountId,
        now: Timestamp,
    ) -> Result<&PlannedCode, Refusal> {
        let found = self.codes.find(name).and_then(|at| self.plan.promo_codes.get(at));
        let planned = found.ok_or(PromoCodeError::Unknown)?;
        let ticket_types: Vec<TicketTypeId> = selection.lines().iter().map(|line| line.ticket_type_id).collect();
        planned.code.check(&ticket_types, now)?;
        self.codes.may_be_used(planned, account)?;
        Ok(planned)
    }

    /// Whether the code that an expired booking had can be used once more. When it is valid does not matter: its buyer came in time.
    pub(super) fn code_again(&self, booking: &Booking) -> Result<(), Refusal> {
        let Some(AppliedCode { id, .. }) = booking.promo_code.as_deref() else { return Ok(()) };
        let planned = self.plan.promo_codes.iter().find(|planned| planned.id == *id);
        let planned = planned.ok_or(PromoCodeError::Unknown)?;
        Ok(self.codes.may_be_used(planned, booking.account_id)?)
    }

    /// Prices the places, and says what they cost together.
    pub(super) fn price(
        &self,
        items: &mut [Item],
        code: Option<&PromoCode>,
        now: Timestamp,
    ) -> Result<PriceTotals, Refusal> {
        // What is free bears no fee and no tax. Most of what is booked in a rush is.
        if code.is_none() && items.iter().all(|item| item.price.is_zero()) {
            return Ok(PriceTotals::free(self.prices.tax_included, self.prices.currency));
        }
        let tickets: Vec<TicketTypeId> = items.iter().map(|item| item.ticket_type_id).collect();
        let Quote { lines, totals } = quote(&self.prices, code, &tickets, now).map_err(|error| match error {
            QuoteError::PromoCode(error) => error.into(),
            QuoteError::UnknownTicketType(_) | QuoteError::Money(_) => NO_PRICE,
        })?;
        check_minimum(totals.total, self.plan.minimum)?;
        items.iter_mut().zip(&lines).for_each(|(item, line)| item.set_line(line));
        Ok(totals)
    }

    /// What places that were priced before cost together.
    pub(super) fn totals(&self, items: &[Item], tax_included: bool) -> Result<PriceTotals, Refusal> {
        let currency = self.prices.currency;
        if items.iter().all(|item| item.price.is_zero()) {
            return Ok(PriceTotals::free(tax_included, currency));
        }
        let lines: Vec<_> = items.iter().map(|item| item.line(currency)).collect();
        PriceTotals::of(&lines, tax_included, currency).map_err(|_: MoneyError| NO_PRICE)
    }
}
