//! Accounts over HTTP.

pub mod admin;
pub mod credentials;
pub(super) mod docs;
mod dto;
pub mod public;
pub mod sessions;

use std::time::Duration;

use crate::{
    application::{accounts::AccountError, app::HashingError},
    presentation::{catalogue::Code, problem::Problem},
};

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
