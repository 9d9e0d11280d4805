//! Error mapping of accounts, sign-in and sessions.

use std::time::Duration;

use application::{accounts::AccountError, app::HashingError};
use domain::administration::ChangeAccountError;

use crate::{problem::Problem, problem_codes::Code};

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::WrongCredentials => Problem::new(Code::WrongCredentials),
            AccountError::WrongPassword => Problem::new(Code::WrongPassword),
            AccountError::Suspended => Problem::new(Code::Suspended),
            AccountError::SessionOver => Problem::new(Code::SessionOver),
            AccountError::LinkDead => Problem::new(Code::LinkDead),
            AccountError::Invalid(error) => Problem::invalid(vec![error]),
            AccountError::Limited(limited) => limited.into(),
            AccountError::NotFound => Problem::not_found(),
            AccountError::Hashing(HashingError::Overloaded) | AccountError::Busy(_) | AccountError::Overtaken => {
                Problem::unavailable(Duration::from_secs(1), error)
            }
            AccountError::Token(_) | AccountError::Hashing(HashingError::Broken(_)) => Problem::internal(error),
            AccountError::Repository(error) => error.into(),
        }
    }
}

impl From<ChangeAccountError> for Problem {
    fn from(error: ChangeAccountError) -> Self {
        match error {
            ChangeAccountError::NotFound => Problem::not_found(),
            ChangeAccountError::Changed => Problem::new(Code::ChangedMeanwhile),
            ChangeAccountError::LastAdministrator => Problem::new(Code::LastAdministrator),
            ChangeAccountError::Repository(error) => error.into(),
        }
    }
}
