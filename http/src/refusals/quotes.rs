//! Error mapping of quotes.

use application::quotes::QuotingError;
use domain::{promo_codes::PromoCodeError, validation::FieldError};

use crate::{problem::Problem, problem_codes::Code};

impl From<QuotingError> for Problem {
    fn from(error: QuotingError) -> Self {
        match error {
            QuotingError::NotFound => Problem::not_found(),
            QuotingError::Invalid(errors) => Problem::invalid(errors),
            QuotingError::PromoCode(error) => promo_code(error),
            QuotingError::Limited(limited) => limited.into(),
            QuotingError::BelowMinimum(error) => Problem::new(Code::BelowMinimum).detail(error.to_string()),
            QuotingError::Broken(_) => Problem::internal(error),
            QuotingError::Repository(error) => error.into(),
        }
    }
}

fn promo_code(error: PromoCodeError) -> Problem {
    let errors = vec![FieldError::new("promoCode", error.code(), error.to_string())];
    Problem::new(Code::PromoCode).detail(error.to_string()).errors(errors)
}
