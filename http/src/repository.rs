//! Error mapping of repositories.

use std::time::Duration;

use domain::repositories::RepositoryError;

use super::{problem::Problem, problem_codes::Code};

/// Fail-overs and locks take seconds, and so does a restart.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl From<RepositoryError> for Problem {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Unavailable(_) | RepositoryError::RolledBack(_) => {
                Problem::unavailable(RETRY_AFTER, error)
            }
            RepositoryError::Data(_) => Problem::new(Code::Invalid).caused_by(error),
            RepositoryError::Broken(_) => Problem::internal(error),
        }
    }
}
