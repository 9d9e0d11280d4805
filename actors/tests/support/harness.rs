//! A running engine over a ledger in memory, and words for what tests do with it.

use std::{sync::Arc, time::Duration};

use actors::{
    engine::{Engine, EngineSettings},
    inventories::AskError,
    inventory::{CommandAnswer, Denial, Outcome},
};
use domain::{
    bookings::{Booking, Hold},
    inventory::Command,
    refusal::Refusal,
};
use tokio::{task::JoinHandle, time::Instant};

use super::{
    builders::{EventSpec, settings},
    memory_ledger::MemoryLedger,
};

pub type Asked = Result<CommandAnswer, AskError>;

/// See the module's page.
pub struct Running {
    pub ledger: Arc<MemoryLedger>,
    pub engine: Engine,
}

/// An engine for these events.
pub async fn start(events: &[&EventSpec]) -> Running {
    start_on(MemoryLedger::new(events), settings()).await
}

pub async fn start_on(ledger: Arc<MemoryLedger>, settings: EngineSettings) -> Running {
    Running { engine: Engine::start(ledger.clone(), settings).await.unwrap(), ledger }
}

impl Running {
    /// Asks, with a deadline that no test should reach.
    pub async fn ask(&self, event: &EventSpec, command: Command) -> Asked {
        self.engine.inventories.ask(event.id, command, Instant::now() + Duration::from_secs(20)).await
    }

    pub async fn book(&self, event: &EventSpec, places: u32) -> Asked {
        self.ask(event, Command::Book(event.book(event.places(places)))).await
    }

    /// Asks from a task of its own.
    pub fn asking(&self, event: &EventSpec, command: Command) -> JoinHandle<Asked> {
        let (inventories, event) = (self.engine.inventories.clone(), event.id);
        let deadline = Instant::now() + Duration::from_secs(20);
        tokio::spawn(async move { inventories.ask(event, command, deadline).await })
    }

    pub fn asking_all(&self, event: &EventSpec, commands: Vec<Command>) -> Vec<JoinHandle<Asked>> {
        commands.into_iter().map(|command| self.asking(event, command)).collect()
    }

    /// Waits until so many asks are under way for the event.
    pub async fn under_way(&self, event: &EventSpec, count: u32) {
        let slot = || self.engine.inventories.directory().find(event.id);
        eventually("the asks are under way", || slot().is_some_and(|slot| slot.admission.in_flight() == count)).await;
    }

    /// Lets the inventory finish all that it was told before this.
    pub async fn caught_up(&self, event: &EventSpec) {
        let actor = self.engine.inventories.directory().find(event.id).and_then(|slot| slot.actor()).unwrap();
        let _ = actor.call(actors::inventory::InventoryMessage::Counts, None).await.unwrap();
    }

    /// Memory, counters and rows of the ledger agree, and nothing is given away twice.
    pub async fn assert_exact(&self, event: &EventSpec) {
        let deadline = Instant::now() + Duration::from_secs(20);
        self.engine.inventories.availability(event.id, deadline).await.unwrap();
        let counted = self.ledger.places(event);
        let shown = || {
            let picture = self.engine.inventories.directory().find(event.id)?.snapshot()?;
            Some((picture.ticket_types[0].held, picture.ticket_types[0].sold))
        };
        // A killed inventory's picture stays until its successor has loaded.
        eventually("memory and counters agree", || shown() == Some(counted)).await;
        assert_eq!(self.ledger.rows().events[&event.id].recount(), counted, "rows and counters");
        assert!(counted.0 + counted.1 <= event.capacity);
    }
}

/// Waits for a condition; fails when it takes too long.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(std::time::Instant::now() < until, "{what}: not within 20 s");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The answers of tasks, in their order.
pub async fn all(asking: Vec<JoinHandle<Asked>>) -> Vec<Asked> {
    let mut answers = Vec::with_capacity(asking.len());
    for ask in asking {
        answers.push(ask.await.unwrap());
    }
    answers
}

pub fn booked(asked: &Asked) -> Arc<Booking> {
    match asked {
        Ok(CommandAnswer { outcome: Outcome::Booked(booking), .. }) => booking.clone(),
        other => panic!("no booking: {other:?}"),
    }
}

pub fn held(asked: &Asked) -> Arc<Hold> {
    match asked {
        Ok(CommandAnswer { outcome: Outcome::Held(hold), .. }) => hold.clone(),
        other => panic!("no hold: {other:?}"),
    }
}

pub fn refused(asked: &Asked) -> Refusal {
    match asked {
        Err(AskError::Denied(Denial::Refused(refusal))) => refusal.clone(),
        other => panic!("not refused: {other:?}"),
    }
}

pub fn granted(asked: &[Asked]) -> usize {
    asked.iter().filter(|asked| asked.is_ok()).count()
}
