//! Cache maintenance actors: a tree of its own on the threads that serve HTTP, apart from the engine's. It never gives
//! up for good, and nothing but the cache's freshness depends on it.
//!
//! - the *teller* tells the shared cache what has changed, until it has been told (`teller.rs`);
//! - a pool of *workers* reads answers again whose time is nearly over, from a bounded queue;
//! - the *sweeper* counts, and deletes what is dead.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::cache::{SharedCache, WrittenChanges};
use ractor::{Actor, ActorProcessingErr, ActorRef, SpawnErr};

use super::{
    Cache, CacheSettings,
    counts::CacheMetrics,
    door::{CacheSweep, Door, RenewalQueue, WorkerMessage},
    teller::Teller,
};
use crate::{
    later::send_later,
    metrics,
    supervisor::{Address, ChildSpec, Tree},
};

/// How long a stop waits for the shared cache to be told of the last changes. What it is not told then, another node tells it.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Rounds of the sweeper from one that walks over all answers to the next.
const WALK_EVERY: u32 = 10;

/// Reads answers again, one at a time.
struct Worker {
    queue: Arc<RenewalQueue>,
    place: usize,
}

impl Actor for Worker {
    type Msg = WorkerMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
        // A predecessor may have been told, and have died instead of looking.
        self.queue.is_told(self.place, true);
        myself.cast(WorkerMessage)?;
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        WorkerMessage: Self::Msg,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        // Before the look: what comes from now on tells it again.
        self.queue.is_told(self.place, false);
        let next = self.queue.renewals().pop_front();
        let Some(mut renewal) = next else { return Ok(()) };
        (&mut renewal.work).await;
        // One a message, so that a stop waits for one at most.
        if !self.queue.is_told(self.place, true) {
            myself.cast(WorkerMessage)?;
        }
        Ok(())
    }
}

struct Sweeper {
    cache: Cache,
    every: Duration,
}

struct Rounds {
    metrics: CacheMetrics,
    done: u32,
}

impl Actor for Sweeper {
    type Msg = CacheSweep;
    type State = Rounds;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        myself.cast(CacheSweep)?;
        Ok(Rounds { metrics: CacheMetrics::new(), done: 0 })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        _: CacheSweep,
        rounds: &mut Rounds,
    ) -> Result<(), ActorProcessingErr> {
        let inner = &self.cache.0;
        // A walk over all answers.
        if rounds.done.is_multiple_of(WALK_EVERY) {
            inner.local.sweep(Instant::now());
            rounds.metrics.publish_sizes(&inner.local.sizes());
        }
        rounds.done = rounds.done.wrapping_add(1);
        rounds.metrics.publish(&inner.book);
        let queue = inner.settings.queue_max.saturating_sub(inner.door.places.available_permits());
        rounds.metrics.publish_state(queue, inner.untold.any(), inner.local.bytes_max());
        rounds.metrics.publish_look(self.cache.looked_ago());
        send_later(&myself, self.every, CacheSweep);
        Ok(())
    }
}

/// A cache with its actors.
pub struct RunningCache {
    pub cache: Cache,
    tree: Tree,
}

impl RunningCache {
    /// Starts an empty cache, in front of what all nodes share. What is `written` down of changes it tells there.
    pub async fn start(
        settings: CacheSettings,
        shared: Option<Arc<dyn SharedCache>>,
        written: Option<Arc<dyn WrittenChanges>>,
    ) -> Result<Self, SpawnErr> {
        let door = Door::new(settings.workers, settings.queue_max);
        let cache = Cache::new(settings, shared, door.clone());
        let mut specs = Vec::new();
        for (place, worker) in door.workers.iter().enumerate() {
            let queue = door.queue.clone();
            specs.push(ChildSpec::new("cache-worker", worker.clone(), move || {
                (Worker { queue: queue.clone(), place }, ())
            }));
        }
        let swept = cache.clone();
        specs.push(ChildSpec::new("cache-sweeper", door.sweeper, move || {
            (Sweeper { cache: swept.clone(), every: settings.sweep_every }, ())
        }));
        if let Some(shared) = cache.0.shared.clone() {
            let told = cache.clone();
            specs.push(ChildSpec::new("cache-teller", door.teller.actor, move || {
                (Teller { cache: told.clone(), shared: shared.clone(), written: written.clone() }, ())
            }));
        }
        metrics::register_actors(["cache-worker", "cache-sweeper", "cache-teller"]);
        Ok(Self { cache, tree: Tree::start(settings.restart, specs).await? })
    }

    /// Kills all actors below the root, for fault tests.
    pub fn kill_actors(&self) {
        let door = &self.cache.0.door;
        for worker in door.workers.iter().filter_map(Address::get) {
            worker.kill();
        }
        if let Some(teller) = door.teller.actor.get() {
            teller.kill();
        }
        if let Some(sweeper) = door.sweeper.get() {
            sweeper.kill();
        }
    }

    /// Tells the last changes, and ends the actors.
    pub async fn stop(self) {
        if self.cache.0.shared.is_some() {
            let told = self.cache.0.untold.all_told();
            if tokio::time::timeout(STOP_GRACE, told).await.is_err() {
                tracing::warn!(
                    "other nodes may show old answers for some seconds: the shared cache was not told of all changes"
                );
            }
        }
        self.tree.stop().await;
        // They hold the cache, which holds the queue.
        let undone = std::mem::take(&mut *self.cache.0.door.queue.renewals());
        drop(undone);
    }
}
