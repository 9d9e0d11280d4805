//! What operators see: logs and metrics (L1, L2).

pub mod context;
mod flood;
pub mod logs;
pub mod memory;
pub mod metrics;

pub use flood::REFUSALS;
