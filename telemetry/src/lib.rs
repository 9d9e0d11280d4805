//! What operators see: logs and metrics.

pub mod context;
mod flood;
pub mod logs;
pub mod memory;
pub mod metrics;

pub use flood::REFUSALS;
