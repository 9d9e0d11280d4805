//! Rate limiting: counts in this process and, with Redis, of all nodes together.

mod limiter;
mod shared;
mod table;

pub use limiter::{Limiter, LimiterSettings};
pub use shared::SharedCounts;
