//! Why the business says no. Not a failure: nothing was changed, and the client can act on it.

use std::time::Duration;

use crate::{
    ids::{SeatId, TicketTypeId},
    pricing::quote::BelowMinimum,
    promo_codes::PromoCodeError,
    validation::FieldError,
};

/// A seat that a request names and somebody else has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenSeat {
    pub id: SeatId,
    /// Which line of the request names it, counted from 0.
    pub line: usize,
    /// Its place among the seats of that line, counted from 0.
    pub at: usize,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request does not fit the event: an unknown ticket type, a seat of another section …
    #[error("the request does not fit the event")]
    Invalid(Vec<FieldError>),
    /// The event is not public yet: to a buyer it does not exist.
    #[error("there is no such event")]
    NoSuchEvent,
    /// Fewer places are left than were asked for. How many, [`Refusal::exactly`] says: not everybody may know.
    #[error("fewer places are left than were asked for")]
    SoldOut {
        /// Which ticket type ran out.
        ticket_type_id: TicketTypeId,
        /// How many places of its quota are free now.
        left: u32,
        /// How many were asked for.
        asked: u32,
    },
    /// These seats are held or sold.
    #[error("{} of the seats are taken", .0.len())]
    SeatsTaken(Vec<TakenSeat>),
    /// The event, or one of the ticket types, is not on sale now.
    #[error("{0}")]
    NotOnSale(&'static str),
    /// More, or fewer, than a booking or an account may have.
    #[error("{0}")]
    Limit(String),
    /// Asked too often, or too many of the account's holds ran out: wait. Without a time the rate limiter knows it.
    #[error("too much was asked for, or held and not booked, in a short time")]
    TooOften {
        /// When it may be tried again.
        retry_after: Option<Duration>,
    },
    /// The promo code can't be used for this.
    #[error(transparent)]
    PromoCode(#[from] PromoCodeError),
    /// It would cost less than can be paid.
    #[error(transparent)]
    BelowMinimum(#[from] BelowMinimum),
    /// The hold expired, was released, was booked already, or never was the account's.
    #[error("the hold has expired or is gone")]
    HoldGone,
    /// The hold can't be extended any more.
    #[error("the hold is as long as a hold of this event may be")]
    HoldAtCap,
    /// The booking waits for no payment.
    #[error("{0}")]
    NotConfirmable(&'static str),
    /// The booking can't be cancelled any more.
    #[error("{0}")]
    NotCancellable(&'static str),
    /// The key names another request of the same account.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The account of the token does not exist.
    #[error("the account does not exist")]
    AccountGone,
}

impl Refusal {
    /// The same for those who may know how many places are left.
    pub fn exactly(&self) -> String {
        match self {
            Self::SoldOut { left, asked, .. } => format!("only {left} of {asked} places are left"),
            other => other.to_string(),
        }
    }
}
