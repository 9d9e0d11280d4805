//! Requests to the gateway: in turn, through its breaker, within a time.

use std::{future::Future, time::Duration};

use actors::breakers::{CallError, Service};
use domain::{jobs::JobError, payments::gateway::GatewayError, repositories::RepositoryError};
use tokio::time::timeout;

use crate::app::App;

/// When something that is away is tried again.
pub(super) const AWAY: Duration = Duration::from_secs(5);
/// When an operator may have put it right.
pub(crate) const WRONG: Duration = Duration::from_secs(60);

/// Added to what the gateway's own client allows a request: its error says more than silence.
const MARGIN: Duration = Duration::from_millis(500);

/// Asks the gateway through its breaker. No database connection is held meanwhile. `requests` is how many requests it may take.
pub(crate) async fn ask<T>(
    app: &App,
    requests: u32,
    work: impl Future<Output = Result<T, GatewayError>>,
) -> Result<T, CallError<GatewayError>> {
    // A sale that begins has many pay at once. They wait for a moment rather than being refused, and keep no connection of the database.
    let turn = timeout(app.payments.timeout, app.payments.turns.acquire()).await;
    let _turn = turn.ok().and_then(Result::ok).ok_or(CallError::Full)?;
    let time_limit = app.payments.timeout * requests + MARGIN;
    app.breakers.of(Service::Payment).call(time_limit, work).await
}

/// Whether it is sure that nothing was charged.
pub(super) fn is_harmless(error: &CallError<GatewayError>) -> bool {
    match error {
        CallError::Open { .. } | CallError::Full => true,
        CallError::TimedOut => false,
        CallError::Failed(error) => error.is_harmless(),
    }
}

/// What a job says that can't reach the database.
pub(crate) fn away(error: RepositoryError) -> JobError {
    match error {
        RepositoryError::Unavailable(_) | RepositoryError::RolledBack(_) => {
            JobError::Postponed { reason: error.to_string(), wait: AWAY }
        }
        RepositoryError::Data(_) | RepositoryError::Broken(_) => JobError::Failed(error.to_string()),
    }
}

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
