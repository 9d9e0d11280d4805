//! How an inventory's plan changes under it: it pauses between two batches, whoever wanted that changes the rows, and then it
//! reads them anew.
//!
//! Nothing that was asked is lost: who asks during a pause waits, and is served by the new plan. A pause is a courtesy and no
//! lock. A change that goes past one, of another node or after the pause has run out, makes the quotas' versions grow, so
//! the ledger refuses what stale memory decides, and the inventory starts anew.

use std::{collections::VecDeque, time::Duration};

use domain::ledger::{Ledger, QuotaCount};
use ractor::{ActorRef, RpcReplyPort};

use super::{
    InventoryMessage,
    actor::{InventoryActor, Ready, State},
    loading::Waiting,
};
use crate::{metrics::engine, sampler::is_behind};

/// A pause that nobody ends by then ends by itself. Too short, and slow changes cost their event a restart.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// What a paused inventory, or one that is about to pause, waits for.
#[derive(Default)]
pub(crate) struct Pausing {
    /// Those who want a pause, one after the other.
    wanted_by: VecDeque<RpcReplyPort<()>>,
    /// The first of them has been told, and has not ended it yet.
    is_granted: bool,
    /// Read anew as soon as nothing is on its way.
    reload: bool,
}

impl Pausing {
    pub(super) fn wanted_by(waiting: VecDeque<RpcReplyPort<()>>) -> Option<Self> {
        (!waiting.is_empty()).then(|| Self { wanted_by: waiting, ..Self::default() })
    }
}

fn hold_back(ready: &mut Ready) -> &mut Pausing {
    ready.warming.get_or_insert_default();
    ready.pausing.get_or_insert_default()
}

impl<L: Ledger> InventoryActor<L> {
    pub(super) fn pause(&self, myself: &ActorRef<InventoryMessage>, reply: RpcReplyPort<()>, state: &mut State) {
        match state {
            State::Ready(ready) => {
                hold_back(ready).wanted_by.push_back(reply);
                self.reload_if_due(myself, state);
            }
            State::Loading { waiting, failures: 0, .. } => waiting.pauses.push_back(reply),
            // The ledger is away, so nothing is decided: the change may try its luck.
            State::Loading { .. } => drop(reply.send(())),
        }
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

    /// Once nothing is on its way: reads anew, or tells the next one who wants a pause.
    pub(super) fn reload_if_due(&self, myself: &ActorRef<InventoryMessage>, state: &mut State) {
        let State::Ready(ready) = state else { return };
        if !ready.queue.is_empty() {
            return;
        }
        let Some(pausing) = &mut ready.pausing else { return };
        while !pausing.reload && !pausing.is_granted {
            let Some(reply) = pausing.wanted_by.pop_front() else {
                // All have given up.
                pausing.reload = true;
                break;
            };
            pausing.is_granted = reply.send(()).is_ok();
            if pausing.is_granted {
                myself.send_after(PAUSE_MAX, || InventoryMessage::Reload);
            }
        }
        if !pausing.reload {
            return;
        }
        let pauses = std::mem::take(&mut pausing.wanted_by);
        let waiting = Waiting { asks: ready.warming.take().unwrap_or_default(), pauses, ..Waiting::default() };
        *state = State::Loading { waiting, failures: 0, again: false };
        engine().reloads.increment(1);
        self.load(myself, Duration::ZERO);
    }
}
