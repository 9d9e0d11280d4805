//! When a job that could not be done is tried again.

use std::time::Duration;

use actors::breakers::CallError;
use domain::{jobs::JobError, payments::gateway::GatewayError};

/// When something that is away is tried again.
pub(super) const AWAY: Duration = Duration::from_secs(5);
/// When an operator may have put it right.
pub(crate) const WRONG: Duration = Duration::from_secs(60);

/// The gateway was not asked, or gave no answer. What it refuses, it refuses for a reason that may be gone the next time.
pub(crate) fn unanswered(error: CallError<GatewayError>) -> JobError {
    let (reason, wait) = match error {
        CallError::Open { retry_after } => ("the gateway is left alone".to_owned(), retry_after),
        CallError::Full => ("too much is asked of the gateway".to_owned(), Duration::from_secs(1)),
        CallError::TimedOut => ("the gateway took too long".to_owned(), AWAY),
        CallError::Failed(error @ GatewayError::Refused { .. }) => return JobError::Failed(error.to_string()),
        CallError::Failed(error @ GatewayError::Misconfigured(_)) => {
            tracing::error!(%error, "the payment gateway refuses everything");
            (error.to_string(), WRONG)
        }
        CallError::Failed(error) => (error.to_string(), AWAY),
    };
    JobError::Postponed { reason, wait }
}
