//! What all inventories of a node share: the clock, the turns at loading, and the budget of remembered keys.

use std::sync::Arc;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::keys::KeyBudget;
use crate::clock::LedgerClock;

/// Most inventories that are loaded at once. More would not be faster together, and what they read competes with commits for the
/// database.
pub const LOADS_MAX: usize = 2;

/// See the module's page. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedParts {
    /// The database's clock.
    pub clock: Arc<LedgerClock>,
    /// Whose turn it is to be loaded.
    pub(crate) loads: LoadTurns,
    pub(crate) keys: Arc<KeyBudget>,
}

impl Default for SharedParts {
    fn default() -> Self {
        Self { clock: Arc::default(), loads: LoadTurns::new(LOADS_MAX), keys: Arc::default() }
    }
}

/// Bounds how many inventories are loaded at once. Those that somebody asks for come before those that are woken because something
/// will expire there: of the latter one at most is in the queue.
#[derive(Clone, Debug)]
pub(crate) struct LoadTurns {
    all: Arc<Semaphore>,
    woken: Arc<Semaphore>,
}

/// The right to load, given back when dropped.
pub(crate) struct LoadTurn {
    _all: Option<OwnedSemaphorePermit>,
    _woken: Option<OwnedSemaphorePermit>,
}

impl LoadTurns {
    pub(crate) fn new(at_once: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(at_once)), woken: Arc::new(Semaphore::new(1)) }
    }

    /// Waits for a turn. `asked` is notified when somebody asks for the inventory.
    pub(crate) async fn wait(&self, asked: &Notify) -> LoadTurn {
        let woken = tokio::select! {
            biased;
            () = asked.notified() => None,
            turn = self.woken.clone().acquire_owned() => turn.ok(),
        };
        // An error means that the semaphore was closed, which nobody does.
        LoadTurn { _all: self.all.clone().acquire_owned().await.ok(), _woken: woken }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn is_asked() -> Arc<Notify> {
        let asked = Arc::new(Notify::new());
        asked.notify_one();
        asked
    }

    /// Guards: the turn of those that are woken.
    #[tokio::test(start_paused = true)]
    async fn woken_inventories_do_not_keep_asked_ones_waiting() {
        let turns = LoadTurns::new(1);
        let first = turns.wait(&is_asked()).await;
        let woken: Vec<_> = (0..100)
            .map(|_| {
                let turns = turns.clone();
                tokio::spawn(async move {
                    let turn = turns.wait(&Notify::new()).await;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    drop(turn);
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(1)).await;
        let asking = turns.clone();
        let asked = tokio::spawn(async move { drop(asking.wait(&is_asked()).await) });
        tokio::time::sleep(Duration::from_millis(1)).await;
        drop(first);
        asked.await.unwrap();
        let done = woken.iter().filter(|task| task.is_finished()).count();
        assert!(done <= 1, "{done} came before");
        for task in woken {
            task.await.unwrap();
        }
    }

    /// Guards: somebody who asks for an inventory that waits among the woken ones.
    #[tokio::test(start_paused = true)]
    async fn who_is_asked_for_leaves_the_queue_of_the_woken() {
        let turns = LoadTurns::new(2);
        let before = turns.wait(&Notify::new()).await;
        let (asked, waiting) = (Arc::new(Notify::new()), turns.clone());
        let told = asked.clone();
        let task = tokio::spawn(async move { drop(waiting.wait(&told).await) });
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(!task.is_finished());
        asked.notify_one();
        task.await.unwrap();
        drop(before);
    }
}
