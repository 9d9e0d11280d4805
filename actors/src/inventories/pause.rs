//! Pauses of one inventory, for changes of its plan.

use std::{sync::Arc, time::Duration};

use domain::ids::EventId;
use ractor::rpc::CallResult;
use tokio::time::Instant;

use super::{AskError, Directory, Dying, Inventories, TRIES_MAX};
use crate::{
    inventory::{InventoryMessage, PauseGrant},
    metrics::engine,
};

/// How long the new plan is waited for. The change is done, and an answer that comes a little late is better than one that is not true
/// yet.
const END_MAX: Duration = Duration::from_secs(5);

/// As long as it lives, this node's inventory of the event decides nothing, and nothing of it is on its way to the ledger.
/// Afterwards the inventory reads its plan anew. A pause that lasts too long ends by itself: the ledger then refuses what was
/// decided on the old plan.
#[derive(Debug)]
#[must_use = "the pause ends when this is dropped"]
pub struct Pause {
    directory: Arc<Directory>,
    event: EventId,
    /// `None` when the inventory was not loaded.
    grant: Option<PauseGrant>,
}

impl Pause {
    /// Ends the pause, and waits until the inventory has the new plan; at most five seconds, however long the change has taken.
    /// Whoever is told of a change afterwards sees it.
    pub async fn end(self) {
        let (directory, event) = (self.directory.clone(), self.event);
        drop(self);
        let Some(actor) = directory.find(event).and_then(|slot| slot.actor()) else { return };
        // Behind the word to read anew. One that dies reads the new plan when it starts again.
        let _ = actor.call(InventoryMessage::Look, Some(END_MAX)).await;
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let granted_by = self.grant.as_ref().map(|grant| grant.inventory().get_id());
        // Another one than has granted it, if any, which may have read the old plan. The grant itself says that it is over.
        if let Some(actor) = self.directory.find(self.event).and_then(|slot| slot.actor())
            && granted_by != Some(actor.get_id())
        {
            let _ = actor.cast(InventoryMessage::Reload);
        }
    }
}

impl Inventories {
    /// Pauses the event's inventory, once what it has decided is in the ledger. One that is not loaded is left so: it will
    /// read what is there then.
    pub async fn pause(&self, event: EventId, deadline: Instant) -> Result<Pause, AskError> {
        let unavailable =
            |reason: &str| AskError::Unavailable { reason: reason.to_owned(), retry_after: Duration::from_secs(1) };
        let mut dying = Dying::default();
        while dying.count <= TRIES_MAX {
            let Some(slot) = self.directory.find(event) else { return Ok(self.pause_of(event, None)) };
            let Some(actor) = slot.actor() else { return Ok(self.pause_of(event, None)) };
            let wait = deadline.saturating_duration_since(Instant::now());
            match actor.call(InventoryMessage::Pause, Some(wait)).await {
                Ok(CallResult::Success(grant)) => {
                    engine().pauses.increment(1);
                    return Ok(self.pause_of(event, Some(grant)));
                }
                Ok(CallResult::Timeout) => return Err(unavailable("it could not be paused in time")),
                // It is dying; its successor may have begun already.
                Ok(CallResult::SenderError) | Err(_) => {
                    if !dying.met(&slot, &actor, deadline).await {
                        break;
                    }
                }
            }
        }
        Err(unavailable("it keeps failing"))
    }

    /// Has the event's inventory, if it is loaded here, read its plan anew.
    pub fn reload(&self, event: EventId) {
        drop(self.pause_of(event, None));
    }

    fn pause_of(&self, event: EventId, grant: Option<PauseGrant>) -> Pause {
        Pause { directory: self.directory.clone(), event, grant }
    }
}
