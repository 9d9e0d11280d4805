//! How an inventory's plan changes under it: it pauses between two batches, those who wanted that change the rows, and then it
//! reads them anew.
//!
//! Nothing that was asked is lost: who asks during a pause waits, and is served by the new plan. Those who want a pause at the same
//! time get it together, and the rows are read once for all of them; who wants one later waits until those who were held back
//! have been served. A pause is a courtesy and no lock: a change that goes past one, of another node or after the pause has run
//! out, makes the quotas' versions grow, so the ledger refuses what stale memory decides, and the inventory starts anew.

use std::time::Duration;

use domain::ledger::{Ledger, QuotaCount};
use ractor::{ActorRef, RpcReplyPort};

use super::{
    InventoryMessage, Look, PAUSE_MAX, PauseGrant,
    actor::InventoryActor,
    state::{Pausing, Ready, State, Waiting, show},
};
use crate::{metrics::engine, sampler::is_behind};

fn hold_back(ready: &mut Ready) -> &mut Pausing {
    ready.warming.get_or_insert_default();
    ready.pausing.get_or_insert_default()
}

impl<L: Ledger> InventoryActor<L> {
    pub(super) fn pause(
        &self,
        myself: &ActorRef<InventoryMessage>,
        reply: RpcReplyPort<PauseGrant>,
        state: &mut State,
    ) {
        match state {
            State::Ready(ready) => {
                ready.pauses.push(reply);
                self.reload_if_due(myself, state);
            }
            State::Loading { waiting, failures: 0, .. } => {
                self.asked_for.notify_one();
                waiting.pauses.push(reply);
            }
            // The ledger is away, so nothing is decided: the change may try its luck.
            State::Loading { .. } => drop(reply.send(PauseGrant::new(myself))),
        }
    }

    /// The pause with this number is over. Its rows may have changed, also when it had run out before.
    pub(super) fn end_pause(&self, myself: &ActorRef<InventoryMessage>, number: u64, state: &mut State) {
        if let State::Ready(Ready { pausing: Some(pausing), .. }) = state {
            pausing.end(number);
        }
        self.reload(myself, state);
    }

    pub(super) fn reload(&self, myself: &ActorRef<InventoryMessage>, state: &mut State) {
        match state {
            State::Ready(ready) => {
                hold_back(ready).reload = true;
                self.reload_if_due(myself, state);
            }
            State::Loading { again, .. } => *again = true,
        }
    }

    /// Another node has changed the plan, if the ledger is ahead though nothing is on its way. With something on its way, the
    /// ledger says so itself.
    pub(super) fn catch_up(&self, myself: &ActorRef<InventoryMessage>, ledger: &[QuotaCount], state: &mut State) {
        if let State::Ready(ready) = state
            && ready.queue.is_empty()
            && ready.inventory.counts().iter().any(|count| is_behind(count, ledger))
        {
            self.reload(myself, state);
        }
    }

    /// Once nothing is on its way: reads anew, or grants the pauses that are wanted.
    pub(super) fn reload_if_due(&self, myself: &ActorRef<InventoryMessage>, state: &mut State) {
        let State::Ready(ready) = state else { return };
        self.begin_pausing(ready);
        if !ready.queue.is_empty() {
            return;
        }
        let Some(pausing) = &mut ready.pausing else { return };
        if !pausing.reload && !pausing.is_granted() {
            for reply in std::mem::take(&mut pausing.wanted_by).into_iter().filter(|reply| !reply.is_closed()) {
                grant(myself, reply, pausing);
            }
            // All have given up. Nothing was changed, but who was held back is served by those who read.
            pausing.reload |= !pausing.is_granted();
        }
        if !pausing.reload || pausing.is_granted() {
            return;
        }
        let (asks, looks) = (ready.warming.take().unwrap_or_default(), std::mem::take(&mut pausing.looks));
        let mut pauses = std::mem::take(&mut pausing.wanted_by);
        pauses.append(&mut ready.pauses);
        let waiting = Waiting { asks, looks, pauses };
        // Nothing of its own is on its way, and what its predecessor had sent was waited for by its first load.
        *state = State::Loading { waiting, failures: 0, again: false, settle: false };
        self.asked_for.notify_one();
        engine().reloads.increment(1);
        self.load(myself, Duration::ZERO, false);
    }

    /// From now on who asks is held back for those who want a pause, unless others are held back already: they come first.
    fn begin_pausing(&self, ready: &mut Ready) {
        if ready.pauses.is_empty() {
            return;
        }
        match &mut ready.pausing {
            None if ready.warming.is_none() => {
                let wanted_by = std::mem::take(&mut ready.pauses);
                hold_back(ready).wanted_by = wanted_by;
            }
            Some(pausing) if !pausing.reload && !pausing.is_granted() => pausing.wanted_by.append(&mut ready.pauses),
            _ => {}
        }
    }

    /// Shows a picture: the new one, if the plan is to be read anew.
    pub(super) fn look(&self, look: RpcReplyPort<Look>, ready: &mut Ready) {
        match &mut ready.pausing {
            Some(pausing) if pausing.reload => pausing.looks.push(look),
            _ => show(look, Ok(self.publish(ready))),
        }
    }
}

fn grant(myself: &ActorRef<InventoryMessage>, reply: RpcReplyPort<PauseGrant>, pausing: &mut Pausing) {
    let (grant, inventory) = (PauseGrant::new(myself), myself.clone());
    let number = grant.number;
    let timer = tokio::spawn(async move {
        tokio::time::sleep(PAUSE_MAX).await;
        let _ = inventory.cast(InventoryMessage::EndPause(number));
    });
    pausing.granted.push((number, timer));
    if reply.send(grant).is_err() {
        pausing.end(number);
    }
}
