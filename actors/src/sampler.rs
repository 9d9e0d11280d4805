//! Drift detection: compares memory with the ledger, and publishes queue lengths.

use std::{sync::Arc, time::Duration};

use domain::{
    ids::EventId,
    ledger::{Ledger, QuotaCount},
};
use ractor::{Actor, ActorProcessingErr, ActorRef, rpc::CallResult};

use crate::{
    inventories::directory::{Directory, Slot},
    inventory::InventoryMessage,
    later::send_later,
    ledger::within,
    metrics::engine,
};

/// Most events compared in one round.
const EVENTS_MAX: usize = 100;
/// For one look at the counters.
const COUNTS_MAX: Duration = Duration::from_secs(3);

pub struct Sampler<L> {
    /// Where the inventories are found.
    pub directory: Arc<Directory>,
    /// What they are compared with.
    pub ledger: Arc<L>,
    /// Time between two rounds.
    pub every: Duration,
}

/// It is time for a round.
pub struct Sample;

impl<L: Ledger> Sampler<L> {
    async fn round(&self, first: usize) -> usize {
        let slots = self.directory.all();
        // Summed as whole numbers: the sum of no floats is -0.
        let depth: u64 = slots.iter().map(|(_, slot)| u64::from(slot.admission.in_flight())).sum();
        engine().queue_depth.set(depth as f64);
        let mut drift = 0;
        let count = slots.len().min(EVENTS_MAX);
        for (event, slot) in slots.iter().cycle().skip(first % slots.len().max(1)).take(count) {
            drift += self.drift(*event, slot).await.unwrap_or(0);
        }
        engine().drift_places.set(drift as f64);
        first + count
    }

    /// Memory is ahead of the ledger as it was read before: because something was committed in between, or because the ledger has
    /// lost what it had. One that is read after memory is never behind it.
    async fn look_again(
        &self,
        event: EventId,
        actor: &ActorRef<InventoryMessage>,
        memory: &[QuotaCount],
    ) -> Option<()> {
        let ledger = within(COUNTS_MAX, self.ledger.counts(event)).await.ok()?;
        if memory.iter().any(|memory| is_ahead(memory, &ledger)) {
            engine().drifts.increment(1);
            tracing::error!(%event, "memory is ahead of the ledger, which has lost what it had");
            let _ = actor.cast(InventoryMessage::Distrust);
        }
        Some(())
    }

    /// Places by which memory differs from the ledger; nothing when they can't be compared now.
    async fn drift(&self, event: EventId, slot: &Slot) -> Option<u64> {
        let actor = slot.actor()?;
        let ledger = within(COUNTS_MAX, self.ledger.counts(event)).await.ok()?;
        let call = actor.call(InventoryMessage::Counts, Some(Duration::from_secs(1))).await;
        let Ok(CallResult::Success(Some(memory))) = call else { return None };
        if memory.iter().any(|memory| is_behind(memory, &ledger)) {
            let _ = actor.cast(InventoryMessage::CatchUp(ledger));
            return None;
        }
        if memory.iter().any(|memory| is_ahead(memory, &ledger)) {
            self.look_again(event, &actor, &memory).await?;
            return None;
        }
        let places: u64 = memory.iter().filter_map(|memory| difference(memory, &ledger)).sum();
        if places > 0 {
            // The gauge shows it for one round only, which a scrape may miss.
            engine().drifts.increment(1);
            tracing::error!(%event, places, "memory differs from the ledger at the same version");
            // It is dead already when this fails.
            let _ = actor.cast(InventoryMessage::Distrust);
        }
        Some(places)
    }
}

/// A quota that the ledger does not have counts as well: it was deleted, perhaps with its event, and the plan is to be read again.
pub(crate) fn is_behind(memory: &QuotaCount, ledger: &[QuotaCount]) -> bool {
    let counted = ledger.iter().find(|count| count.quota_id == memory.quota_id);
    counted.is_none_or(|count| count.version > memory.version)
}

fn is_ahead(memory: &QuotaCount, ledger: &[QuotaCount]) -> bool {
    ledger.iter().any(|count| count.quota_id == memory.quota_id && count.version < memory.version)
}

/// Counters can be compared only when memory and ledger are at the same version.
fn difference(memory: &QuotaCount, ledger: &[QuotaCount]) -> Option<u64> {
    let ledger = ledger.iter().find(|count| count.quota_id == memory.quota_id && count.version == memory.version)?;
    Some(u64::from(memory.held.abs_diff(ledger.held)) + u64::from(memory.sold.abs_diff(ledger.sold)))
}

impl<L: Ledger> Actor for Sampler<L> {
    type Msg = Sample;
    type State = usize;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<usize, ActorProcessingErr> {
        send_later(&myself, self.every, Sample);
        Ok(0)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        Sample: Sample,
        next: &mut usize,
    ) -> Result<(), ActorProcessingErr> {
        *next = self.round(*next).await;
        send_later(&myself, self.every, Sample);
        Ok(())
    }
}
