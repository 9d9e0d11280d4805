//! Supervisor of inventories: starts one for each event that is asked for, restarts it when it fails, and unloads it
//! when it is idle. An event that keeps failing is left down for a while; the others do not notice.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use domain::{ids::EventId, ledger::Ledger};
use parking_lot::Mutex;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, ActorStatus, RpcReplyPort, SupervisionEvent};
use tokio::{sync::Notify, time::Instant};

use super::directory::{ClearedEvents, Directory};
use crate::{
    inventory::{
        InventoryMessage,
        actor::{InventoryActor, InventorySettings},
        shared::SharedParts,
    },
    later::send_later,
    ledger::{open_batch::WriterMessage, within},
    metrics::{count_give_up, count_restart, engine},
    restart::{FailureHistory, RestartPolicy, Verdict},
    supervisor::Address,
};

/// So many inventories are woken before others who ask have their turn.
const WOKEN_AT_ONCE_MAX: usize = 50;
/// For the look at where something will expire, which may be long with many events.
const EXPIRING_MAX: Duration = Duration::from_secs(30);
/// The reason that ractor gives for an actor that was killed.
const KILLED: &str = "killed";

/// The inventory, or when to ask again.
pub type Activation = Result<ActorRef<InventoryMessage>, Duration>;

pub enum InventoriesMessage {
    /// Start the event's inventory unless it runs, and say where it is.
    Activate(EventId, RpcReplyPort<Activation>),
    /// Start the inventories of these events, where something will expire.
    Wake(Vec<EventId>),
    /// The wait before a restart is over.
    Restart(EventId),
}

pub struct InventoriesSupervisor<L> {
    pub directory: Arc<Directory>,
    pub ledger: Arc<L>,
    /// By whom they are written; an event always has the same writer.
    pub writers: Arc<[Address<WriterMessage>]>,
    /// Assigns events to writers.
    pub hasher: RandomState,
    pub settings: InventorySettings,
    pub policy: RestartPolicy,
    /// What they have in common.
    pub shared: SharedParts,
    /// Events whose inventories died with an earlier incarnation of this supervisor, perhaps with a commit in flight, and have not been
    /// started since.
    pub unsettled: Arc<Mutex<HashSet<EventId>>>,
}

struct Child {
    phase: Phase,
    history: FailureHistory,
    /// A predecessor failed, so a commit of it may still be in flight.
    settle: bool,
    waiters: Vec<RpcReplyPort<Activation>>,
}

/// How an inventory is started.
#[derive(Clone, Copy)]
struct Start {
    /// A predecessor may have left a commit in flight.
    settle: bool,
    /// Somebody waits for it, or will soon.
    is_asked_for: bool,
}

enum Phase {
    Running,
    /// Waits for its restart.
    Restarting,
    /// Failed too often; left alone until then.
    Down(Instant),
}

pub struct InventoryChildren {
    by_event: HashMap<EventId, Child>,
    by_actor: HashMap<ActorId, EventId>,
}

impl<L: Ledger> InventoriesSupervisor<L> {
    async fn start(
        &self,
        myself: &ActorRef<InventoriesMessage>,
        event: EventId,
        how: Start,
        children: &mut InventoryChildren,
    ) -> Result<ActorRef<InventoryMessage>, ActorProcessingErr> {
        let asked_for = Arc::new(Notify::new());
        if how.is_asked_for {
            asked_for.notify_one();
        }
        let slot = self.directory.slot(event);
        let writer = self.hasher.hash_one(event) as usize % self.writers.len();
        // Once: if it dies before it has waited, it has a slot or has failed, and its successor waits.
        let is_unsettled = self.unsettled.lock().remove(&event);
        let actor = InventoryActor {
            event_id: event,
            ledger: self.ledger.clone(),
            writer: self.writers[writer].clone(),
            slot: slot.clone(),
            settle: how.settle || is_unsettled,
            settings: self.settings,
            shared: self.shared.clone(),
            asked_for,
        };
        let (child, _) = Actor::spawn_linked(None, actor, (), myself.get_cell()).await?;
        children.by_actor.insert(child.get_id(), event);
        slot.open(child.clone());
        engine().active_inventories.set(children.by_actor.len() as f64);
        Ok(child)
    }

    async fn activate(
        &self,
        myself: &ActorRef<InventoriesMessage>,
        event: EventId,
        reply: Option<RpcReplyPort<Activation>>,
        children: &mut InventoryChildren,
    ) -> Result<(), ActorProcessingErr> {
        let mut settle = false;
        if let Entry::Occupied(mut child) = children.by_event.entry(event) {
            let running = self.directory.find(event).and_then(|slot| slot.actor());
            match (&child.get().phase, running) {
                (Phase::Running, Some(actor)) => {
                    answer(reply, Ok(actor));
                    return Ok(());
                }
                // It is stopping, or will be restarted: what comes after it answers.
                (Phase::Running, None) | (Phase::Restarting, _) => {
                    child.get_mut().waiters.extend(reply);
                    return Ok(());
                }
                (Phase::Down(until), _) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if !left.is_zero() {
                        answer(reply, Err(left.max(Duration::from_secs(1))));
                        return Ok(());
                    }
                    settle = true;
                }
            }
        }
        let how = Start { settle, is_asked_for: reply.is_some() };
        let actor = self.start(myself, event, how, children).await?;
        let child = children.by_event.entry(event).or_insert_with(|| Child {
            phase: Phase::Restarting,
            history: FailureHistory::default(),
            settle,
            waiters: Vec::new(),
        });
        child.phase = Phase::Running;
        answer(reply, Ok(actor));
        Ok(())
    }

    async fn restart(
        &self,
        myself: &ActorRef<InventoriesMessage>,
        event: EventId,
        children: &mut InventoryChildren,
    ) -> Result<(), ActorProcessingErr> {
        let Some(child) = children.by_event.get(&event) else { return Ok(()) };
        let how = Start { settle: child.settle, is_asked_for: !child.waiters.is_empty() };
        let actor = self.start(myself, event, how, children).await?;
        if let Some(child) = children.by_event.get_mut(&event) {
            child.phase = Phase::Running;
            child.waiters.drain(..).for_each(|waiter| answer(Some(waiter), Ok(actor.clone())));
        }
        Ok(())
    }

    fn failed(
        &self,
        myself: &ActorRef<InventoriesMessage>,
        who: &ActorCell,
        reason: &str,
        children: &mut InventoryChildren,
    ) {
        let Some(event) = self.gone(who, children) else { return };
        let Some(child) = children.by_event.get_mut(&event) else { return };
        child.settle = true;
        match child.history.judge(&self.policy, Instant::now()) {
            Verdict::RestartAfter(wait) => {
                tracing::warn!(%event, reason, waitMs = wait.as_millis() as u64, "inventory failed, starts again");
                count_restart("inventory");
                child.phase = Phase::Restarting;
                send_later(myself, wait, InventoriesMessage::Restart(event));
            }
            Verdict::GiveUp(cool_down) => {
                tracing::error!(%event, reason, "inventory failed too often, the event is unavailable");
                count_give_up("inventory");
                child.phase = Phase::Down(Instant::now() + cool_down);
                child.waiters.drain(..).for_each(|waiter| answer(Some(waiter), Err(cool_down)));
                // Something may have to expire there even if nobody asks.
                send_later(myself, cool_down, InventoriesMessage::Wake(vec![event]));
            }
        }
    }

    /// An inventory stopped by itself: idle, not existing, or not ours.
    fn stopped(&self, myself: &ActorRef<InventoriesMessage>, who: &ActorCell, children: &mut InventoryChildren) {
        let Some(event) = self.gone(who, children) else { return };
        let waiters = children.by_event.remove(&event).map(|child| child.waiters).unwrap_or_default();
        if !self.directory.remove(event) {
            // Somebody began to follow it in the last moment. Nobody else may ever ask for it.
            let _ = myself.cast(InventoriesMessage::Wake(vec![event]));
        }
        for waiter in waiters {
            // They asked while it was stopping. A supervisor that stops itself drops them, and they are told.
            let _ = myself.cast(InventoriesMessage::Activate(event, waiter));
        }
    }

    fn gone(&self, who: &ActorCell, children: &mut InventoryChildren) -> Option<EventId> {
        let event = children.by_actor.remove(&who.get_id())?;
        engine().active_inventories.set(children.by_actor.len() as f64);
        if let Some(slot) = self.directory.find(event) {
            slot.close(who.get_id());
        }
        Some(event)
    }

    /// Inventories where something will expire run even if nobody asks for them.
    fn wake_expiring(&self, myself: ActorRef<InventoriesMessage>) {
        let ledger = self.ledger.clone();
        tokio::spawn(async move {
            loop {
                match within(EXPIRING_MAX, ledger.expiring_events()).await {
                    Ok(events) => {
                        let _ = myself.cast(InventoriesMessage::Wake(events));
                        return;
                    }
                    Err(error) => tracing::warn!(%error, "can't tell yet where something will expire"),
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
                if myself.get_status() >= ActorStatus::Stopping {
                    return;
                }
            }
        });
    }
}

/// A caller that has given up needs no answer.
fn answer(reply: Option<RpcReplyPort<Activation>>, activation: Activation) {
    if let Some(reply) = reply {
        let _ = reply.send(activation);
    }
}

impl<L: Ledger> Actor for InventoriesSupervisor<L> {
    type Msg = InventoriesMessage;
    type State = InventoryChildren;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        // The inventories of a predecessor died with it, perhaps with a commit that nobody has published.
        let ClearedEvents { all, followed } = self.directory.clear();
        self.unsettled.lock().extend(all);
        let _ = myself.cast(InventoriesMessage::Wake(followed));
        self.wake_expiring(myself);
        Ok(InventoryChildren { by_event: HashMap::new(), by_actor: HashMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        children: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            InventoriesMessage::Activate(event, reply) => self.activate(&myself, event, Some(reply), children).await,
            InventoriesMessage::Wake(events) => {
                let mut events = events;
                let rest = events.split_off(events.len().min(WOKEN_AT_ONCE_MAX));
                for event in events {
                    self.activate(&myself, event, None, children).await?;
                }
                if !rest.is_empty() {
                    myself.cast(InventoriesMessage::Wake(rest))?;
                }
                Ok(())
            }
            InventoriesMessage::Restart(event) => self.restart(&myself, event, children).await,
        }
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        children: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => self.failed(&myself, &who, &error.to_string(), children),
            // One that stopped by itself hands its state over. So does one that is killed between two messages.
            SupervisionEvent::ActorTerminated(who, Some(_), reason) if reason.as_deref() != Some(KILLED) => {
                self.stopped(&myself, &who, children);
            }
            SupervisionEvent::ActorTerminated(who, _, reason) => {
                self.failed(&myself, &who, reason.as_deref().unwrap_or(KILLED), children);
            }
            _ => {}
        }
        Ok(())
    }
}
