//! The state of an inventory actor: what is loaded, and who waits for what.

use std::sync::Arc;

use domain::inventory::Inventory;
use ractor::RpcReplyPort;
use tokio::{task::JoinHandle, time::Instant};

use super::{
    Ask, Denial, Look, PauseGrant,
    keys::RecentKeys,
    queue::{Queue, send},
};
use crate::{clock::LedgerClock, inventories::directory::Slot, ledger::open_batch::OpenBatch};

/// State of an [`InventoryActor`].
#[allow(clippy::large_enum_variant, reason = "one an actor, and nearly always the large variant")]
pub enum State {
    /// The ledger is being read.
    Loading {
        /// Waits for the end of it.
        waiting: Waiting,
        /// Failed tries so far.
        failures: u32,
        /// What is being read may be out of date already: read once more.
        again: bool,
        /// A predecessor may have left a commit in flight, and no load has waited for it yet.
        settle: bool,
    },
    /// At work.
    Ready(Ready),
}

/// State of an inventory at work.
pub struct Ready {
    pub(super) slot: Arc<Slot>,
    pub(super) inventory: Inventory,
    pub(super) clock: Arc<LedgerClock>,
    pub(super) queue: Queue,
    pub(super) keys: RecentKeys,
    /// Asks that wait: until what had expired before the load is closed, or until a pause ends. `None`: nobody waits.
    pub(super) warming: Option<Vec<Ask>>,
    /// Why nothing is decided now, other than warming.
    pub(super) pausing: Option<Pausing>,
    /// Those who want a pause once the present one is over, and those who were held back by it have been served.
    pub(super) pauses: Vec<RpcReplyPort<PauseGrant>>,
    pub(super) open_batch: Arc<OpenBatch>,
    pub(super) last_asked: Instant,
    /// When it fires. May be earlier than there is something to do: setting it anew for every batch would cost more.
    pub(super) timer: Option<(Instant, JoinHandle<()>)>,
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.open_batch.close();
        // However it ends: for a new plan, or because it failed. Else each change of the plan would lift the caps.
        self.slot.keep_unpaid(self.inventory.hand_over_unpaid());
        if let Some((_, timer)) = &self.timer {
            timer.abort();
        }
    }
}

/// Those who wait until the inventory is loaded.
#[derive(Default)]
pub struct Waiting {
    pub(super) asks: Vec<Ask>,
    pub(super) looks: Vec<RpcReplyPort<Look>>,
    /// Those who want the inventory to pause.
    pub(super) pauses: Vec<RpcReplyPort<PauseGrant>>,
}

impl Waiting {
    pub(super) fn deny(self, denial: &Denial) {
        self.asks.into_iter().for_each(|ask| send(ask.reply, Err(denial.clone())));
        self.looks.into_iter().for_each(|look| show(look, Err(denial.clone())));
    }
}

/// A caller that has given up needs no answer.
pub(super) fn show(reply: RpcReplyPort<Look>, look: Look) {
    let _ = reply.send(look);
}

/// What a paused inventory, or one that is about to pause, waits for.
#[derive(Default)]
pub(crate) struct Pausing {
    /// Those who want a pause, all at once.
    pub(super) wanted_by: Vec<RpcReplyPort<PauseGrant>>,
    /// The pauses that were granted and have not ended, each with what ends it when its time is over.
    pub(super) granted: Vec<(u64, JoinHandle<()>)>,
    /// Read anew as soon as nothing is on its way and all pauses have ended.
    pub(super) reload: bool,
    /// Those who want to see what is read then.
    pub(super) looks: Vec<RpcReplyPort<Look>>,
}

impl Pausing {
    pub(super) fn is_granted(&self) -> bool {
        !self.granted.is_empty()
    }

    pub(super) fn end(&mut self, number: u64) {
        if let Some(place) = self.granted.iter().position(|(granted, _)| *granted == number) {
            self.granted.swap_remove(place).1.abort();
        }
    }
}

impl Drop for Pausing {
    fn drop(&mut self) {
        self.granted.iter().for_each(|(_, timer)| timer.abort());
    }
}
