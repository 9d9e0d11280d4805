//! A ledger writer: hears of open batches while one group commits, and then commits all that is in them as the next group.
//!
//! No timers: a group goes as soon as the writer is free, so a lone booking waits for nobody and a storm makes its own
//! large groups. The batches of one event always go through the same writer, one after the other.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use domain::{ids::EventId, ledger::Ledger};
use foldhash::quality::RandomState;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

use super::{
    commit::{APART_MAX, BatchFailure, BatchOutcome, GroupOutcome, LockedBatch, commit_unlocked},
    open_batch::{Call, WriterMessage},
    pulse::PulseCaller,
};
use crate::{inventory::InventoryMessage, metrics::engine, notice::Notice};

/// Most entries in one transaction. Larger groups gain nothing more and make neighbours wait.
const GROUP_ENTRIES_MAX: usize = 4096;

/// See the module's page.
pub struct LedgerWriter<L> {
    ledger: Arc<L>,
    /// Becomes true when the ledger says that this node's session has ended.
    fenced: watch::Sender<bool>,
    pulse: PulseCaller,
    /// Those of the batches that are set apart.
    turns: Arc<Semaphore>,
}

/// State of a [`LedgerWriter`].
#[derive(Default)]
pub struct WriterState {
    waiting: VecDeque<Call>,
    busy: bool,
}

impl<L: Ledger> LedgerWriter<L> {
    /// Writes to `ledger`, and says by `fenced` when it may not any more.
    pub fn new(ledger: Arc<L>, fenced: watch::Sender<bool>) -> Self {
        Self { ledger, fenced, pulse: PulseCaller::default(), turns: Arc::new(Semaphore::new(APART_MAX)) }
    }

    /// Tells `pulse` whether the ledger answers.
    pub(crate) fn with_pulse(self, pulse: PulseCaller) -> Self {
        Self { pulse, ..self }
    }

    /// Shares the turns of the batches that are set apart with the other writers.
    pub(crate) fn with_turns(self, turns: Arc<Semaphore>) -> Self {
        Self { turns, ..self }
    }

    fn start_group(&self, myself: &ActorRef<WriterMessage>, state: &mut WriterState) {
        let (mut batches, mut calls, mut entries) = (Vec::new(), Vec::new(), 0);
        let mut events = HashSet::<EventId, RandomState>::default();
        while let Some(next) = state.waiting.front() {
            if entries > 0 && entries + next.batch.waiting() > GROUP_ENTRIES_MAX {
                break;
            }
            // A killed inventory's batch and its successor's build on the same version: in one transaction the ledger
            // could not tell that one of them is stale.
            let event = next.batch.event_id();
            if events.contains(&event) {
                break;
            }
            let Some(call) = state.waiting.pop_front() else { break };
            let batch = call.batch.take();
            // Nothing is left of a killed inventory's, and its successor's may be next.
            if batch.entries.is_empty() {
                continue;
            }
            events.insert(event);
            entries += batch.entries.len();
            batches.push(batch);
            calls.push(call);
        }
        state.busy = !batches.is_empty();
        if batches.is_empty() {
            return;
        }
        let metrics = engine();
        metrics.batch_entries.record(entries as f64);
        let (ledger, fenced, myself) = (self.ledger.clone(), self.fenced.clone(), myself.clone());
        let (pulse, turns) = (self.pulse.clone(), self.turns.clone());
        let free = Notice::new(myself.clone(), WriterMessage::Free);
        tokio::spawn(async move {
            let began = Instant::now();
            pulse.asks();
            let outcomes = commit_unlocked(&*ledger, batches).await;
            pulse.was_told(outcomes.iter().any(is_answer));
            metrics.commit_seconds.record(began.elapsed());
            slow_commit(began.elapsed(), entries);
            let mut more = Vec::new();
            // First, for the outcomes of the next group must not overtake these: an inventory takes them for those of its
            // oldest decisions. Saying them costs little; the answers are spread while the next group is on its way.
            for (call, outcome) in calls.into_iter().zip(outcomes) {
                match outcome {
                    GroupOutcome::Known(outcome) => more.extend(say(call, outcome, &fenced)),
                    GroupOutcome::Locked(batch) => {
                        let apart = Apart { ledger: ledger.clone(), fenced: fenced.clone(), turns: turns.clone() };
                        apart.commit(&myself, call, batch);
                    }
                }
            }
            more.into_iter().for_each(|more| drop(myself.cast(WriterMessage::Take(more))));
            drop(free);
        });
    }
}

/// Tells the inventory what became of its batch. A call to the writer if there is more to take.
fn say(call: Call, outcome: BatchOutcome, fenced: &watch::Sender<bool>) -> Option<Call> {
    if outcome.failure() == Some(&BatchFailure::Fenced) {
        fenced.send_replace(true);
    }
    let more = call.batch.landed(&outcome);
    call.receipt.say(InventoryMessage::Committed(outcome));
    more
}

/// Whether an outcome shows that the ledger has answered.
fn is_answer(outcome: &GroupOutcome) -> bool {
    match outcome {
        GroupOutcome::Known(outcome) => !matches!(outcome.failure(), Some(BatchFailure::Lost(_))),
        GroupOutcome::Locked(_) => true,
    }
}

/// What a batch needs that is committed apart from its group.
struct Apart<L> {
    ledger: Arc<L>,
    fenced: watch::Sender<bool>,
    turns: Arc<Semaphore>,
}

impl<L: Ledger> Apart<L> {
    /// Goes on with a batch that meets a lock of somebody else, while the writer takes those of other events. The event's next batch
    /// comes after it: the writer is not called to its open batch before this one has landed.
    fn commit(self, writer: &ActorRef<WriterMessage>, call: Call, batch: Box<LockedBatch>) {
        let writer = writer.clone();
        tokio::spawn(async move {
            let outcome = batch.commit(&*self.ledger, &self.turns, || call.batch.is_closed()).await;
            if let Some(more) = say(call, outcome, &self.fenced) {
                drop(writer.cast(WriterMessage::Take(more)));
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
            WriterMessage::Take(call) => state.waiting.push_back(call),
            WriterMessage::Free => state.busy = false,
        }
        if !state.busy {
            self.start_group(&myself, state);
        }
        Ok(())
    }
}
