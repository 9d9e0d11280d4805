//! Error mapping of cancellations, refunds and payments by hand.

use application::{bookings::BookingError, cancellations::CancelError, manage::bookings::HandPaymentError};

use super::bookings::told_exactly;
use crate::{problem::Problem, problem_codes::Code};

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        let detail = error.to_string();
        match error {
            CancelError::Booking(error) => error.into(),
            CancelError::TooLate { allowed_until } => {
                Problem::new(Code::NotCancellable).detail(detail).allowed_until(allowed_until)
            }
            CancelError::Invalid(errors) => Problem::invalid(errors),
            CancelError::KeyReused => Problem::new(Code::IdempotencyKeyReused),
            CancelError::NothingLeft { .. } => Problem::new(Code::AboveLeft).detail(detail),
            CancelError::NotFailed => Problem::new(Code::RefundNotFailed),
        }
    }
}

impl From<HandPaymentError> for Problem {
    fn from(error: HandPaymentError) -> Self {
        match error {
            // Who manages an event may know how many places are left, whatever the site shows.
            HandPaymentError::Booking(BookingError::Refused(refusal)) => told_exactly(refusal),
            HandPaymentError::Booking(error) => error.into(),
            HandPaymentError::KeyReused => Problem::new(Code::IdempotencyKeyReused),
            HandPaymentError::InProgress(id) => Problem::new(Code::PaymentInProgress).payment(id),
            HandPaymentError::NothingToPay => Problem::new(Code::NothingToPay),
            HandPaymentError::Cancelled => Problem::new(Code::BookingOver).detail("the booking is cancelled"),
        }
    }
}
