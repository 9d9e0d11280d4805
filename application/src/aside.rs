//! CPU-bound work of more than a millisecond, away from the threads that answer everybody: such a thread leaves all its
//! connections alone for as long as it computes.

use std::panic::resume_unwind;

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
};

/// So many at once; others wait for their turn. More would take the machine from anyone who waits for an answer.
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

/// How much of one kind of large work is under way: what it keeps in memory, it keeps so many times. Those above that wait, and of
/// these there is an end, too: work that nobody will wait for any more is better refused before it has begun.
#[derive(Debug)]
pub struct Bound {
    running: Semaphore,
    admitted: Semaphore,
}

/// Too much is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too much of this work is under way")]
pub struct ThreadsBusy;

/// A place in a [`Bound`]. It goes along with the work.
#[derive(Debug)]
pub struct Place {
    _running: SemaphorePermit<'static>,
    _admitted: SemaphorePermit<'static>,
}

impl Bound {
    /// For so many at once, while so many more wait.
    pub const fn new(running: usize, waiting: usize) -> Self {
        Self { running: Semaphore::const_new(running), admitted: Semaphore::const_new(running + waiting) }
    }

    /// A place, when it is one's turn; nothing, at once, if too many wait already.
    pub async fn place(&'static self) -> Result<Place, ThreadsBusy> {
        let admitted = self.admitted.try_acquire().map_err(|_| ThreadsBusy)?;
        // Never closed.
        let running = self.running.acquire().await.map_err(|_| ThreadsBusy)?;
        Ok(Place { _running: running, _admitted: admitted })
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

    /// Guards: both semaphores, and that a place that is given up is free again.
    #[tokio::test]
    async fn so_many_run_so_many_wait_and_the_rest_is_refused() {
        static BOUND: Bound = Bound::new(1, 1);
        let first = BOUND.place().await.unwrap();
        let mut second = Box::pin(BOUND.place());
        assert!(futures_util::poll!(&mut second).is_pending());
        assert_eq!(BOUND.place().await.err(), Some(ThreadsBusy));
        drop(first);
        let second = second.await.unwrap();
        let given_up = Box::pin(BOUND.place());
        drop(given_up);
        drop(second);
        BOUND.place().await.unwrap();
    }

    #[tokio::test]
    #[should_panic(expected = "on purpose")]
    async fn a_panic_is_the_callers() {
        aside(|| panic!("on purpose")).await
    }
}
