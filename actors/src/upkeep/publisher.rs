//! Publishes the events whose time has come.

use std::{sync::Arc, time::Duration};

use domain::{
    cache::Tag,
    ids::EventId,
    management::events::{EventUpkeep, Publishing},
    repositories::Found,
};
use tokio::time::Instant;

use super::keeper::Chore;
use crate::{cache::Cache, inventories::Inventories, outbox::Outbox};

/// Events that are published in one portion.
const PORTION: u32 = 100;
/// For an inventory to pause. One that is stalled must not keep the events behind it from being published on time.
const PAUSE_WITHIN: Duration = Duration::from_millis(500);

/// See the module's page.
pub(super) struct Publisher<E> {
    pub(super) events: Arc<E>,
    pub(super) inventories: Inventories,
    pub(super) cache: Cache,
    pub(super) outbox: Outbox,
}

impl<E: EventUpkeep> Publisher<E> {
    async fn publish(&self, event: EventId) -> Found<()> {
        // As for any change of a plan: blocks are taken of an event that is scheduled. Without a pause the ledger refuses what is decided on
        // the old plan, and the inventory starts again.
        let pause = self.inventories.pause(event, Instant::now() + PAUSE_WITHIN).await;
        let published = self.events.publish_due(event).await;
        if pause.is_err() {
            self.inventories.reload(event);
        }
        drop(pause);
        // Also when the answer was lost: it may be published.
        if !matches!(published, Ok(None)) {
            self.cache.invalidate(&[Tag::Event(event), Tag::Events]);
        }
        match published? {
            Some(Publishing::Published(series)) => {
                tracing::info!(%event, "event published as scheduled");
                if let Some(series) = series {
                    self.cache.invalidate(&[Tag::Series(series)]);
                }
            }
            Some(Publishing::Withdrawn(reasons)) => {
                tracing::warn!(%event, reasons = reasons.join("; "), "event not published as scheduled");
                self.outbox.wake();
            }
            None => {}
        }
        Ok(())
    }
}

impl<E: EventUpkeep> Chore for Publisher<E> {
    const NAME: &'static str = "publisher";

    /// One that can't be published stands in the way of no other.
    async fn portion(&self) -> Found<bool> {
        let due = self.events.due_to_publish(PORTION).await?;
        let mut failed = None;
        for event in &due {
            if let Err(error) = self.publish(*event).await {
                tracing::warn!(%event, %error, "an event that is due can't be published now");
                failed = Some(error);
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(due.len() == PORTION as usize),
        }
    }
}
