//! Limits (C3, C4): who asked how often, counted in this process and, with Redis, by all nodes together.

mod limiter;
mod outbound;
mod shared;
mod table;

pub use limiter::{Limiter, LimiterSettings};
pub use outbound::OutboundLimit;
pub use shared::SharedCounts;
