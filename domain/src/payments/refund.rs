//! The state machine of a refund, drawn in `docs/design/payments.md`.

use std::str::FromStr;

use super::UnknownPaymentState;

/// Where a refund is. It moves in this order only, so news that is late, repeated or out of order changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefundState {
    /// It is stored. The gateway is asked until it answers, under one idempotency key.
    Pending,
    /// The gateway has sent the money.
    Succeeded,
    /// The money did not arrive, which banks also say days after it was sent. What is owed is paid by another refund.
    Failed,
}

impl RefundState {
    pub const ALL: [Self; 3] = [Self::Pending, Self::Succeeded, Self::Failed];

    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }

    /// The state after the gateway has told that it is in `told`.
    pub fn on(self, told: Self) -> Self {
        self.max(told)
    }
}

impl FromStr for RefundState {
    type Err = UnknownPaymentState;

    fn from_str(text: &str) -> Result<Self, UnknownPaymentState> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| UnknownPaymentState(text.to_owned()))
    }
}

/// What money goes back for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundCause {
    /// Tickets were cancelled.
    Tickets,
    /// The organizer gives an amount back and cancels nothing.
    Amount,
    /// The money paid for nothing: its booking had no places any more, or was paid already.
    Unneeded,
}

impl RefundCause {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tickets => "TICKETS",
            Self::Amount => "AMOUNT",
            Self::Unneeded => "UNNEEDED",
        }
    }

    /// Whether the money is owed when the refund fails. An amount that an organizer gives of their own accord is not.
    pub fn is_owed(self) -> bool {
        matches!(self, Self::Tickets | Self::Unneeded)
    }
}

impl FromStr for RefundCause {
    type Err = UnknownPaymentState;

    fn from_str(text: &str) -> Result<Self, UnknownPaymentState> {
        let known = [Self::Tickets, Self::Amount, Self::Unneeded].into_iter().find(|cause| cause.as_str() == text);
        known.ok_or_else(|| UnknownPaymentState(text.to_owned()))
    }
}
