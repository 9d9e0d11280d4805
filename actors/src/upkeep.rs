//! What goes on with events after the answer: those whose time has come are published, and the bookings of cancelled ones are
//! cancelled one after the other; deleted seat maps go bit by bit; rows that are over are deleted; and counters are compared with rows.
//! A tree of its own, which never gives up for good. Each chore is an actor of its own, so that none waits for another.
//!
//! The repository shares the work out, so several servers may do it; a server that dies leaves a lease that ends. Bookings are
//! cancelled through their event's inventory like any other, in portions, so that it goes on answering meanwhile.

mod canceller;
mod keeper;
mod publisher;
mod purger;
mod reconciler;
mod sweeper;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{management::events::EventUpkeep, reconciliation::Reconciliation, retention::Retention};
use ractor::{Actor, ActorRef, SpawnErr};
use tokio::task::JoinHandle;

use self::{
    canceller::Canceller,
    keeper::{Chore, Keeper, KeeperMessage, LastSuccess},
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
    supervisor::{Address, ChildSpec, Supervisor, SupervisorMessage},
};

/// The address of a chore's actor, and whether a hint to it is on its way: mailboxes have no bound of their own, and one hint says it
/// all.
#[derive(Clone, Debug, Default)]
struct Door {
    keeper: Address<KeeperMessage>,
    hinted: Arc<AtomicBool>,
}

impl Door {
    fn wake(&self) {
        if !self.hinted.swap(true, Ordering::AcqRel) {
            self.keeper.cast(KeeperMessage::Hint);
        }
    }

    /// The child that does the chore behind this door.
    fn child<C: Chore>(&self, chore: C, poll_every: Duration) -> ChildSpec {
        let (chore, hinted, success) = (Arc::new(chore), self.hinted.clone(), LastSuccess::of(C::NAME));
        ChildSpec::new(C::NAME, self.keeper.clone(), move || {
            let keeper = Keeper { chore: chore.clone(), hinted: hinted.clone(), poll_every, success: success.clone() };
            (keeper, ())
        })
    }
}

/// The door to the upkeep, for use cases.
#[derive(Clone, Debug, Default)]
pub struct Upkeep {
    publisher: Door,
    canceller: Door,
    purger: Door,
}

impl Upkeep {
    /// Tells that there is something to do. Without it, that waits for the next look.
    pub fn wake(&self) {
        self.publisher.wake();
        self.canceller.wake();
    }
}

/// The running tree.
pub struct RunningUpkeep {
    /// The door to it.
    pub upkeep: Upkeep,
    root: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
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
        let (to, outbox_of) = (inventories.clone(), outbox.clone());
        let publisher = Publisher { events: events.clone(), inventories: to, cache, outbox: outbox_of };
        let canceller = Canceller { events: events.clone(), inventories, outbox };
        let (rows, swept, success) = (events.clone(), SweptRows::default(), LastSuccess::of("sweeper"));
        let sweeper = ChildSpec::new("sweeper", Address::default(), move || {
            (Sweeper { rows: rows.clone(), swept: swept.clone(), success: success.clone() }, ())
        });
        let (rows, differences, success) = (events.clone(), Differences::default(), LastSuccess::of("reconciler"));
        let reconciler = ChildSpec::new("reconciler", Address::default(), move || {
            (Reconciler { rows: rows.clone(), differences: differences.clone(), success: success.clone() }, ())
        });
        let specs = vec![
            upkeep.publisher.child(publisher, poll_every),
            upkeep.canceller.child(canceller, poll_every),
            upkeep.purger.child(Purger { events }, poll_every),
            sweeper,
            reconciler,
        ];
        metrics::register_actors(specs.iter().map(|spec| spec.kind));
        let policy = RestartPolicy::default();
        let (root, ended) = Actor::spawn(None, Supervisor::persistent(policy), specs).await?;
        Ok(Self { upkeep, root, ended })
    }

    /// Kills the actors that publish, cancel and purge, for fault tests.
    pub fn kill_keepers(&self) {
        for door in [&self.upkeep.publisher, &self.upkeep.canceller, &self.upkeep.purger] {
            if let Some(keeper) = door.keeper.get() {
                keeper.kill();
            }
        }
    }

    /// Stops; what is under way is taken up again by whoever comes next.
    pub async fn stop(self) {
        self.root.stop(Some("shutdown".to_owned()));
        // An error means that the tree has ended by a panic; it has ended.
        let _ = self.ended.await;
    }
}
