//! Background work on events: publishes scheduled ones, cancels the bookings of cancelled ones, removes deleted seat
//! maps, deletes expired rows, and compares counters with rows. A tree of its own, which never gives up for good. Each
//! chore is an actor of its own, so that none waits for another.
//!
//! The repository shares the work out, so several servers may do it; a server that dies leaves a lease that ends. Bookings are
//! cancelled through their event's inventory like any other, in portions, so that it goes on answering meanwhile.

mod canceller;
mod keeper;
mod publisher;
mod purger;
mod reconciler;
mod sweeper;

use std::{sync::Arc, time::Duration};

use domain::{management::events::EventUpkeep, reconciliation::Reconciliation, retention::Retention};
use ractor::SpawnErr;

use self::{
    canceller::Canceller,
    keeper::{Chore, Keeper, KeeperMessage, last_success},
    publisher::Publisher,
    purger::Purger,
    reconciler::{Differences, Reconciler},
    sweeper::{Sweeper, SweptRows},
};
use crate::{
    cache::Cache,
    inventories::Inventories,
    metrics,
    outbox::Outbox,
    restart::RestartPolicy,
    supervisor::{Address, ChildSpec, Tree},
    waker::Waker,
};

/// The actor that does a chore whenever it is woken.
fn keeper<C: Chore>(waker: &Waker<KeeperMessage>, chore: C, poll_every: Duration) -> ChildSpec {
    let (chore, waker, success) = (Arc::new(chore), waker.clone(), last_success(C::NAME));
    ChildSpec::new(C::NAME, waker.actor.clone(), move || {
        let keeper = Keeper { chore: chore.clone(), waker: waker.clone(), poll_every, success: success.clone() };
        (keeper, ())
    })
}

/// The door to the upkeep, for use cases.
#[derive(Clone, Debug, Default)]
pub struct Upkeep {
    publisher: Waker<KeeperMessage>,
    canceller: Waker<KeeperMessage>,
    purger: Waker<KeeperMessage>,
}

impl Upkeep {
    /// Tells that there is something to do. Without it, that waits for the next look.
    pub fn wake(&self) {
        self.publisher.wake(KeeperMessage::Hint);
        self.canceller.wake(KeeperMessage::Hint);
    }
}

pub struct RunningUpkeep {
    pub upkeep: Upkeep,
    tree: Tree,
}

impl RunningUpkeep {
    /// Starts to look every so often what there is to do.
    pub async fn start<E: EventUpkeep + Retention + Reconciliation>(
        events: Arc<E>,
        inventories: Inventories,
        outbox: Outbox,
        cache: Cache,
        poll_every: Duration,
    ) -> Result<Self, SpawnErr> {
        let upkeep = Upkeep::default();
        let publisher = Publisher { events: events.clone(), inventories: inventories.clone(), cache, outbox };
        let canceller = Canceller { events: events.clone(), inventories };
        let (rows, swept, success) = (events.clone(), SweptRows::default(), last_success("sweeper"));
        let sweeper = ChildSpec::new("sweeper", Address::default(), move || {
            (Sweeper { rows: rows.clone(), swept: swept.clone(), success: success.clone() }, ())
        });
        let (rows, differences, success) = (events.clone(), Differences::default(), last_success("reconciler"));
        let reconciler = ChildSpec::new("reconciler", Address::default(), move || {
            (Reconciler { rows: rows.clone(), differences: differences.clone(), success: success.clone() }, ())
        });
        let specs = vec![
            keeper(&upkeep.publisher, publisher, poll_every),
            keeper(&upkeep.canceller, canceller, poll_every),
            keeper(&upkeep.purger, Purger { events }, poll_every),
            sweeper,
            reconciler,
        ];
        metrics::register_actors(specs.iter().map(|spec| spec.kind));
        Ok(Self { upkeep, tree: Tree::start(RestartPolicy::default(), specs).await? })
    }

    /// Kills the actors that publish, cancel and purge, for fault tests.
    pub fn kill_keepers(&self) {
        for waker in [&self.upkeep.publisher, &self.upkeep.canceller, &self.upkeep.purger] {
            if let Some(keeper) = waker.actor.get() {
                keeper.kill();
            }
        }
    }

    /// Stops; what is under way is taken up again by the one who comes next.
    pub async fn stop(self) {
        self.tree.stop().await;
    }
}
