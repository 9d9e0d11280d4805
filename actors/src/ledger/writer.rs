//! A ledger writer: collects the batches that arrive while one group commits, and then commits them as the next group.
//!
//! No timers: a group goes as soon as the writer is free, so a lone booking waits for nobody and a storm makes its own
//! large groups. The batches of one event always go through the same writer, one after the other.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use domain::{
    ids::EventId,
    ledger::{EventBatch, Ledger},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::Instant;

use super::commit::{BatchFailure, BatchOutcome, commit_group};
use crate::{inventory::InventoryMessage, metrics::engine};

/// Most entries in one transaction. Larger groups gain nothing more and make neighbours wait.
const GROUP_ENTRIES_MAX: usize = 4096;

/// A batch on its way. When it is dropped without an answer, the inventory hears that the outcome is unknown: a writer that
/// dies never leaves an inventory waiting.
pub struct Submission {
    batch: Option<EventBatch>,
    inventory: ActorRef<InventoryMessage>,
}

impl Submission {
    /// `batch` of `inventory`.
    pub fn new(batch: EventBatch, inventory: ActorRef<InventoryMessage>) -> Self {
        Self { batch: Some(batch), inventory }
    }

    fn event(&self) -> Option<EventId> {
        self.batch.as_ref().map(|batch| batch.event_id)
    }

    fn len(&self) -> usize {
        self.batch.as_ref().map_or(0, |batch| batch.entries.len())
    }
}

/// Tells the inventory what became of its batch, at the latest when dropped.
struct Receipt(Option<ActorRef<InventoryMessage>>);

impl Receipt {
    fn answer(mut self, outcome: BatchOutcome) {
        if let Some(inventory) = self.0.take() {
            // A dead inventory needs no answer: its successor starts from the ledger.
            let _ = inventory.cast(InventoryMessage::Committed(outcome));
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(inventory) = self.0.take() {
            let failure = BatchFailure::Lost("the ledger writer died".to_owned());
            let _ = inventory.cast(InventoryMessage::Committed(BatchOutcome::Failed(failure)));
        }
    }
}

impl Drop for Submission {
    fn drop(&mut self) {
        if self.batch.take().is_some() {
            drop(Receipt(Some(self.inventory.clone())));
        }
    }
}

/// What a writer can be told.
pub enum WriterMessage {
    /// Commit this batch with the next group.
    Submit(Submission),
    /// The group under way is done.
    Free,
}

/// See the module's page.
pub struct LedgerWriter<L> {
    ledger: Arc<L>,
}

/// State of a [`LedgerWriter`].
#[derive(Default)]
pub struct WriterState {
    waiting: VecDeque<Submission>,
    busy: bool,
}

impl<L: Ledger> LedgerWriter<L> {
    /// Writes to `ledger`.
    pub fn new(ledger: Arc<L>) -> Self {
        Self { ledger }
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
            if next.event().is_some_and(|event| !events.insert(event)) {
                break;
            }
            entries += next.len();
            if let Some(mut submission) = state.waiting.pop_front()
                && let Some(batch) = submission.batch.take()
            {
                batches.push(batch);
                receipts.push(Receipt(Some(submission.inventory.clone())));
            }
        }
        let metrics = engine();
        metrics.queued_entries.decrement(entries as f64);
        state.busy = !batches.is_empty();
        if batches.is_empty() {
            return;
        }
        metrics.batch_entries.record(entries as f64);
        let (ledger, free) = (self.ledger.clone(), Free(myself.clone()));
        tokio::spawn(async move {
            let began = Instant::now();
            let outcomes = commit_group(&*ledger, batches).await;
            metrics.commit_seconds.record(began.elapsed());
            slow_commit(began.elapsed(), entries);
            // The next group starts before the answers are spread: its round trip overlaps their wake-ups.
            drop(free);
            for (receipt, outcome) in receipts.into_iter().zip(outcomes) {
                receipt.answer(outcome);
            }
        });
    }
}

fn slow_commit(elapsed: Duration, entries: usize) {
    if elapsed > Duration::from_secs(1) {
        tracing::warn!(entries, durationMs = elapsed.as_millis() as u64, "slow ledger commit");
    }
}

/// Frees the writer when dropped, so that a panic in the commit can't leave it busy for ever.
struct Free(ActorRef<WriterMessage>);

impl Drop for Free {
    fn drop(&mut self) {
        let _ = self.0.cast(WriterMessage::Free);
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
