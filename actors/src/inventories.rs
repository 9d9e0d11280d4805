//! All inventories of this node: who finds them, who starts them again, and the typed door through which they are asked.

pub mod directory;
mod pause;
pub mod supervisor;

use std::{sync::Arc, time::Duration};

use domain::{
    bookings::Fingerprint,
    ids::EventId,
    inventory::{Availability, Command},
    ledger::{KeyOf, Prior},
    refusal::Refusal,
    unpaid::Buyer,
};
use ractor::{ActorId, ActorRef, ActorStatus, concurrency::oneshot, rpc::CallResult};
use tokio::time::{Instant, timeout_at};

use crate::{
    admission::Permit,
    inventory::{Ask, CommandAnswer, Denial, InventoryMessage, Outcome, queue::identity_key},
    ledger::probe::ProbeMessage,
    metrics::engine,
    supervisor::Address,
};
pub use directory::{Directory, Following, Slot};
pub use pause::Pause;
pub use supervisor::InventoriesMessage;

/// A dying inventory answers nobody; the caller asks its successor, this often at most: as often as one may fail before it is
/// left down. One death often brings another, when a batch of the dead was still on its way to the ledger.
const TRIES_MAX: u32 = 10;
/// Waits between two tries to ask an inventory that is dying, until its supervisor knows.
const DYING_WAIT_MIN: Duration = Duration::from_millis(1);
const DYING_WAIT_MAX: Duration = Duration::from_millis(50);

/// Why a question has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AskError {
    /// Nothing was changed.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// Too much is under way already; nothing was changed.
    #[error("too many requests are waiting for this event")]
    Overloaded {
        /// When to ask again.
        retry_after: Duration,
    },
    /// No answer in time, or the inventory is down. What was asked may still happen: a retry with the same key is exact.
    #[error("the inventory did not answer: {reason}")]
    Unavailable {
        /// For the log.
        reason: String,
        /// When to ask again.
        retry_after: Duration,
    },
}

/// The door to the inventories. Cheap to clone.
#[derive(Clone)]
pub struct Inventories {
    directory: Arc<Directory>,
    supervisor: Address<InventoriesMessage>,
    probe: Address<ProbeMessage>,
}

impl Inventories {
    /// A door to the inventories that `supervisor` starts and `directory` knows. `probe` looks up the keys of what they refuse.
    pub fn new(
        directory: Arc<Directory>,
        supervisor: Address<InventoriesMessage>,
        probe: Address<ProbeMessage>,
    ) -> Self {
        Self { directory, supervisor, probe }
    }

    /// Where the inventories are found, and what is known of each without asking it.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Has the event's inventory do `command`, and waits until it is durable, at most until `deadline`.
    pub fn ask(
        &self,
        event: EventId,
        command: Command,
        deadline: Instant,
    ) -> impl Future<Output = Result<CommandAnswer, AskError>> + Send {
        self.ask_for(Buyer::default(), event, command, deadline)
    }

    /// The same for a buyer of whom something is known.
    pub fn ask_for(
        &self,
        buyer: Buyer,
        event: EventId,
        command: Command,
        deadline: Instant,
    ) -> impl Future<Output = Result<CommandAnswer, AskError>> + Send {
        // Before the future, which would else have room for the command twice, and is moved about with each booking.
        self.ask_shared(buyer, event, Arc::new(command), deadline)
    }

    async fn ask_shared(
        &self,
        buyer: Buyer,
        event: EventId,
        command: Arc<Command>,
        deadline: Instant,
    ) -> Result<CommandAnswer, AskError> {
        let slot = self.directory.slot(event);
        let mut permit = Some(admit(&slot)?);
        let answer = self
            .call(event, slot, &mut permit, deadline, |reply| {
                InventoryMessage::Ask(Ask { command: command.clone(), buyer, deadline, reply })
            })
            .await?;
        match answer {
            Ok(answer) => Ok(answer),
            // What is rare stands apart, so that the future of the others is small.
            Err(Denial::Refused(refusal)) => Box::pin(self.final_word(&command, refusal, deadline)).await,
            Err(denial) => Err(denial.into()),
        }
    }

    /// The latest picture of the event's inventory. Asks nobody, unless the inventory is not loaded yet.
    pub async fn availability(&self, event: EventId, deadline: Instant) -> Result<Arc<Availability>, AskError> {
        if let Some(snapshot) = self.directory.find(event).and_then(|slot| slot.snapshot()) {
            return Ok(snapshot);
        }
        let slot = self.directory.slot(event);
        let mut permit = Some(admit(&slot)?);
        Ok(self.call(event, slot, &mut permit, deadline, InventoryMessage::Look).await??)
    }

    /// Follows what is published of the event from now on. Its inventory stays loaded as long as somebody does.
    pub async fn follow(&self, event: EventId, deadline: Instant) -> Result<Following, AskError> {
        for _ in 0..TRIES_MAX {
            self.availability(event, deadline).await?;
            // Otherwise it was unloaded just now.
            if let Some(following) = self.directory.follow(event) {
                return Ok(following);
            }
        }
        Err(AskError::Unavailable { reason: "it keeps leaving".to_owned(), retry_after: Duration::from_secs(1) })
    }

    /// Ends an event's inventory the hard way, as a fault would; its supervisor starts it again.
    pub fn kill(&self, event: EventId) {
        if let Some(actor) = self.directory.find(event).and_then(|slot| slot.actor()) {
            actor.kill();
        }
    }

    /// Whether the event takes on work now, without doing any: for those who would refuse before they read a request.
    pub fn check(&self, event: EventId) -> Result<(), AskError> {
        match self.directory.find(event) {
            Some(slot) => slot.admission.check().map_err(overloaded),
            None => Ok(()),
        }
    }

    /// A refusal stands only if the ledger does not know the request: it may have been granted before a crash.
    async fn final_word(
        &self,
        command: &Command,
        refusal: Refusal,
        deadline: Instant,
    ) -> Result<CommandAnswer, AskError> {
        let Some((key, fingerprint)) = identity_key(command) else { return Err(Denial::Refused(refusal).into()) };
        if matches!(refusal, Refusal::KeyReused | Refusal::AccountGone) {
            return Err(Denial::Refused(refusal).into());
        }
        let is_own = |prior: &Prior| is_own(command, prior);
        self.answered(key, fingerprint, is_own, deadline).await?.ok_or_else(|| Denial::Refused(refusal).into())
    }

    /// What was answered to the request with this key, if the ledger knows it: for requests that would be refused now for a reason that
    /// did not stand against them at first.
    pub async fn recall(
        &self,
        key: KeyOf,
        fingerprint: Fingerprint,
        deadline: Instant,
    ) -> Result<Option<CommandAnswer>, AskError> {
        self.answered(key, fingerprint, |_| false, deadline).await
    }

    async fn answered(
        &self,
        key: KeyOf,
        fingerprint: Fingerprint,
        is_own: impl Fn(&Prior) -> bool,
        deadline: Instant,
    ) -> Result<Option<CommandAnswer>, AskError> {
        match self.find_prior(key, deadline).await? {
            None => Ok(None),
            Some(prior) if prior.fingerprint() == fingerprint => {
                // What a commit wrote whose answer was lost is this request's own.
                let replayed = !is_own(&prior);
                engine().replayed.increment(u64::from(replayed));
                Ok(Some(CommandAnswer { outcome: Outcome::from(&prior), replayed }))
            }
            Some(_) => Err(Denial::Refused(Refusal::KeyReused).into()),
        }
    }

    async fn find_prior(&self, key: KeyOf, deadline: Instant) -> Result<Option<Prior>, AskError> {
        let unavailable = |reason: String| AskError::Unavailable { reason, retry_after: Duration::from_secs(1) };
        let probe = self.probe.get().ok_or_else(|| unavailable("the key probe is down".to_owned()))?;
        let wait = deadline.saturating_duration_since(Instant::now());
        match probe.call(|port| ProbeMessage::Find(key, port), Some(wait)).await {
            Ok(CallResult::Success(found)) => found.map_err(unavailable),
            _ => Err(unavailable("the key could not be looked up in time".to_owned())),
        }
    }

    /// Calls the inventory, and its successor when it dies meanwhile: nothing was decided for a call that was dropped
    /// before the ledger had it, and keys make the repetition of any other exact.
    ///
    /// A caller that gives up leaves its `permit` behind, until the inventory has dealt with the message or died: what
    /// waits there is bounded also when nobody waits for it any more, however long the ledger is away.
    async fn call<T, F>(
        &self,
        event: EventId,
        mut slot: Arc<Slot>,
        permit: &mut Option<Permit>,
        deadline: Instant,
        message: F,
    ) -> Result<T, AskError>
    where
        T: Send + 'static,
        F: Fn(ractor::RpcReplyPort<T>) -> InventoryMessage,
    {
        let mut dying = Dying::default();
        while dying.count <= TRIES_MAX {
            let actor = match slot.actor() {
                Some(actor) => actor,
                None => Box::pin(self.activate(event, deadline)).await?,
            };
            let (port, mut answer) = oneshot();
            // Not delivered: its port is dropped with it, which is the same as an inventory that dies.
            let _ = actor.cast(message(port.into()));
            match timeout_at(deadline, &mut answer).await {
                Ok(Ok(answer)) => return Ok(answer),
                Err(_) => {
                    let permit = permit.take();
                    tokio::spawn(async move {
                        let _ = answer.await;
                        drop(permit);
                    });
                    return Err(self.late(event));
                }
                // It is dying, and its supervisor may not know yet: who finds no actor waits there for the successor.
                Ok(Err(_)) => {
                    if !Box::pin(dying.met(&slot, &actor, deadline)).await {
                        return Err(self.late(event));
                    }
                    // An event that was forgotten meanwhile has another one.
                    slot = self.directory.find(event).unwrap_or(slot);
                }
            }
        }
        Err(AskError::Unavailable { reason: "it keeps failing".to_owned(), retry_after: Duration::from_secs(1) })
    }

    fn late(&self, event: EventId) -> AskError {
        // Without making a slot: nobody would remove that of an event that does not exist.
        let slot = self.directory.find(event);
        let retry_after = slot.map_or(Duration::from_secs(1), |slot| slot.admission.retry_after());
        AskError::Unavailable { reason: "no answer in time".to_owned(), retry_after }
    }

    async fn activate(&self, event: EventId, deadline: Instant) -> Result<ActorRef<InventoryMessage>, AskError> {
        let unavailable = |reason: &str, retry_after| AskError::Unavailable { reason: reason.to_owned(), retry_after };
        let supervisor =
            self.supervisor.get().ok_or_else(|| unavailable("the supervisor is down", Duration::from_secs(1)))?;
        let wait = deadline.saturating_duration_since(Instant::now());
        match supervisor.call(|reply| InventoriesMessage::Activate(event, reply), Some(wait)).await {
            Ok(CallResult::Success(Ok(actor))) => Ok(actor),
            Ok(CallResult::Success(Err(retry_after))) => Err(unavailable("it failed too often", retry_after)),
            _ => Err(unavailable("it could not be started in time", Duration::from_secs(1))),
        }
    }
}

fn admit(slot: &Slot) -> Result<Permit, AskError> {
    slot.admission.admit().map_err(overloaded)
}

fn overloaded(retry_after: Duration) -> AskError {
    engine().shed.increment(1);
    AskError::Overloaded { retry_after }
}

fn is_own(command: &Command, prior: &Prior) -> bool {
    match (command, prior) {
        (Command::Hold(new) | Command::Block(new), Prior::Hold(hold)) => new.id == hold.id,
        (Command::Book(new), Prior::Booking(booking)) => new.id == booking.id,
        _ => false,
    }
}

/// The inventories that one caller has found dying, one after the other.
#[derive(Default)]
struct Dying {
    count: u32,
    last: Option<ActorId>,
    wait: Duration,
}

impl Dying {
    /// Another answer that did not come. An inventory that drops what it was asked is dying, though it may not look like it yet:
    /// the caller waits a moment, longer each time, so that one death does not cost it all of its tries. False when `deadline`
    /// comes before.
    async fn met(&mut self, slot: &Slot, actor: &ActorRef<InventoryMessage>, deadline: Instant) -> bool {
        if self.last != Some(actor.get_id()) {
            self.last = Some(actor.get_id());
            self.count += 1;
            self.wait = Duration::ZERO;
        }
        if actor.get_status() >= ActorStatus::Stopping {
            slot.close(actor.get_id());
            return true;
        }
        self.wait = (self.wait * 2).clamp(DYING_WAIT_MIN, DYING_WAIT_MAX);
        if Instant::now() + self.wait >= deadline {
            return false;
        }
        tokio::time::sleep(self.wait).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ractor::{Actor, ActorProcessingErr};

    use super::*;
    use crate::admission::AdmissionLimits;

    /// Drops what it is asked, and does not look like dying.
    struct Dropping(Arc<AtomicUsize>);

    impl Actor for Dropping {
        type Msg = InventoryMessage;
        type State = ();
        type Arguments = ();

        async fn pre_start(&self, _: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
            Ok(())
        }

        async fn handle(&self, _: ActorRef<Self::Msg>, _: Self::Msg, (): &mut ()) -> Result<(), ActorProcessingErr> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    /// Guards: the waits of `Dying`. The tries used to be spent on one dying inventory within a millisecond.
    #[tokio::test(start_paused = true)]
    async fn one_dying_inventory_does_not_cost_all_tries() {
        let directory =
            Arc::new(Directory::new(AdmissionLimits { permits: 10, stalled_after: Duration::from_secs(10) }));
        let inventories = Inventories::new(directory.clone(), Address::default(), Address::default());
        let (event, asked) = (EventId::generate(), Arc::new(AtomicUsize::new(0)));
        let (actor, _) = Actor::spawn(None, Dropping(asked.clone()), ()).await.unwrap();
        directory.slot(event).open(actor);
        let began = Instant::now();
        let answer = inventories.availability(event, began + Duration::from_secs(2)).await;
        assert!(matches!(answer, Err(AskError::Unavailable { .. })), "{answer:?}");
        assert!(began.elapsed() >= Duration::from_millis(1_900), "gave up after {:?}", began.elapsed());
        let asked = asked.load(Ordering::Relaxed);
        assert!((10..=60).contains(&asked), "asked {asked} times");
    }
}
