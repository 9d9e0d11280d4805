//! The outside world: the only place that names its libraries.

pub mod cache;
pub mod email;
pub mod embedded_postgres;
pub mod limits;
pub mod passwords;
pub mod postgres;
mod redis;
pub mod secret_file;
pub mod tokens;
