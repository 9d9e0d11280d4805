//! Computations of more than a millisecond, away from the threads that answer everybody: each of these is away from all its
//! connections for as long as it computes.

use std::panic::resume_unwind;

use tokio::{sync::Semaphore, task::spawn_blocking};

/// So many at once; others wait for their turn. More would take the machine from whoever waits for an answer.
static TURNS: Semaphore = Semaphore::const_new(2);

/// The result of `work`, done on another thread. Small work is better done at once: to hand it over costs some 20 µs.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // Never closed.
    let turn = TURNS.acquire().await;
    let done = spawn_blocking(move || {
        // It goes along: a caller that gives up does not make the computation end.
        let _turn = turn;
        work()
    });
    match done.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The process ends: nobody waits for an answer any more.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Guards: this test has one thread, and the work ends only because that goes on meanwhile.
    #[tokio::test]
    async fn others_go_on_meanwhile() {
        let (give, take) = mpsc::channel();
        let (sum, ()) = tokio::join!(aside(move || take.recv().unwrap() + 1), async { give.send(41).unwrap() });
        assert_eq!(sum, 42);
    }

    #[tokio::test]
    #[should_panic(expected = "on purpose")]
    async fn a_panic_is_the_callers() {
        aside(|| panic!("on purpose")).await
    }
}
