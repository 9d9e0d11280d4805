//! What is called through a breaker, and what its answers say about it.

use std::time::Duration;

use domain::payments::gateway::GatewayError;
use strum::{AsRefStr, IntoStaticStr, VariantArray};

/// What this server calls. Each has a breaker, configured or not.
#[derive(AsRefStr, Clone, Copy, Debug, IntoStaticStr, PartialEq, Eq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Service {
    Payment,
    Email,
    /// Its clients watch it themselves (`store/src/redis.rs`): this breaker shows what they found, and nobody calls through it.
    Redis,
}

/// What the outcome of a call says about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It works, even if it has refused what the caller asked for.
    Answered,
    /// It failed.
    Failed,
    /// It is known to be down: the breaker opens at once.
    Down,
}

/// An error of a call, and whose fault it is.
pub trait ServiceError {
    fn outcome(&self) -> CallOutcome;
}

impl ServiceError for GatewayError {
    fn outcome(&self) -> CallOutcome {
        match self {
            // It works, and says no.
            Self::Refused { .. } => CallOutcome::Answered,
            Self::OutcomeUnknown(_) | Self::Unavailable(_) | Self::Misconfigured(_) => CallOutcome::Failed,
        }
    }
}

/// Why a call has no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The service was not asked, for it fails.
    #[error("the service fails and is left alone")]
    Open { retry_after: Duration },
    /// The service was not asked, for too many calls are under way.
    #[error("too many calls are under way")]
    Full,
    /// Perhaps the service has done what was asked.
    #[error("the service took too long")]
    TimedOut,
    #[error("{0}")]
    Failed(E),
}
