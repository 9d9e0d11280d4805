//! How a repository fails.

/// Why a repository has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RepositoryError {
    /// It can't be reached now; a later try may succeed.
    #[error("the database is away: {0}")]
    Unavailable(String),
    /// It can't do it now, and nothing of what was to be changed is written: that is sure. A later try may succeed.
    #[error("the database is busy or away: {0}")]
    RolledBack(String),
    /// It can't take a value that came from the client, such as a text with a NUL character.
    #[error("the database can't take a value: {0}")]
    Data(String),
    /// It answered what this version does not expect.
    #[error("the database answered unexpectedly: {0}")]
    Broken(String),
}

/// Shorthand of every port.
pub type Found<T> = Result<T, RepositoryError>;
