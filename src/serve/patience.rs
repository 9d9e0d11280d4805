//! Steps of the start that need the database: repeated while it is away, given up when waiting does not help.

use std::{future::Future, time::Duration};

use boxoffice_store::postgres::errors::{ErrorClass, StoreError, classify};
use domain::backoff::Backoff;
use tokio::time::sleep;

const WAITS: Backoff = Backoff::doubling(Duration::from_millis(100), Duration::from_secs(5));

/// Takes a step, again and again with back-off, while the database is away, starts, has no connection to give,
/// is read-only until it is promoted, or somebody else's lock or transaction is in the way. Any other failure is final: a wrong password, a schema that is not ours.
pub(super) async fn while_away<T, F>(step: &'static str, mut attempt: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let mut tries = 0;
    loop {
        let error = match attempt().await {
            Err(error) if passes(&error) => error,
            result => return result,
        };
        tries += 1;
        let pause = WAITS.after(tries);
        tracing::warn!(step, error = format!("{error:#}"), waitMs = pause.as_millis() as u64, "the database is away");
        sleep(pause).await;
    }
}

/// Whether one of the reasons of an error passes by itself.
fn passes(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let by_store = cause.downcast_ref::<StoreError>().is_some_and(StoreError::passes);
        let by_driver = |error: &tokio_postgres::Error| classify(error) == ErrorClass::Passing;
        by_store || cause.downcast_ref::<tokio_postgres::Error>().is_some_and(by_driver)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use anyhow::Context;

    use super::*;

    fn away() -> anyhow::Error {
        StoreError::Deadline(Duration::from_secs(1)).into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_is_repeated_while_the_database_is_away_and_no_longer() {
        let tries = AtomicU32::new(0);
        let tried = || tries.fetch_add(1, Ordering::Relaxed) + 1;
        let done = while_away("test", async || if tried() < 20 { Err(away()).context("a step") } else { Ok(7) }).await;
        assert_eq!((done.unwrap(), tries.load(Ordering::Relaxed)), (7, 20));
        let wrong = || StoreError::Row("what no wait makes right".to_owned());
        assert!(while_away("test", async || Err::<(), _>(wrong().into())).await.is_err());
    }
}
