//! Requests to the gateway: in turn, through its breaker, within a time.

use std::{future::Future, time::Duration};

use actors::breakers::{CallError, Service};
use domain::payments::gateway::GatewayError;
use tokio::time::timeout;

use crate::app::App;

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
