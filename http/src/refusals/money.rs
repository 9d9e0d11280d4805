//! Error mapping of cancellations and refunds.

use application::cancellations::CancelError;

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
