//! Error mapping of payments, and of the messages of gateways.

use application::payments::{PaymentError, messages::MessageError};
use domain::bookings::BookingStatus;

use crate::{problem::Problem, problem_codes::Code};

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::NotFound => Problem::not_found(),
            PaymentError::Invalid(errors) => Problem::invalid(errors),
            PaymentError::KeyReused => Problem::new(Code::IdempotencyKeyReused),
            PaymentError::StillRunning { retry_after } => {
                Problem::new(Code::IdempotencyInProgress).retry_after(retry_after)
            }
            PaymentError::NothingToPay(detail) => Problem::new(Code::NothingToPay).detail(detail),
            PaymentError::BookingOver(BookingStatus::Cancelled) => {
                Problem::new(Code::BookingOver).detail("the booking is cancelled")
            }
            PaymentError::BookingOver(_) => Problem::new(Code::BookingOver).detail("the booking was not paid in time"),
            PaymentError::GatewayRefused(_) => Problem::new(Code::PaymentRefused).detail(error.to_string()),
            PaymentError::GatewayAway { reason, retry_after } => {
                Problem::new(Code::PaymentAway).detail(reason).retry_after(retry_after)
            }
            PaymentError::InProgress(id) => Problem::new(Code::PaymentInProgress).payment(id),
            PaymentError::BelowMinimum { .. } => Problem::new(Code::BelowMinimum).detail(error.to_string()),
            PaymentError::Unavailable { reason, retry_after } => Problem::unavailable(retry_after, reason),
            PaymentError::Repository(error) => error.into(),
        }
    }
}

impl From<MessageError> for Problem {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::NoGateway => Problem::not_found(),
            MessageError::NotVerified(error) => Problem::new(Code::NotFromGateway).detail(error.to_string()),
            MessageError::Limited(limited) => limited.into(),
            MessageError::NotKept(reason) => Problem::internal(reason),
            MessageError::Repository(error) => error.into(),
        }
    }
}
