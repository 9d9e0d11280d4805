//! What a booking would cost now. The inventory is not asked, and no place is taken.

use domain::{
    ids::{EventId, TicketTypeId},
    money::Money,
    pricing::{
        PriceLine, PriceTotals,
        price_list::PriceList,
        quote::{self, Quote, QuoteError},
        terms::SaleTerms,
    },
    repositories::{IdOrSlug, RepositoryError},
    selection::{Line, Selection},
    validation::FieldError,
};
use jiff::Timestamp;

use super::app::App;

/// Why there is no quote.
#[derive(Debug, thiserror::Error)]
pub enum QuotingError {
    #[error("there is no such event")]
    NotFound,
    /// The request does not fit the event.
    #[error("the request does not fit the event")]
    Invalid(Vec<FieldError>),
    /// An event whose prices do not go together: a bug.
    #[error("there is no price: {0}")]
    Broken(QuoteError),
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

#[derive(Debug)]
pub struct QuotedTicket {
    pub ticket_type_id: TicketTypeId,
    pub line: PriceLine,
    pub total: Money,
}

#[derive(Debug)]
pub struct QuotedTickets {
    /// In the order in which they were asked for.
    pub tickets: Vec<QuotedTicket>,
    pub totals: PriceTotals,
}

/// Prices what is selected of a public event, whether or not it is on sale and has places left.
pub async fn quote(app: &App, event: EventId, selection: &Selection) -> Result<QuotedTickets, QuotingError> {
    let detail = app.store.public_event(IdOrSlug::Id(event)).await?.ok_or(QuotingError::NotFound)?;
    let list = PriceList::new(detail.event.currency, &SaleTerms::default(), &detail.ticket_types);
    let of_line = |line: &Line| std::iter::repeat_n(line.ticket_type_id, line.choice.places() as usize);
    let ids: Vec<TicketTypeId> = selection.lines().iter().flat_map(of_line).collect();
    let Quote { lines, totals } = quote::quote(&list, None, &ids, Timestamp::now()).map_err(|error| match error {
        QuoteError::UnknownTicketType(_) => QuotingError::Invalid(unknown_types(&list, selection)),
        other => QuotingError::Broken(other),
    })?;
    let tickets = ids.into_iter().zip(lines).map(|(ticket_type_id, line)| {
        let total = line.total(totals.tax_included).map_err(|error| QuotingError::Broken(error.into()))?;
        Ok(QuotedTicket { ticket_type_id, line, total })
    });
    Ok(QuotedTickets { tickets: tickets.collect::<Result<_, QuotingError>>()?, totals })
}

/// All lines whose ticket type the event does not have.
fn unknown_types(list: &PriceList, selection: &Selection) -> Vec<FieldError> {
    let lines = selection.lines().iter().enumerate();
    let unknown = lines.filter(|(_, line)| list.ticket_type(line.ticket_type_id, None).is_none());
    let fault = |(at, _)| {
        let field = format!("items[{at}].ticketTypeId");
        FieldError::new(field, "UNKNOWN", "the event has no such ticket type")
    };
    unknown.map(fault).collect()
}
