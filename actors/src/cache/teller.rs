//! Cache invalidation, sending: tells the shared cache what has changed, at once for changes of this node, and soon for
//! those that another one did not tell because it died or can't reach Redis.
//!
//! Each change is written down by the transaction that makes it, and stays there until somebody has told it. A node that finds one that is
//! overdue does, and does not look into the shared cache before. So nothing depends on the memory of one process, and a node that alone
//! has lost the shared cache leaves nobody with old answers.

use std::{sync::Arc, time::Duration};

use domain::cache::{Change, SharedCache, WRITTEN_KEPT, WRITTEN_MAX, Written, WrittenChanges};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::timeout;

use super::{Cache, door::TellerMessage};
use crate::later::send_later;

/// Waits between two tries to tell a shared cache that does not answer.
const TELL_WAIT_MIN: Duration = Duration::from_millis(50);
const TELL_WAIT_MAX: Duration = Duration::from_millis(500);
/// What is written down and not told for so long, the node that made it may never tell. Longer than that usually takes, so that nothing is
/// told twice.
const OVERDUE: Duration = Duration::from_secs(1);
/// Between two looks for what is overdue. With the former it bounds how long others may show what a node has changed and not told.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// For the database to say what is written down. What this node has changed itself is told without, later.
const READ_MAX: Duration = Duration::from_millis(250);

/// See the module's page. What it has not told lies in the cache and in the database, and outlives it.
pub(super) struct Teller {
    pub(super) cache: Cache,
    pub(super) shared: Arc<dyn SharedCache>,
    pub(super) written: Option<Arc<dyn WrittenChanges>>,
}

impl Teller {
    /// Tells all that is to be told. False when the shared cache does not answer: telling twice is harmless.
    async fn tell(&self) -> bool {
        let untold = &self.cache.0.untold;
        loop {
            // What is found before the telling is told by it.
            let written = self.read(Duration::ZERO).await.unwrap_or_default();
            self.take_over(&written);
            for change in untold.begin() {
                if self.shared.tell(&change).await.is_err() {
                    return false;
                }
            }
            untold.end();
            if !self.note_told(&written).await && written.len() >= WRITTEN_MAX {
                // Else the same would be told again and again.
                return false;
            }
            if !untold.any() && written.len() < WRITTEN_MAX {
                return true;
            }
        }
    }

    /// What is written down and not told for longer than `age`; `None` when that can't be known now.
    async fn read(&self, age: Duration) -> Option<Vec<Written>> {
        let written = self.written.as_ref()?;
        match timeout(READ_MAX, written.untold(age)).await {
            Ok(Ok(found)) => Some(found),
            Ok(Err(error)) => {
                tracing::debug!(%error, "which changes nobody has told can't be read now");
                None
            }
            Err(_) => None,
        }
    }

    /// Takes in what others have changed. What is to be told anyway may be this node's own, which has seen it.
    fn take_over(&self, written: &[Written]) {
        for Written { change, .. } in written {
            if !self.cache.0.untold.include(change) {
                self.cache.0.book.totals.changes_elsewhere.up();
                self.cache.take_over(change.clone());
            }
        }
    }

    /// Whether it could be noted that these were told. What is not, somebody tells once more.
    async fn note_told(&self, told: &[Written]) -> bool {
        let Some(written) = self.written.as_ref().filter(|_| !told.is_empty()) else { return true };
        let ids: Vec<i64> = told.iter().map(|change| change.id).collect();
        let noted = matches!(timeout(READ_MAX, written.told(&ids)).await, Ok(Ok(())));
        if !noted {
            tracing::debug!(changes = ids.len(), "that changes were told can't be noted now");
        }
        noted
    }

    /// Whether something is overdue, or may have been forgotten meanwhile.
    async fn is_overdue(&self) -> bool {
        let Some(overdue) = self.read(OVERDUE).await else { return false };
        let unseen = self.cache.note_looked();
        if unseen.is_some_and(|unseen| unseen > WRITTEN_KEPT.unsigned_abs() / 2) {
            self.cache.take_over(Change::Everything);
        }
        self.take_over(&overdue);
        self.cache.0.untold.any()
    }
}

impl Actor for Teller {
    type Msg = TellerMessage;
    /// The wait before the next try; `None` when none is due.
    type State = Option<Duration>;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        // A hint to the predecessor is lost with it.
        myself.cast(TellerMessage::Hint)?;
        if self.written.is_some() {
            myself.cast(TellerMessage::Look)?;
        }
        Ok(None)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        wait: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        // While the shared cache is away, only the timer tries. Nothing is looked for there meanwhile.
        let is_due = match message {
            TellerMessage::Hint => {
                self.cache.0.door.teller.looks();
                wait.is_none()
            }
            TellerMessage::Again => true,
            TellerMessage::Look => {
                send_later(&myself, LOOK_EVERY, TellerMessage::Look);
                wait.is_none() && self.is_overdue().await
            }
        };
        if !is_due {
            return Ok(());
        }
        *wait = if self.tell().await {
            None
        } else {
            let next = wait.map_or(TELL_WAIT_MIN, |last| (last * 2).min(TELL_WAIT_MAX));
            send_later(&myself, next, TellerMessage::Again);
            Some(next)
        };
        Ok(())
    }
}
