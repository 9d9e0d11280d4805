//! Session renewal (lease). A node whose session has ended must not go on: another may own its events.

use std::{sync::Arc, time::Duration};

use domain::ledger::{Ledger, LoadError, Renewal};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::{sync::watch, time::Instant};

use crate::{
    clock::LedgerClock,
    inventories::directory::Directory,
    inventory::InventoryMessage,
    later::send_later,
    ledger::{pulse::PulseCaller, within},
};

/// How often the session is renewed; one that is not renewed for twenty seconds may be ended by another node. So soon it is
/// noticed, too, that the ledger is on another timeline.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// For one renewal; then the next one is tried, on another connection.
const RENEWAL_MAX: Duration = Duration::from_secs(3);
/// Timers are set again when the clock was wrong by as much.
const CLOCK_STEP: Duration = Duration::from_secs(1);

pub struct Leases<L> {
    pub ledger: Arc<L>,
    /// Becomes true when the session has ended.
    pub fenced: watch::Sender<bool>,
    /// All inventories, which start again when the ledger is not the one that they have read.
    pub directory: Arc<Directory>,
    /// Set by each renewal.
    pub clock: Arc<LedgerClock>,
    pub(crate) pulse: PulseCaller,
}

/// It is time to renew.
pub struct Renew;

impl<L: Ledger> Leases<L> {
    fn renewed(&self, renewal: Renewal, asked: Instant, timeline: &mut Option<String>) {
        let was_wrong_by = self.clock.saw(renewal.now, asked).unwrap_or_default();
        if was_wrong_by >= CLOCK_STEP {
            tracing::warn!(ms = was_wrong_by.as_millis() as u64, "the clock is set to the database's");
            self.tell_all(|| InventoryMessage::Tick);
        }
        let before = timeline.replace(renewal.timeline.clone());
        if let Some(before) = before
            && before != renewal.timeline
        {
            let now = renewal.timeline;
            tracing::error!(before, now, "the ledger is on another timeline, and may have lost what was written last");
            self.tell_all(|| InventoryMessage::Distrust);
        }
    }

    fn tell_all(&self, message: impl Fn() -> InventoryMessage) {
        for actor in self.directory.all().into_iter().filter_map(|(_, slot)| slot.actor()) {
            // A dead one has a successor that reads the ledger as it is.
            let _ = actor.cast(message());
        }
    }
}

impl<L: Ledger> Actor for Leases<L> {
    type Msg = Renew;
    /// The timeline of the ledger at the last renewal.
    type State = Option<String>;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        // At once, so that the timeline is known before it can change.
        myself.cast(Renew)?;
        Ok(None)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        Renew: Renew,
        timeline: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let asked = Instant::now();
        self.pulse.asks();
        let renewal = within(RENEWAL_MAX, self.ledger.renew()).await;
        self.pulse.was_told(!matches!(renewal, Err(LoadError::Unavailable(_))));
        match renewal {
            Err(LoadError::Fenced) => {
                tracing::error!(
                    "the session of this node has ended: another server took its name, or it was away too long"
                );
                self.fenced.send_replace(true);
                return Ok(());
            }
            // Nobody can take the session over without the database either.
            Err(error) => tracing::warn!(%error, "the session could not be renewed"),
            Ok(renewal) => self.renewed(renewal, asked, timeline),
        }
        send_later(&myself, RENEW_EVERY, Renew);
        Ok(())
    }
}
