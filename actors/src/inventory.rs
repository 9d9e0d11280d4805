//! One inventory actor an event: what it can be told, and what it answers.

pub mod actor;
mod keys;
mod loading;
mod outcomes;
mod pause;
pub(crate) mod queue;
pub mod shared;
mod state;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use domain::{
    bookings::{Booking, Hold},
    inventory::{Availability, Command, Inconsistent, Inventory},
    ledger::{LoadError, QuotaCount},
    refusal::Refusal,
    unpaid::Buyer,
};
use ractor::{ActorRef, RpcReplyPort};
use tokio::time::Instant;

use crate::ledger::commit::BatchOutcome;

/// A command, and who waits for its answer until when.
pub struct Ask {
    /// What to do. Shared with the caller, who may have to ask a successor the same.
    pub command: Arc<Command>,
    /// What is known of who asks.
    pub buyer: Buyer,
    /// When nobody waits any more.
    pub deadline: Instant,
    /// Where the answer goes. Dropped without one when the inventory dies: the outcome is then exact on a retry.
    pub reply: RpcReplyPort<Result<CommandAnswer, Denial>>,
}

/// A picture of the inventory, or why there is none.
pub type Look = Result<Arc<Availability>, Denial>;

/// What an inventory actor can be told.
pub enum InventoryMessage {
    /// Do this.
    Ask(Ask),
    /// Show the inventory once it is loaded.
    Look(RpcReplyPort<Look>),
    /// The ledger was read.
    Loaded(Box<LoadResult>),
    /// The ledger answered the batch on its way.
    Committed(BatchOutcome),
    /// Look for what has expired.
    Tick,
    /// Stop, if nothing is going on and nothing will expire; otherwise say so.
    StopIfIdle,
    /// The counters as memory has them; nothing while it is loading.
    Counts(RpcReplyPort<Option<Vec<QuotaCount>>>),
    /// The memory was found to differ from the ledger: die and load it again.
    Distrust,
    /// Decide nothing more for a while; granted once what was decided is in the ledger.
    Pause(RpcReplyPort<PauseGrant>),
    /// The pause with this number is over: read plan and counters anew, once the others that were granted with it are over too.
    EndPause(u64),
    /// Read plan and counters anew, once what was decided is in the ledger.
    Reload,
    /// The ledger has these counters: read it anew, if that is not because of what is on its way.
    CatchUp(Vec<QuotaCount>),
}

/// What a command has led to. Durable.
#[derive(Clone, Debug)]
pub struct CommandAnswer {
    /// The result.
    pub outcome: Outcome,
    /// True when an earlier request with the same key had led to it.
    pub replayed: bool,
}

/// The result of a command.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Places are held.
    Held(Arc<Hold>),
    /// Places are booked.
    Booked(Arc<Booking>),
    /// What was to be closed is closed.
    Closed,
}

/// Why a command has led to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Denial {
    /// The business says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such event.
    #[error("there is no such event")]
    NoSuchEvent,
    /// What was to be closed was closed by somebody else in the meantime; the ledger knows how.
    #[error("not open any more")]
    NotOpen,
    /// The deadline had passed before anything was decided.
    #[error("the deadline has passed")]
    TooLate,
    /// The inventory can't be had now.
    #[error("{0}")]
    Unavailable(String),
}

/// The inventory as the ledger has it, or why there is none.
pub type LoadResult = Result<Inventory, LoadFailure>;

/// Why an inventory could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadFailure {
    /// It could not be read.
    #[error(transparent)]
    Ledger(#[from] LoadError),
    /// What was read makes no sense.
    #[error(transparent)]
    Inconsistent(#[from] Inconsistent),
}

/// A pause that nobody ends by then ends by itself. Longer than the longest change, COMMIT included; a shorter one would cost the event of a
/// slow change a restart.
pub const PAUSE_MAX: Duration = Duration::from_secs(16);

/// Pauses are told apart over all inventories and their successors.
static NEXT_PAUSE: AtomicU64 = AtomicU64::new(0);

/// A pause that was granted. It ends when this is dropped: also when that happens on the way to a caller that has given up.
#[derive(Debug)]
pub struct PauseGrant {
    pub(crate) number: u64,
    inventory: ActorRef<InventoryMessage>,
}

impl PauseGrant {
    pub(crate) fn new(inventory: &ActorRef<InventoryMessage>) -> Self {
        Self { number: NEXT_PAUSE.fetch_add(1, Relaxed), inventory: inventory.clone() }
    }

    /// Who has granted it.
    pub(crate) fn inventory(&self) -> &ActorRef<InventoryMessage> {
        &self.inventory
    }
}

impl Drop for PauseGrant {
    fn drop(&mut self) {
        // A dead one has a successor, which has read what is there now, or will be told to by the pause's owner.
        let _ = self.inventory.cast(InventoryMessage::EndPause(self.number));
    }
}
