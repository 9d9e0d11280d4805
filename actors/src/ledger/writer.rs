//! A ledger writer: collects the batches that arrive while one group commits, and then commits them as the next group.
//!
//! No timers: a group goes as soon as the writer is free, so a lone booking waits for nobody and a storm makes its own
//! large groups. The batches of one event always go through the same writer, one after the other.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use domain::ledger::{EventBatch, Ledger};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::{sync::watch, time::Instant};

use super::commit::{BatchFailure, BatchOutcome, commit_group};
use crate::{inventory::InventoryMessage, metrics::engine, notice::Notice};

/// Most entries in one transaction. Larger groups gain nothing more and make neighbours wait.
const GROUP_ENTRIES_MAX: usize = 4096;

/// A batch on its way, with the notice of what becomes of it: a writer that dies never leaves an inventory waiting.
pub struct Submission {
    batch: EventBatch,
    receipt: Notice<InventoryMessage>,
}

impl Submission {
    /// `batch` of `inventory`.
    pub fn new(batch: EventBatch, inventory: ActorRef<InventoryMessage>) -> Self {
        let lost = BatchFailure::Lost("the ledger writer died".to_owned());
        let lost = InventoryMessage::Committed(BatchOutcome::Failed(lost));
        Self { batch, receipt: Notice::new(inventory, lost) }
    }

    fn len(&self) -> usize {
        self.batch.entries.len()
    }
}

/// What a writer can be told.
pub enum WriterMessage {
    /// Commit this batch with the next group.
    Submit(Box<Submission>),
    /// The group under way is done.
    Free,
}

/// See the module's page.
pub struct LedgerWriter<L> {
    ledger: Arc<L>,
    /// Becomes true when the ledger says that this node's session has ended.
    fenced: watch::Sender<bool>,
}

/// State of a [`LedgerWriter`].
#[derive(Default)]
pub struct WriterState {
    waiting: VecDeque<Box<Submission>>,
    busy: bool,
}

impl<L: Ledger> LedgerWriter<L> {
    /// Writes to `ledger`, and says by `fenced` when it may not any more.
    pub fn new(ledger: Arc<L>, fenced: watch::Sender<bool>) -> Self {
        Self { ledger, fenced }
    }

    fn start_group(&self, myself: &ActorRef<WriterMessage>, state: &mut WriterState) {
        let (mut batches, mut receipts, mut entries) = (Vec::new(), Vec::new(), 0);
        let mut events = HashSet::new();
        while let Some(next) = state.waiting.front() {
            if entries > 0 && entries + next.len() > GROUP_ENTRIES_MAX {
                break;
            }
            // A killed inventory's batch and its successor's build on the same version: in one transaction the ledger
            // could not tell that one of them is stale.
            if !events.insert(next.batch.event_id) {
                break;
            }
            entries += next.len();
            if let Some(submission) = state.waiting.pop_front() {
                let Submission { batch, receipt } = *submission;
                batches.push(batch);
                receipts.push(receipt);
            }
        }
        let metrics = engine();
        metrics.queued_entries.decrement(entries as f64);
        state.busy = !batches.is_empty();
        if batches.is_empty() {
            return;
        }
        metrics.batch_entries.record(entries as f64);
        let (ledger, fenced) = (self.ledger.clone(), self.fenced.clone());
        let free = Notice::new(myself.clone(), WriterMessage::Free);
        tokio::spawn(async move {
            let began = Instant::now();
            let outcomes = commit_group(&*ledger, batches).await;
            metrics.commit_seconds.record(began.elapsed());
            slow_commit(began.elapsed(), entries);
            if outcomes.contains(&BatchOutcome::Failed(BatchFailure::Fenced)) {
                fenced.send_replace(true);
            }
            // The next group starts before the answers are spread: its round trip overlaps their wake-ups.
            drop(free);
            for (receipt, outcome) in receipts.into_iter().zip(outcomes) {
                receipt.say(InventoryMessage::Committed(outcome));
            }
        });
    }
}

fn slow_commit(elapsed: Duration, entries: usize) {
    if elapsed > Duration::from_secs(1) {
        tracing::warn!(entries, durationMs = elapsed.as_millis() as u64, "slow ledger commit");
    }
}

impl<L: Ledger> Actor for LedgerWriter<L> {
    type Msg = WriterMessage;
    type State = WriterState;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        Ok(WriterState::default())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            WriterMessage::Submit(submission) => {
                engine().queued_entries.increment(submission.len() as f64);
                state.waiting.push_back(submission);
            }
            WriterMessage::Free => state.busy = false,
        }
        if !state.busy {
            self.start_group(&myself, state);
        }
        Ok(())
    }
}
