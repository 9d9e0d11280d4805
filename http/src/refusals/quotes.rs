//! Error mapping of quotes.

use application::quotes::QuotingError;

use crate::problem::Problem;

impl From<QuotingError> for Problem {
    fn from(error: QuotingError) -> Self {
        match error {
            QuotingError::NotFound => Problem::not_found(),
            QuotingError::Invalid(errors) => Problem::invalid(errors),
            QuotingError::Broken(_) => Problem::internal(error),
            QuotingError::Repository(error) => error.into(),
        }
    }
}
