//! Quotes in JSON.

use application::quotes::{QuotedTicket, QuotedTickets};
use boxoffice_http::openapi::texts;
use domain::{ids::TicketTypeId, money::Money, promo_codes::CodeName, selection::Selection, validation::FieldError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bookings::dto::{LineBody, LineSchema, selection};

/// What is to be priced.
#[derive(Deserialize, ToSchema)]
#[schema(as = QuoteRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct QuoteBody {
    /// As of a booking: a line for each ticket type; a hundred places together at most.
    #[schema(value_type = Vec<LineSchema>, min_items = 1, max_items = 20)]
    items: Vec<LineBody>,
    /// Takes something off the price, or unlocks ticket types that are hidden. Upper and lower case are the same.
    #[schema(schema_with = texts::promo_code_or_null, required = false)]
    promo_code: Option<String>,
}

impl QuoteBody {
    /// What is selected, and the code that is named.
    pub(super) fn read(self) -> Result<(Selection, Option<CodeName>), Vec<FieldError>> {
        let code = self.promo_code.map(|name| CodeName::parse("promoCode", &name)).transpose();
        match (selection(self.items), code) {
            (Ok(selection), Ok(code)) => Ok((selection, code)),
            (Ok(_), Err(fault)) => Err(vec![fault]),
            (Err(faults), Ok(_)) => Err(faults),
            (Err(faults), Err(fault)) => Err(faults.into_iter().chain([fault]).collect()),
        }
    }
}

/// What a booking would cost: the sums of its tickets.
#[derive(Serialize, ToSchema)]
#[schema(as = Quote)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuoteJson {
    /// One per ticket, in the order in which they were asked for.
    items: Vec<QuotedTicketJson>,
    discount: Money,
    fees: Money,
    tax: Money,
    /// Whether the tax is contained in the total, or was added to it.
    tax_included: bool,
    /// What would be paid.
    total: Money,
}

impl From<&QuotedTickets> for QuoteJson {
    fn from(quoted: &QuotedTickets) -> Self {
        let totals = quoted.totals;
        Self {
            items: quoted.tickets.iter().map(QuotedTicketJson::from).collect(),
            discount: totals.discount,
            fees: totals.fees,
            tax: totals.tax,
            tax_included: totals.tax_included,
            total: totals.total,
        }
    }
}

/// What one ticket would cost.
#[derive(Serialize, ToSchema)]
#[schema(as = QuotedTicket)]
#[serde(rename_all = "camelCase")]
struct QuotedTicketJson {
    ticket_type_id: TicketTypeId,
    /// Of the ticket type.
    price: Money,
    /// What is taken off the price.
    discount: Money,
    /// All fees, the ticket's part of those per booking among them.
    fee: Money,
    /// Contained in `total` or added to it, as `taxIncluded` says.
    tax: Money,
    /// What would be paid for the ticket.
    total: Money,
}

impl From<&QuotedTicket> for QuotedTicketJson {
    fn from(ticket: &QuotedTicket) -> Self {
        let line = ticket.line;
        Self {
            ticket_type_id: ticket.ticket_type_id,
            price: line.price,
            discount: line.discount,
            fee: line.fee,
            tax: line.tax,
            total: ticket.total,
        }
    }
}
