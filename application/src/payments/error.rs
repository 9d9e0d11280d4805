//! Why a payment was not begun, or not changed.

use std::time::Duration;

use actors::inventories::AskError;
use domain::{
    bookings::BookingStatus, ids::PaymentId, money::Money, repositories::RepositoryError, validation::FieldError,
};

#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// There is no such booking or payment, or it is another account's.
    #[error("not found")]
    NotFound,
    #[error("the request is not valid")]
    Invalid(Vec<FieldError>),
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The first request with this key has no answer yet.
    #[error("the first request with this key is still running")]
    StillRunning { retry_after: Duration },
    #[error("{0}")]
    NothingToPay(&'static str),
    /// The booking waits for no payment any more.
    #[error("the booking is {}", .0.as_str())]
    BookingOver(BookingStatus),
    /// The gateway says no, and has charged nothing.
    #[error("the payment gateway did not take the payment: {0}")]
    GatewayRefused(String),
    /// The gateway is not asked now.
    #[error("{reason}")]
    GatewayAway { reason: &'static str, retry_after: Duration },
    /// Of another attempt, money may be on its way.
    #[error("another attempt to pay the booking is in progress")]
    InProgress(PaymentId),
    #[error("the gateway takes {least} at least")]
    BelowMinimum { least: Money },
    /// The inventory, or something else of this server, is away.
    #[error("{reason}")]
    Unavailable { reason: String, retry_after: Duration },
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl From<AskError> for PaymentError {
    fn from(error: AskError) -> Self {
        let reason = error.to_string();
        let retry_after = match error {
            AskError::Overloaded { retry_after } | AskError::Unavailable { retry_after, .. } => retry_after,
            AskError::Denied(_) => Duration::from_secs(1),
        };
        Self::Unavailable { reason, retry_after }
    }
}
