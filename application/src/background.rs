//! Background tasks after an answer, so that the time of the answer tells nothing about the work (timing side channel).

use std::{future::Future, sync::Arc};

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Most at once; each may hold a connection to the database.
const CONCURRENCY_MAX: usize = 4;
/// Most that wait or run.
const ADMITTED_MAX: usize = 256;

/// Too much is left to do already.
#[derive(Debug, thiserror::Error)]
#[error("too much is waiting to be done in the background")]
pub struct Busy;

/// Runs what is left to do.
#[derive(Clone, Debug)]
pub struct Background {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Default for Background {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(CONCURRENCY_MAX)),
            admitted: Arc::new(Semaphore::new(ADMITTED_MAX)),
            tasks: TaskTracker::new(),
        }
    }
}

impl Background {
    /// Takes on `work`, or refuses before anything is promised. What fails, `work` logs itself.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<(), Busy> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| Busy)?;
        let running = Arc::clone(&self.running);
        self.tasks.spawn(async move {
            // Never closed.
            let _running = running.acquire_owned().await;
            work.await;
            drop(admitted);
        });
        Ok(())
    }

    /// Waits until all is done; for a shutdown, when nobody adds anything any more.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Guards: both bounds, and that a shutdown waits.
    #[tokio::test]
    async fn work_is_bounded_and_waited_for() {
        let background = Background::default();
        let (begun, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new(Semaphore::new(0));
        let work = || {
            let (gate, begun, done) = (gate.clone(), begun.clone(), done.clone());
            async move {
                begun.fetch_add(1, Ordering::Relaxed);
                let _pass = gate.acquire().await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        };
        for _ in 0..ADMITTED_MAX {
            background.spawn(work()).unwrap();
        }
        assert!(background.spawn(work()).is_err());
        // On this runtime's only thread: each task goes as far as it gets.
        for _ in 0..ADMITTED_MAX {
            tokio::task::yield_now().await;
        }
        assert_eq!(begun.load(Ordering::Relaxed), CONCURRENCY_MAX);
        gate.add_permits(1);
        background.finish().await;
        assert_eq!(done.load(Ordering::Relaxed), ADMITTED_MAX);
        assert!(background.spawn(async {}).is_ok(), "room is given back");
    }
}
