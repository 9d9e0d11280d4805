//! Removes the seats of deleted seat maps, a few rows at a time.

use std::sync::Arc;

use domain::{management::events::EventUpkeep, repositories::Found};

use super::keeper::Chore;

/// See the module's page.
pub(super) struct Purger<E> {
    pub(super) events: Arc<E>,
}

impl<E: EventUpkeep> Chore for Purger<E> {
    const NAME: &'static str = "purger";

    async fn portion(&self) -> Found<bool> {
        self.events.purge_seat_maps().await
    }
}
