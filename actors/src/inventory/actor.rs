//! The inventory actor of one event: the only writer of the event's inventory on this node.
//!
//! It loads the ledger, decides in memory, and sends what it decided in batches: while one batch is on its way, the next one
//! fills. Nobody is answered before the ledger has the decision. When memory and ledger may differ, the actor fails, and its
//! successor loads the ledger anew.

use std::{sync::Arc, time::Duration};

use domain::{
    ids::EventId,
    inventory::{Availability, Command},
    ledger::Ledger,
    refusal::Refusal,
    unpaid::NetworkId,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use smallvec::{SmallVec, smallvec};
use tokio::{sync::Notify, time::Instant};

use super::{
    Ask, CommandAnswer, Denial, InventoryMessage, Outcome,
    queue::{Identity, Pending, send},
    shared::SharedParts,
    state::{Ready, State, Waiting, show},
};
use crate::{inventories::directory::Slot, ledger::open_batch::WriterMessage, metrics::engine, supervisor::Address};

/// Bounds of an inventory actor.
#[derive(Clone, Copy, Debug)]
pub struct InventorySettings {
    /// Most entries in one batch.
    pub batch_max: usize,
    /// An inventory with no work and nothing to expire is unloaded after this time.
    pub idle_after: Duration,
}

/// What an inventory actor works with.
pub struct InventoryActor<L> {
    /// Whose inventory.
    pub event_id: EventId,
    /// Where it is read.
    pub ledger: Arc<L>,
    /// By whom it is written.
    pub writer: Address<WriterMessage>,
    /// Where its snapshot is published and its admission counted.
    pub slot: Arc<Slot>,
    /// Whether a predecessor may have left a commit in flight.
    pub settle: bool,
    /// Bounds.
    pub settings: InventorySettings,
    /// What it has in common with the other inventories of this node.
    pub shared: SharedParts,
    /// Notified when somebody asks for it: its load then waits behind no inventory that was only woken.
    pub asked_for: Arc<Notify>,
}

fn ledger_away() -> Denial {
    Denial::Unavailable("the ledger can't be read".to_owned())
}

impl<L: Ledger> InventoryActor<L> {
    pub(super) fn ask(&self, ask: Ask, ready: &mut Ready) {
        if let Some(asks) = &mut ready.warming {
            asks.push(ask);
            return;
        }
        ready.last_asked = Instant::now();
        if ready.last_asked >= ask.deadline {
            engine().too_late.increment(1);
            return send(ask.reply, Err(Denial::TooLate));
        }
        let (identity, fingerprint) = Identity::of(&ask.command);
        if let Identity::Key(key) = &identity
            && let Some(prior) = ready.keys.find(key)
        {
            engine().replayed.increment(1);
            let same = Some(prior.fingerprint()) == fingerprint;
            let replay = CommandAnswer { outcome: Outcome::from(prior), replayed: true };
            return send(ask.reply, if same { Ok(replay) } else { Err(Refusal::KeyReused.into()) });
        }
        if let Some(pending) = ready.queue.find(&identity) {
            if fingerprint.is_some() && pending.prior().map(|prior| prior.fingerprint()) != fingerprint {
                return send(ask.reply, Err(Refusal::KeyReused.into()));
            }
            // Two may close one thing for different reasons: only the same request shares an answer.
            if fingerprint.is_some() || pending.closes_for(&ask.command) {
                engine().replayed.increment(1);
                return pending.waiters.push(ask.reply);
            }
        }
        let Some(ask) = ready.queue.follow(ask) else { return };
        match ready.inventory.decide_for(&ask.buyer, &ask.command, ready.clock.now()) {
            Ok(entry) => {
                let pending = Pending::new(entry, identity, smallvec![ask.reply]);
                self.write(pending, ask.buyer.network, ready);
            }
            Err(refusal) => {
                engine().refused.increment(1);
                send(ask.reply, Err(refusal.into()));
            }
        }
    }

    /// Takes a decision's places and sends it on its way.
    fn write(&self, pending: Pending, network: Option<NetworkId>, ready: &mut Ready) {
        ready.inventory.apply(&pending.entry);
        if let Some(network) = network {
            ready.inventory.came_from(&pending.entry, network);
        }
        ready.open_batch.add(pending.entry.clone(), &self.writer);
        if ready.queue.is_empty() {
            self.slot.admission.asked();
        }
        ready.queue.push(pending);
    }

    pub(super) fn publish(&self, ready: &Ready) -> Arc<Availability> {
        self.slot.publish(ready.inventory.availability(ready.clock.now()))
    }

    /// Closes what has expired, and sets the timer.
    pub(super) fn tick(&self, myself: &ActorRef<InventoryMessage>, ready: &mut Ready) {
        if ready.pausing.is_some() {
            // Whoever has paused it may change the rows that a closing would change. The reload looks again.
            return;
        }
        let now = ready.clock.now();
        for holder in ready.inventory.expired(now, self.settings.batch_max) {
            let command = Command::Expire(holder);
            if let Ok(entry) = ready.inventory.decide(&command, now) {
                let (identity, _) = Identity::of(&command);
                self.write(Pending::new(entry, identity, SmallVec::new()), None, ready);
            }
        }
        self.arm_timer(myself, ready);
    }

    /// Wakes the actor at the next expiry, or when it may have been idle for long enough, or before.
    fn arm_timer(&self, myself: &ActorRef<InventoryMessage>, ready: &mut Ready) {
        let now = ready.clock.now();
        let (at, message) = match ready.inventory.next_expiry() {
            // What is being closed is on its way: the commit's answer arms the timer again. What expired only now, after the
            // last tick looked, is nobody's but this timer's.
            Some(at) if at <= now && ready.inventory.expired(now, 1).is_empty() => return,
            Some(at) => (ready.clock.instant(at), InventoryMessage::Tick),
            None => (ready.last_asked + self.settings.idle_after, InventoryMessage::StopIfIdle),
        };
        match &ready.timer {
            Some((armed, _)) if *armed <= at => return,
            Some((_, later)) => later.abort(),
            None => {}
        }
        let myself = myself.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep_until(at).await;
            let _ = myself.cast(message);
        });
        ready.timer = Some((at, timer));
    }

    fn stop_if_idle(&self, myself: &ActorRef<InventoryMessage>, ready: &mut Ready) {
        if !ready.queue.is_empty() || ready.warming.is_some() {
            // The commit's answer, or the reload at the end of a pause, arms the timer again; one that has run out already would do so
            // without end.
            return;
        }
        if self.slot.is_followed() {
            // Somebody looks at it, which is as good as asking.
            ready.last_asked = Instant::now();
        }
        let idle = ready.inventory.next_expiry().is_none() && ready.last_asked.elapsed() >= self.settings.idle_after;
        if !idle {
            return self.arm_timer(myself, ready);
        }
        // Whoever asks from now on is sent to the supervisor, which waits for the end of this actor before it starts another.
        self.slot.close(myself.get_id());
        myself.stop(Some("idle".to_owned()));
    }
}

impl<L: Ledger> Actor for InventoryActor<L> {
    type Msg = InventoryMessage;
    type State = State;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        // Read in the background: a supervisor waits for `pre_start`, and one slow event must not hold up the others.
        self.load(&myself, Duration::ZERO, self.settle);
        Ok(State::Loading { waiting: Waiting::default(), failures: 0, again: false, settle: self.settle })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match (message, state) {
            (InventoryMessage::Loaded(loaded), state) => self.loaded(&myself, *loaded, state)?,
            (InventoryMessage::Distrust, _) => return Err("memory differs from the ledger".into()),
            (InventoryMessage::Ask(ask), State::Ready(ready)) => self.ask(ask, ready),
            (InventoryMessage::Ask(ask), State::Loading { waiting, failures: 0, .. }) => {
                self.asked_for.notify_one();
                waiting.asks.push(ask);
            }
            (InventoryMessage::Look(look), State::Loading { waiting, failures: 0, .. }) => {
                self.asked_for.notify_one();
                waiting.looks.push(look);
            }
            // The ledger is known to be away: say so at once instead of letting everybody wait.
            (InventoryMessage::Ask(ask), State::Loading { .. }) => send(ask.reply, Err(ledger_away())),
            (InventoryMessage::Look(look), State::Loading { .. }) => show(look, Err(ledger_away())),
            (InventoryMessage::Look(look), State::Ready(ready)) => self.look(look, ready),
            (InventoryMessage::Committed(outcome), state @ State::Ready(_)) => {
                if let State::Ready(ready) = state {
                    self.committed(&myself, outcome, ready)?;
                }
                self.reload_if_due(&myself, state);
            }
            (InventoryMessage::Pause(reply), state) => self.pause(&myself, reply, state),
            (InventoryMessage::EndPause(number), state) => self.end_pause(&myself, number, state),
            (InventoryMessage::Reload, state) => self.reload(&myself, state),
            (InventoryMessage::CatchUp(ledger), state) => self.catch_up(&myself, &ledger, state),
            (InventoryMessage::Tick, State::Ready(ready)) => {
                // It may have come early, because the clock was set.
                ready.timer.take().iter().for_each(|(_, timer)| timer.abort());
                self.tick(&myself, ready);
            }
            (InventoryMessage::StopIfIdle, State::Ready(ready)) => {
                ready.timer = None;
                self.stop_if_idle(&myself, ready);
            }
            (InventoryMessage::Counts(reply), state) => {
                let counts = match state {
                    State::Ready(ready) => Some(ready.inventory.counts()),
                    State::Loading { .. } => None,
                };
                // The sampler may have given up.
                let _ = reply.send(counts);
            }
            (InventoryMessage::Committed(_) | InventoryMessage::Tick | InventoryMessage::StopIfIdle, _) => {}
        }
        Ok(())
    }
}
