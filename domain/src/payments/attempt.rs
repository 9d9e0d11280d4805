//! The state machine of a payment attempt, drawn in `docs/design/payments.md`.
//!
//! News of a gateway arrives late, twice and out of order. So a state only ever moves towards an end: `STARTED`, then `REQUIRES_ACTION`,
//! then `PROCESSING`, then one of the ends. News of what is past changes nothing, and money that has come counts whenever that is heard,
//! once.

use std::str::FromStr;

use super::UnknownPaymentState;
use crate::{bookings::BookingStatus, money::Money};

/// Where one attempt to pay a booking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaymentState {
    /// It is stored, and nobody knows yet whether the gateway has it. Clients see it as `PROCESSING`.
    Started,
    /// The payer has to do something: confirm, sign in at their bank, transfer the money.
    RequiresAction,
    /// The gateway is at it.
    Processing,
    /// The money has come.
    Succeeded,
    /// There will be no money from this attempt, the gateway says.
    Failed,
    /// There will be no money from this attempt, it was ended from here.
    Cancelled,
}

/// What is heard of an attempt, or done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaymentEvent {
    /// The gateway waits for the payer.
    ActionRequired,
    /// The same, when the booking waits for no payment any more. Nothing else would end such an attempt.
    ActionTooLate,
    /// The gateway is at it.
    Processing,
    Succeeded,
    Failed,
    /// The gateway has ended it, or was told to.
    Cancelled,
    /// It is sure that the gateway has no such payment (it refused to begin it, or was asked), and nobody waits for this attempt: its
    /// booking is over, or another attempt is to take its place.
    NeverBegun,
    /// Another attempt, or a payment by hand, is to take its place.
    Superseded,
    /// Its booking was cancelled.
    BookingCancelled,
    /// Its booking has run out of time.
    BookingExpired,
    /// The organizer says that the transferred money has come.
    PaidByHand,
}

/// What is to be done in the transaction that stores the new state, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentEffect {
    Nothing,
    /// The money goes where [`money_destination`] says, in the same transaction.
    MoneyCame,
    /// The gateway is told to take no money for it any more.
    CloseAtGateway,
    /// Nothing changes, and who asked is refused: money may be on its way.
    Refuse,
}

impl PaymentState {
    pub const ALL: [Self; 6] =
        [Self::Started, Self::RequiresAction, Self::Processing, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            shown => shown.shown(),
        }
    }

    /// The name that clients see.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Started | Self::Processing => "PROCESSING",
            Self::RequiresAction => "REQUIRES_ACTION",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether money may be on its way, so that no other attempt may begin.
    pub fn is_in_progress(self) -> bool {
        matches!(self, Self::Started | Self::Processing)
    }

    /// Whether nothing but money changes it.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The table of all transitions.
    pub fn on(self, event: PaymentEvent) -> (Self, PaymentEffect) {
        use PaymentEffect::{CloseAtGateway, MoneyCame, Nothing, Refuse};
        use PaymentEvent as On;
        match (self, event) {
            // Money counts once, and whatever was believed of the attempt.
            (Self::Succeeded, _) => (self, Nothing),
            (_, On::Succeeded) => (Self::Succeeded, MoneyCame),
            (Self::Failed | Self::Cancelled, _) => (self, Nothing),

            (Self::Started, On::ActionRequired) => (Self::RequiresAction, Nothing),
            (Self::RequiresAction | Self::Processing, On::ActionRequired) => (self, Nothing),
            (Self::Started | Self::RequiresAction, On::ActionTooLate) => (Self::Cancelled, CloseAtGateway),
            (Self::Processing, On::ActionTooLate) => (self, Nothing),
            (Self::Started | Self::RequiresAction | Self::Processing, On::Processing) => (Self::Processing, Nothing),

            // A payer's page that is still open could try again.
            (_, On::Failed) => (Self::Failed, CloseAtGateway),
            (_, On::Cancelled) => (Self::Cancelled, Nothing),

            (Self::Started, On::NeverBegun) => (Self::Cancelled, Nothing),
            (Self::RequiresAction | Self::Processing, On::NeverBegun) => (self, Nothing),

            (Self::RequiresAction, On::Superseded) => (Self::Cancelled, CloseAtGateway),
            (Self::Started | Self::Processing, On::Superseded) => (self, Refuse),

            (_, On::BookingCancelled) => (Self::Cancelled, CloseAtGateway),

            (Self::RequiresAction, On::BookingExpired) => (Self::Cancelled, CloseAtGateway),
            // What was begun in time may pay late.
            (Self::Started | Self::Processing, On::BookingExpired) => (self, Nothing),

            (Self::RequiresAction, On::PaidByHand) => (Self::Succeeded, MoneyCame),
            (Self::Started | Self::Processing, On::PaidByHand) => (self, Refuse),
        }
    }
}

impl FromStr for PaymentState {
    type Err = UnknownPaymentState;

    fn from_str(text: &str) -> Result<Self, UnknownPaymentState> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| UnknownPaymentState(text.to_owned()))
    }
}

/// Where money goes that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyDestination {
    /// It pays the booking.
    Confirm,
    /// The booking ran out of time: it is confirmed if its seats (in general admission, so many of its ticket types) and the use of its code
    /// can be had again, and otherwise the money goes back. Nobody is moved to other seats unasked.
    Reacquire,
    /// It pays for nothing and goes back: the booking is cancelled, or paid already, or costs another amount.
    Refund,
}

/// Where the money of an attempt goes, by what has become of its booking.
pub fn money_destination(booking: BookingStatus, charged: Money, total: Money) -> MoneyDestination {
    match booking {
        _ if charged != total => MoneyDestination::Refund,
        BookingStatus::PendingPayment => MoneyDestination::Confirm,
        BookingStatus::Expired => MoneyDestination::Reacquire,
        BookingStatus::Confirmed | BookingStatus::Cancelled => MoneyDestination::Refund,
    }
}
