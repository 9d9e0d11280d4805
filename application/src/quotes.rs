//! What a booking would cost now, and what there is to book. The inventory is not asked, and no place is taken.

use std::net::IpAddr;

use domain::{
    events::TicketType,
    ids::{EventId, TicketTypeId},
    money::{Currency, Money},
    pricing::{
        PriceLine, PriceTotals,
        price_list::PriceList,
        quote::{self, BelowMinimum, Quote, QuoteError},
    },
    promo_codes::{CodeName, PromoCode, PromoCodeError},
    repositories::RepositoryError,
    selection::{Line, Selection},
    validation::FieldError,
};
use jiff::Timestamp;

use super::{
    app::App,
    limits::Limited,
    promo_codes::{self, NamingError},
};

/// Why there is no quote.
#[derive(Debug, thiserror::Error)]
pub enum QuotingError {
    #[error("there is no such event")]
    NotFound,
    /// The request does not fit the event.
    #[error("the request does not fit the event")]
    Invalid(Vec<FieldError>),
    #[error(transparent)]
    PromoCode(#[from] PromoCodeError),
    /// Too many codes were guessed.
    #[error(transparent)]
    Limited(#[from] Limited),
    #[error(transparent)]
    BelowMinimum(#[from] BelowMinimum),
    /// An event whose prices do not go together: a bug.
    #[error("there is no price: {0}")]
    Broken(QuoteError),
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl From<NamingError> for QuotingError {
    fn from(error: NamingError) -> Self {
        match error {
            NamingError::PromoCode(error) => error.into(),
            NamingError::Limited(limited) => limited.into(),
            NamingError::Repository(error) => error.into(),
        }
    }
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

/// The least that can be charged in a currency, where the payment gateway says so.
fn minimum(app: &App, currency: Currency) -> Option<Money> {
    app.payments.gateway.as_ref()?.minimum(currency)
}

/// Prices what is selected of a public event, whether or not it is on sale and has places left; with the code of that name, if one is
/// named, by a client at `from`.
pub async fn quote(
    app: &App,
    from: IpAddr,
    event: EventId,
    selection: &Selection,
    code: Option<&CodeName>,
) -> Result<QuotedTickets, QuotingError> {
    let priced = app.store.priced_event(event).await?.ok_or(QuotingError::NotFound)?;
    let code = match code {
        Some(name) => Some(promo_codes::named(app, from, event, name).await?),
        None => None,
    };
    let list = PriceList::new(priced.currency, &priced.terms, &priced.ticket_types);
    let of_line = |line: &Line| std::iter::repeat_n(line.ticket_type_id, line.choice.places() as usize);
    let ids: Vec<TicketTypeId> = selection.lines().iter().flat_map(of_line).collect();
    let quoted = quote::quote(&list, code.as_ref(), &ids, Timestamp::now());
    let Quote { lines, totals } = quoted.map_err(|error| match error {
        QuoteError::UnknownTicketType(_) => QuotingError::Invalid(unknown_types(&list, code.as_ref(), selection)),
        QuoteError::PromoCode(error) => error.into(),
        QuoteError::Money(_) => QuotingError::Broken(error),
    })?;
    quote::check_minimum(totals.total, minimum(app, priced.currency))?;
    let tickets = ids.into_iter().zip(lines).map(|(ticket_type_id, line)| {
        let total = line.total(totals.tax_included).map_err(|error| QuotingError::Broken(error.into()))?;
        Ok(QuotedTicket { ticket_type_id, line, total })
    });
    Ok(QuotedTickets { tickets: tickets.collect::<Result<_, QuotingError>>()?, totals })
}

/// All lines whose ticket type the event does not have, or only for those who have a code for it.
fn unknown_types(list: &PriceList, code: Option<&PromoCode>, selection: &Selection) -> Vec<FieldError> {
    let lines = selection.lines().iter().enumerate();
    let unknown = lines.filter(|(_, line)| list.ticket_type(line.ticket_type_id, code).is_none());
    let fault = |(at, _)| {
        let field = format!("items[{at}].ticketTypeId");
        FieldError::new(field, "UNKNOWN", "the event has no such ticket type")
    };
    unknown.map(fault).collect()
}

/// The ticket types of a public event in the organizer's order, with those that the code of that name unlocks; and their currency.
pub async fn ticket_types(
    app: &App,
    from: IpAddr,
    event: EventId,
    code: Option<&CodeName>,
) -> Result<(Vec<TicketType>, Currency), QuotingError> {
    let priced = app.store.priced_event(event).await?.ok_or(QuotingError::NotFound)?;
    let code = match code {
        Some(name) => Some(promo_codes::named(app, from, event, name).await?),
        None => None,
    };
    if let Some(code) = &code {
        code.check_time(Timestamp::now())?;
    }
    let mut ticket_types = priced.ticket_types;
    ticket_types.retain(|of| !of.hidden || code.as_ref().is_some_and(|code| code.unlocks(of.id)));
    Ok((ticket_types, priced.currency))
}
