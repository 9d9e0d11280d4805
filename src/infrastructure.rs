//! The outside world: the only place that names its libraries.

pub mod email;
pub mod embedded_postgres;
pub mod limits;
pub mod passwords;
pub mod postgres;
pub mod secret_file;
pub mod tokens;
