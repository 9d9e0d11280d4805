//! Supervisor of a fixed set of children. Each is restarted on its own, within the bounds of the restart policy. When
//! one exceeds them, the supervisor itself fails, and its own supervisor decides; a persistent one leaves the child
//! down for a while and goes on.

use std::{collections::HashMap, pin::Pin, sync::Arc};

use arc_swap::ArcSwapOption;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, Message, SpawnErr, SupervisionEvent};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    later::send_later,
    metrics::{count_give_up, count_restart},
    restart::{FailureHistory, RestartPolicy, Verdict},
};

/// Where the present incarnation of a restartable actor is found.
#[derive(Debug)]
pub struct Address<M: Message>(Arc<ArcSwapOption<ActorRef<M>>>);

impl<M: Message> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Message> Default for Address<M> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<M: Message> Address<M> {
    /// The actor, unless it is down.
    pub fn get(&self) -> Option<ActorRef<M>> {
        self.0.load_full().map(|actor| (*actor).clone())
    }

    /// Announces a new incarnation.
    pub fn set(&self, actor: ActorRef<M>) {
        self.0.store(Some(Arc::new(actor)));
    }

    /// Sends a message; it is dropped, with all it carries, when the actor is down.
    pub fn cast(&self, message: M) {
        if let Some(actor) = &*self.0.load() {
            // A message that can't be delivered is dropped, and so are the reply ports in it: callers notice.
            let _ = actor.cast(message);
        }
    }
}

/// A future that starts one child under the given supervisor.
pub type Starting = Pin<Box<dyn Future<Output = Result<ActorCell, SpawnErr>> + Send>>;

/// A child, and how it is started.
pub struct ChildSpec {
    /// For logs and metrics.
    pub kind: &'static str,
    /// Starts the child linked to the supervisor, and announces its address.
    pub start: Box<dyn Fn(ActorCell) -> Starting + Send + Sync>,
}

impl ChildSpec {
    /// A child made again by `make` at each start and announced at `address`.
    pub fn new<A, F>(kind: &'static str, address: Address<A::Msg>, make: F) -> Self
    where
        A: Actor,
        F: Fn() -> (A, A::Arguments) + Send + Sync + 'static,
    {
        let start = move |supervisor: ActorCell| -> Starting {
            let ((actor, arguments), address) = (make(), address.clone());
            Box::pin(async move {
                let (child, _) = Actor::spawn_linked(None, actor, arguments, supervisor).await?;
                address.set(child.clone());
                Ok(child.get_cell())
            })
        };
        Self { kind, start: Box::new(start) }
    }
}

pub struct Supervisor {
    policy: RestartPolicy,
    persistent: bool,
}

/// A tree of actors that nothing else depends on.
pub(crate) struct Tree {
    root: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
}

impl Tree {
    /// Its root never gives up for good.
    pub(crate) async fn start(policy: RestartPolicy, specs: Vec<ChildSpec>) -> Result<Self, SpawnErr> {
        let (root, ended) = Actor::spawn(None, Supervisor::persistent(policy), specs).await?;
        Ok(Self { root, ended })
    }

    /// Ends it, and waits for that.
    pub(crate) async fn stop(self) {
        self.root.stop(Some("shutdown".to_owned()));
        // An error means that the tree has ended by a panic; it has ended.
        let _ = self.ended.await;
    }
}

pub enum SupervisorMessage {
    /// Start the child at this place of the specifications again.
    Start(usize),
}

pub struct Children {
    specs: Vec<ChildSpec>,
    histories: Vec<FailureHistory>,
    running: HashMap<ActorId, usize>,
}

impl Supervisor {
    pub fn new(policy: RestartPolicy) -> Self {
        Self { policy, persistent: false }
    }

    /// Supervises by `policy`, and never fails itself: for children that nothing else depends on.
    fn persistent(policy: RestartPolicy) -> Self {
        Self { policy, persistent: true }
    }

    fn ended(
        &self,
        myself: &ActorRef<SupervisorMessage>,
        who: &ActorCell,
        reason: &str,
        children: &mut Children,
    ) -> Result<(), ActorProcessingErr> {
        let Some(index) = children.running.remove(&who.get_id()) else { return Ok(()) };
        self.failed(myself, index, reason, children)
    }

    fn failed(
        &self,
        myself: &ActorRef<SupervisorMessage>,
        index: usize,
        reason: &str,
        children: &mut Children,
    ) -> Result<(), ActorProcessingErr> {
        let kind = children.specs[index].kind;
        match children.histories[index].judge(&self.policy, Instant::now()) {
            Verdict::RestartAfter(wait) => {
                tracing::warn!(actor = kind, reason, waitMs = wait.as_millis() as u64, "actor ended, starts again");
                count_restart(kind);
                send_later(myself, wait, SupervisorMessage::Start(index));
                Ok(())
            }
            Verdict::GiveUp(wait) if self.persistent => {
                tracing::error!(actor = kind, reason, waitMs = wait.as_millis() as u64, "actor failed too often");
                count_give_up(kind);
                send_later(myself, wait, SupervisorMessage::Start(index));
                Ok(())
            }
            Verdict::GiveUp(_) => {
                count_give_up(kind);
                Err(format!("{kind} failed too often: {reason}").into())
            }
        }
    }
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = Children;
    type Arguments = Vec<ChildSpec>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        specs: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let mut running = HashMap::new();
        for (index, spec) in specs.iter().enumerate() {
            running.insert((spec.start)(myself.get_cell()).await?.get_id(), index);
        }
        let histories = specs.iter().map(|_| FailureHistory::default()).collect();
        Ok(Children { specs, histories, running })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        SupervisorMessage::Start(index): Self::Msg,
        children: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match (children.specs[index].start)(myself.get_cell()).await {
            Ok(child) => {
                children.running.insert(child.get_id(), index);
                Ok(())
            }
            Err(error) => self.failed(&myself, index, &error.to_string(), children),
        }
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        children: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => self.ended(&myself, &who, &error.to_string(), children),
            SupervisionEvent::ActorTerminated(who, _, reason) => {
                self.ended(&myself, &who, reason.as_deref().unwrap_or("stopped"), children)
            }
            _ => Ok(()),
        }
    }
}
