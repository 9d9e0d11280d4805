//! How an inventory starts: it reads the ledger, closes what has expired meanwhile, and then serves those who have waited.

use std::time::Duration;

use domain::{
    inventory::Inventory,
    ledger::{Ledger, LoadError, LoadedInventory},
};
use ractor::{ActorProcessingErr, ActorRef};
use rand::Rng;
use tokio::time::Instant;

use super::{
    Denial, InventoryMessage, LoadFailure, LoadResult,
    actor::InventoryActor,
    keys::RecentKeys,
    queue::Queue,
    state::{Ready, State, Waiting, show},
};
use crate::{
    ledger::{open_batch::OpenBatch, within},
    notice::Notice,
};

/// For one load; then it is tried again, on another connection.
const LOAD_MAX: Duration = Duration::from_secs(10);
/// What has more rows than that is put together apart from the threads on which all inventories decide.
const ROWS_AT_ONCE_MAX: usize = 2_000;

impl<L: Ledger> InventoryActor<L> {
    /// Reads the ledger after `wait`; with `settle` once nothing is in flight of what a predecessor has sent. That takes a lock which all
    /// commits of the node share.
    pub(super) fn load(&self, myself: &ActorRef<InventoryMessage>, wait: Duration, settle: bool) {
        let (ledger, event_id) = (self.ledger.clone(), self.event_id);
        let (shared, slot, asked_for) = (self.shared.clone(), self.slot.clone(), self.asked_for.clone());
        let died = LoadError::Unavailable("the load died".to_owned());
        let report = Notice::new(myself.clone(), InventoryMessage::Loaded(Box::new(Err(died.into()))));
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let turn = shared.loads.wait(&asked_for).await;
            // To wait for a turn is no stall of the ledger.
            slot.admission.asked();
            let asked = Instant::now();
            let result = match within(LOAD_MAX, ledger.load(event_id, settle)).await {
                Ok(loaded) => {
                    shared.clock.saw(loaded.now, asked);
                    built(loaded).await
                }
                Err(error) => Err(error.into()),
            };
            drop(turn);
            report.say(InventoryMessage::Loaded(Box::new(result)));
        });
    }

    pub(super) fn loaded(
        &self,
        myself: &ActorRef<InventoryMessage>,
        loaded: LoadResult,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let State::Loading { waiting, failures, again, settle } = state else { return Ok(()) };
        // What was in flight before a load that has waited for it is not in flight any more.
        *settle &= loaded.is_err();
        if std::mem::take(again) && loaded.is_ok() {
            self.asked_for.notify_one();
            self.load(myself, Duration::ZERO, *settle);
            return Ok(());
        }
        let waiting = std::mem::take(waiting);
        match loaded {
            Ok(inventory) => {
                self.slot.admission.answered();
                *state = State::Ready(self.ready(myself, inventory, waiting));
                self.reload_if_due(myself, state);
            }
            Err(LoadFailure::Inconsistent(error)) => return Err(error.into()),
            Err(LoadFailure::Ledger(error @ (LoadError::NoSuchEvent | LoadError::OwnedBy(_)))) => {
                let denial = match error {
                    LoadError::NoSuchEvent => Denial::NoSuchEvent,
                    other => Denial::Unavailable(other.to_string()),
                };
                waiting.deny(&denial);
                self.slot.admission.answered();
                self.slot.give_up();
                myself.stop(Some(denial.to_string()));
            }
            Err(LoadFailure::Ledger(error)) => {
                *failures += 1;
                let denial = Denial::Unavailable(error.to_string());
                tracing::warn!(event = %self.event_id, failures = *failures, %error, "the inventory can't be loaded");
                waiting.deny(&denial);
                // Up to 1.6 s: so long nothing is sold though the ledger may be back.
                let longest = Duration::from_millis(50 << (*failures).min(5));
                self.load(myself, longest.mul_f64(rand::rng().random_range(0.5..=1.0)), *settle);
            }
        }
        Ok(())
    }

    fn ready(&self, myself: &ActorRef<InventoryMessage>, mut inventory: Inventory, waiting: Waiting) -> Ready {
        if let Some(memory) = self.slot.take_unpaid() {
            inventory.take_over_unpaid(memory);
        }
        let (versions, most) = (inventory.versions(), self.settings.batch_max);
        let mut ready = Ready {
            slot: self.slot.clone(),
            open_batch: OpenBatch::new(self.event_id, versions, most, myself.clone()),
            inventory,
            clock: self.shared.clock.clone(),
            queue: Queue::default(),
            keys: RecentKeys::new(self.shared.keys.clone()),
            warming: Some(waiting.asks),
            pausing: None,
            pauses: waiting.pauses,
            last_asked: Instant::now(),
            timer: None,
        };
        let snapshot = self.publish(&ready);
        waiting.looks.into_iter().for_each(|look| show(look, Ok(snapshot.clone())));
        self.tick(myself, &mut ready);
        self.finish_warming(&mut ready);
        ready
    }

    /// Once everything that had expired is closed, serves those who waited.
    pub(super) fn finish_warming(&self, ready: &mut Ready) {
        // While it is paused, whoever asks waits on; `reload_if_due` looks at what is wanted.
        if !ready.queue.is_empty() || ready.pausing.is_some() {
            return;
        }
        for ask in ready.warming.take().unwrap_or_default() {
            self.ask(ask, ready);
        }
    }
}

async fn built(loaded: LoadedInventory) -> LoadResult {
    let seats = loaded.plan.seat_map.as_ref().map_or(0, |map| map.seats().len());
    let rows = seats + loaded.claims.len() + loaded.holds.len() + loaded.pending.len() + loaded.by_account.len();
    if rows <= ROWS_AT_ONCE_MAX {
        return Ok(Inventory::load(loaded)?);
    }
    match tokio::task::spawn_blocking(move || Inventory::load(loaded)).await {
        Ok(inventory) => Ok(inventory?),
        Err(error) => Err(LoadError::Unavailable(format!("the load died: {error}")).into()),
    }
}
