//! The outside world: the only place that names its libraries.

pub mod passwords;
pub mod postgres;
pub mod tokens;
