//! The only place that names databases, files and other services.

pub mod embedded_postgres;
pub mod postgres;
