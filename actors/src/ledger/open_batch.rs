//! Open batch of one inventory: what it has decided and no writer has taken yet.
//!
//! The inventory adds, the writer takes everything the moment it is free. So a batch grows as long as it can, and while an
//! inventory still spreads the answers of one batch, the next one is on its way. A message for each decision would say the
//! same, and cost a mailbox's allocation and wake-up for each.

use std::sync::Arc;

use domain::{
    ids::{EventId, QuotaId},
    ledger::{Entry, EventBatch},
};
use parking_lot::Mutex;
use ractor::ActorRef;

use super::commit::{BatchFailure, BatchOutcome};
use crate::{inventory::InventoryMessage, metrics::engine, notice::Notice, supervisor::Address};

#[derive(Debug)]
pub struct OpenBatch {
    event_id: EventId,
    /// Most entries that are taken at once; one event must not keep the others waiting.
    entries_max: usize,
    inventory: ActorRef<InventoryMessage>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    entries: Vec<Entry>,
    /// What the next batch builds on: as the ledger has them once the batch before it has landed.
    versions: Vec<(QuotaId, i64)>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing to do: the first entry calls the writer.
    Idle,
    /// The writer has been told, or writes the batch before this one, and will look here.
    Called,
    /// The inventory is gone, or will be: its memory can't be trusted.
    Closed,
}

impl OpenBatch {
    /// Empty, on top of `versions`.
    pub fn new(
        event_id: EventId,
        versions: Vec<(QuotaId, i64)>,
        entries_max: usize,
        inventory: ActorRef<InventoryMessage>,
    ) -> Arc<Self> {
        let state = Mutex::new(State { entries: Vec::new(), versions, phase: Phase::Idle });
        Arc::new(Self { event_id, entries_max, inventory, state })
    }

    /// Adds a decision, and calls `writer` if that will not look here by itself.
    pub fn add(self: &Arc<Self>, entry: Entry, writer: &Address<WriterMessage>) {
        let mut state = self.state.lock();
        if state.phase == Phase::Closed {
            return;
        }
        state.entries.push(entry);
        engine().queued_entries.increment(1.0);
        if state.phase == Phase::Idle {
            state.phase = Phase::Called;
            drop(state);
            // Dropped when the writer is down, and then answered as lost.
            writer.cast(WriterMessage::Take(Call::of(self)));
        }
    }

    pub(super) fn event_id(&self) -> EventId {
        self.event_id
    }

    /// How many entries the next [`OpenBatch::take`] would give, at this moment.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().entries.len().min(self.entries_max)
    }

    /// What is to be written now. Empty when the inventory is gone.
    pub(super) fn take(&self) -> EventBatch {
        let mut state = self.state.lock();
        let count = state.entries.len().min(self.entries_max);
        let rest = state.entries.split_off(count);
        let entries = std::mem::replace(&mut state.entries, rest);
        engine().queued_entries.decrement(entries.len() as f64);
        EventBatch { event_id: self.event_id, versions: state.versions.clone(), entries }
    }

    /// Whether the inventory is gone, so that nobody waits for what was decided.
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().phase == Phase::Closed
    }

    /// The batch that was taken last has this outcome. A call to the writer if there is more to take.
    pub(super) fn landed(self: &Arc<Self>, outcome: &BatchOutcome) -> Option<Call> {
        let BatchOutcome::Done { versions, .. } = outcome else {
            self.close();
            return None;
        };
        let mut state = self.state.lock();
        if state.phase == Phase::Closed {
            return None;
        }
        state.versions.clone_from(versions);
        if state.entries.is_empty() {
            state.phase = Phase::Idle;
            return None;
        }
        drop(state);
        Some(Call::of(self))
    }

    /// Nobody waits for what was not taken yet: the inventory is gone, and its callers ask its successor.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Closed;
        engine().queued_entries.decrement(state.entries.len() as f64);
        state.entries = Vec::new();
    }
}

pub enum WriterMessage {
    /// Take what is in this open batch with the next group.
    Take(Call),
    /// The group under way is done.
    Free,
}

/// Calls a writer to an open batch. Whatever becomes of it, the inventory hears: a writer that dies never leaves it waiting.
pub struct Call {
    pub(super) batch: Arc<OpenBatch>,
    pub(super) receipt: Notice<InventoryMessage>,
}

impl Call {
    fn of(batch: &Arc<OpenBatch>) -> Self {
        let lost = BatchOutcome::Failed(BatchFailure::Lost("the ledger writer died".to_owned()));
        let receipt = Notice::new(batch.inventory.clone(), InventoryMessage::Committed(lost));
        Self { batch: Arc::clone(batch), receipt }
    }
}
