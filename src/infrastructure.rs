//! The outside world: the only place that names its libraries.

pub mod passwords;
pub mod secret_file;
pub mod tokens;
