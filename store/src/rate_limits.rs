//! Limits: who asked how often, counted in this process and, with Redis, by all nodes together.

mod limiter;
mod shared;
mod table;

pub use limiter::{Limiter, LimiterSettings};
pub use shared::SharedCounts;
