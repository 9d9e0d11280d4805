//! The way of decisions into the ledger.

pub mod commit;
pub mod open_batch;
pub mod probe;
pub mod pulse;
pub mod writer;

use std::{future::Future, time::Duration};

use domain::ledger::LoadError;

/// Waits for the answer to a `call` of the ledger for so long at most. A call that is given up is dropped, and with it its
/// connection: an answer that never comes costs one deadline and nothing else.
pub(crate) async fn within<T>(max: Duration, call: impl Future<Output = Result<T, LoadError>>) -> Result<T, LoadError> {
    match tokio::time::timeout(max, call).await {
        Ok(result) => result,
        Err(_) => Err(LoadError::Unavailable(format!("no answer within {max:?}"))),
    }
}
