//! Pauses of one inventory, for changes of its plan.

use std::{sync::Arc, time::Duration};

use domain::ids::EventId;
use ractor::rpc::CallResult;
use tokio::time::Instant;

use super::{AskError, Directory, Inventories, TRIES_MAX, gone};
use crate::{inventory::InventoryMessage, metrics::engine};

/// As long as it lives, this node's inventory of the event decides nothing, and nothing of it is on its way to the ledger.
/// Afterwards the inventory reads its plan anew. A pause that lasts too long ends by itself: the ledger then refuses what was
/// decided on the old plan.
#[derive(Debug)]
#[must_use = "the pause ends when this is dropped"]
pub struct Pause {
    directory: Arc<Directory>,
    event: EventId,
}

impl Pause {
    /// Ends the pause, and waits until the inventory has the new plan; at most until `deadline`. Whoever is told of a change
    /// afterwards sees it.
    pub async fn end(self, deadline: Instant) {
        let (directory, event) = (self.directory.clone(), self.event);
        drop(self);
        let Some(actor) = directory.find(event).and_then(|slot| slot.actor()) else { return };
        let wait = deadline.saturating_duration_since(Instant::now());
        // Behind the word to read anew. One that dies reads the new plan when it starts again.
        let _ = actor.call(InventoryMessage::Look, Some(wait)).await;
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        // Whoever is there now: also a successor, which may have read the old plan.
        if let Some(actor) = self.directory.find(self.event).and_then(|slot| slot.actor()) {
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
        for _ in 0..TRIES_MAX {
            let Some(slot) = self.directory.find(event) else { return Ok(self.pause_of(event)) };
            let Some(actor) = slot.actor() else { return Ok(self.pause_of(event)) };
            let wait = deadline.saturating_duration_since(Instant::now());
            match actor.call(InventoryMessage::Pause, Some(wait)).await {
                Ok(CallResult::Success(())) => {
                    engine().pauses.increment(1);
                    return Ok(self.pause_of(event));
                }
                Ok(CallResult::Timeout) => return Err(unavailable("it could not be paused in time")),
                // It is dying; its successor may have begun already.
                Ok(CallResult::SenderError) | Err(_) => gone(&slot, &actor),
            }
        }
        Err(unavailable("it keeps failing"))
    }

    /// Has the event's inventory, if it is loaded here, read its plan anew.
    pub fn reload(&self, event: EventId) {
        drop(self.pause_of(event));
    }

    fn pause_of(&self, event: EventId) -> Pause {
        Pause { directory: self.directory.clone(), event }
    }
}
