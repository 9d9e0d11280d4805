//! Jobs: does what is queued, in a tree of its own that never gives up for good. An actor a kind, so that a kind that hangs or fails
//! holds up no other (bulkhead).
//!
//! A job is tried until it is done. It becomes a dead letter when it never will be, or when it still fails after its kind's deadline; one
//! that could not be tried, because what it needs is away, waits for as long as that takes. Nothing of a job is in memory only, so any of
//! this may die at any moment.

mod measures;
mod message;
mod settings;
mod trying;
mod worker;

use std::{sync::Arc, time::Duration};

use domain::jobs::{HandleJob, JobPayload, JobQueue};
use ractor::SpawnErr;
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout_at},
};

use self::{measures::KindMeasures, message::JobMessage, trying::NOTE_GRACE, worker::Worker};
pub use self::{
    measures::watch as watch_jobs,
    settings::{JobSettings, KindSettings},
};
use crate::{
    metrics::register_actors,
    supervisor::{ChildSpec, Tree},
    waker::Waker,
};

/// The door to the jobs, for use cases.
#[derive(Clone, Debug)]
pub struct Jobs(Arc<[Waker<JobMessage>]>);

impl Default for Jobs {
    fn default() -> Self {
        Self(JobPayload::KINDS.iter().map(|_| Waker::default()).collect())
    }
}

impl Jobs {
    /// Tells that jobs were queued. Call it after the commit; without it they wait for the next look at the queue.
    pub fn wake(&self) {
        self.0.iter().for_each(|worker| worker.wake(JobMessage::Hint));
    }
}

pub struct RunningJobs {
    jobs: Jobs,
    tree: Tree,
    /// They outlive the actors, so that a successor does not double what is under way.
    slots: Vec<(Arc<Semaphore>, u32)>,
    longest: Duration,
    /// True from when no further job is begun.
    closing: watch::Sender<bool>,
}

impl RunningJobs {
    /// Starts to do what `queue` holds. `jobs` is the door that use cases have already.
    pub async fn start(
        jobs: Jobs,
        queue: Arc<dyn JobQueue>,
        handler: Arc<dyn HandleJob>,
        settings: &JobSettings,
    ) -> Result<Self, SpawnErr> {
        let (closing, closed) = watch::channel(false);
        let (mut specs, mut slots, mut longest) = (Vec::new(), Vec::new(), Duration::ZERO);
        for (kind, waker) in JobPayload::KINDS.into_iter().zip(&*jobs.0) {
            let of_kind = settings.of(kind);
            let places = Arc::new(Semaphore::new(of_kind.concurrency as usize));
            slots.push((places.clone(), of_kind.concurrency));
            longest = longest.max(of_kind.time_limit);
            let worker = Worker {
                kind,
                queue: queue.clone(),
                handler: handler.clone(),
                settings: of_kind,
                poll_every: settings.poll_every,
                slots: places,
                closing: closed.clone(),
                waker: waker.clone(),
                measures: Arc::new(KindMeasures::of(kind)),
            };
            specs.push(ChildSpec::new("jobs", waker.actor.clone(), move || (worker.clone(), ())));
        }
        register_actors(["jobs"]);
        Ok(Self { jobs, tree: Tree::start(settings.restart, specs).await?, slots, longest, closing })
    }

    /// Kills the actors, for fault tests.
    pub fn kill_workers(&self) {
        for waker in &*self.jobs.0 {
            if let Some(worker) = waker.actor.get() {
                worker.kill();
            }
        }
    }

    /// Begins no further job. For the beginning of a shutdown: [`RunningJobs::stop`] waits for those under way.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Closes, and waits for the jobs under way, until their time limits. What is broken off is done again after its lease.
    pub async fn stop(self) {
        self.close();
        self.tree.stop().await;
        let deadline = Instant::now() + self.longest + NOTE_GRACE;
        for (slots, count) in &self.slots {
            if timeout_at(deadline, slots.acquire_many(*count)).await.is_err() {
                tracing::warn!("jobs were under way at the end; they are done again");
                return;
            }
        }
    }
}
