//! What a client is told when a repository fails.

use std::time::Duration;

use domain::repositories::RepositoryError;

use super::problem::Problem;

impl From<RepositoryError> for Problem {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Unavailable(_) => Problem::unavailable(Duration::from_secs(1), error),
            RepositoryError::Broken(_) => Problem::internal(error),
        }
    }
}
