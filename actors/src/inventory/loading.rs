//! How an inventory starts: it reads the ledger, closes what has expired meanwhile, and then serves those who have waited.

use std::{collections::VecDeque, time::Duration};

use domain::{
    inventory::Inventory,
    ledger::{Ledger, LoadError, LoadedInventory},
};
use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use rand::Rng;
use tokio::time::Instant;

use super::{
    Ask, Denial, InventoryMessage, Look,
    actor::{InventoryActor, Ready, State, show},
    keys::RecentKeys,
    pause::Pausing,
    queue::{Queue, send},
};
use crate::{clock::LedgerClock, ledger::open_batch::OpenBatch, notice::Notice};

/// Those who wait until the inventory is loaded.
#[derive(Default)]
pub struct Waiting {
    pub(super) asks: Vec<Ask>,
    pub(super) looks: Vec<RpcReplyPort<Look>>,
    /// Those who want the inventory to pause.
    pub(super) pauses: VecDeque<RpcReplyPort<()>>,
}

impl Waiting {
    fn deny(self, denial: &Denial) {
        self.asks.into_iter().for_each(|ask| send(ask.reply, Err(denial.clone())));
        self.looks.into_iter().for_each(|look| show(look, Err(denial.clone())));
    }
}

impl<L: Ledger> InventoryActor<L> {
    pub(super) fn load(&self, myself: &ActorRef<InventoryMessage>, wait: Duration) {
        let (ledger, event_id, settle) = (self.ledger.clone(), self.event_id, self.settle);
        let died = LoadError::Unavailable("the load died".to_owned());
        let report = Notice::new(myself.clone(), InventoryMessage::Loaded(Box::new(Err(died))));
        self.slot.admission.asked();
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let loaded = ledger.load(event_id, settle).await;
            report.say(InventoryMessage::Loaded(Box::new(loaded)));
        });
    }

    pub(super) fn loaded(
        &self,
        myself: &ActorRef<InventoryMessage>,
        loaded: Result<LoadedInventory, LoadError>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let State::Loading { waiting, failures, again } = state else { return Ok(()) };
        if std::mem::take(again) && loaded.is_ok() {
            self.load(myself, Duration::ZERO);
            return Ok(());
        }
        let mut waiting = std::mem::take(waiting);
        match loaded {
            Ok(loaded) => {
                self.slot.admission.answered();
                let clock = LedgerClock::of(&loaded);
                let inventory = Inventory::load(loaded)?;
                let (versions, most) = (inventory.versions(), self.settings.batch_max);
                let mut ready = Ready {
                    open_batch: OpenBatch::new(self.event_id, versions, most, myself.clone()),
                    inventory,
                    clock,
                    queue: Queue::default(),
                    keys: RecentKeys::default(),
                    warming: Some(waiting.asks),
                    pausing: Pausing::wanted_by(std::mem::take(&mut waiting.pauses)),
                    last_asked: Instant::now(),
                    timer: None,
                };
                let snapshot = self.publish(&ready);
                waiting.looks.into_iter().for_each(|look| show(look, Ok(snapshot.clone())));
                self.tick(myself, &mut ready);
                self.finish_warming(&mut ready);
                *state = State::Ready(ready);
                self.reload_if_due(myself, state);
            }
            Err(error @ (LoadError::NoSuchEvent | LoadError::OwnedBy(_))) => {
                let denial = match error {
                    LoadError::NoSuchEvent => Denial::NoSuchEvent,
                    other => Denial::Unavailable(other.to_string()),
                };
                waiting.deny(&denial);
                self.slot.admission.answered();
                self.slot.give_up();
                myself.stop(Some(denial.to_string()));
            }
            Err(error) => {
                *failures += 1;
                let denial = Denial::Unavailable(error.to_string());
                tracing::warn!(event = %self.event_id, failures = *failures, %error, "the inventory can't be loaded");
                waiting.deny(&denial);
                // Up to 1.6 s: so long nothing is sold though the ledger may be back.
                let longest = Duration::from_millis(50 << (*failures).min(5));
                self.load(myself, longest.mul_f64(rand::rng().random_range(0.5..=1.0)));
            }
        }
        Ok(())
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
