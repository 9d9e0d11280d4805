//! One try to do one job, and what is recorded of it.

use std::{sync::Arc, time::Duration};

use domain::{
    jobs::{HandleJob, Job, JobError, JobQueue},
    repositories::Found,
};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::OwnedSemaphorePermit,
    task::{JoinError, JoinHandle},
    time::{Instant, sleep, timeout},
};

use super::{measures::KindMeasures, message::JobMessage, settings::KindSettings};
use crate::notice::Notice;

/// A lease outlasts the try by this. If noting the outcome takes longer, the job is done again, which it bears.
pub(super) const LEASE_MARGIN: Duration = Duration::from_secs(2);
/// Waits between the tries to note an outcome.
const NOTE_WAITS: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(1)];
/// How long a stop waits, after the last try has ended, for its outcome to be noted.
pub(super) const NOTE_GRACE: Duration = Duration::from_secs(3);
/// So many tries in a row without an outcome: the job ends the server, or something like that.
const LOST_MAX: u32 = 5;

/// Characters of a reason that are kept.
const REASON_MAX: usize = 500;

pub(super) struct Try {
    pub(super) kind: &'static str,
    pub(super) queue: Arc<dyn JobQueue>,
    pub(super) handler: Arc<dyn HandleJob>,
    pub(super) settings: KindSettings,
    pub(super) measures: Arc<KindMeasures>,
}

/// A task that ends with who waits for it.
struct Working(JoinHandle<Result<(), JobError>>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Try {
    pub(super) async fn run(self, job: Job, place: OwnedSemaphorePermit, free: Notice<JobMessage>) {
        // Said last: locals are dropped in the opposite order.
        let _free = free;
        let _place = place;
        let noted = if job.lost >= LOST_MAX {
            self.give_up(&job, "its last tries had no outcome: whoever does it dies of it").await
        } else {
            let started = Instant::now();
            let outcome = self.outcome(&job).await;
            self.measures.seconds.record(started.elapsed());
            self.note(&job, outcome).await
        };
        if let Err(error) = noted {
            let (job, kind) = (job.id, self.kind);
            tracing::error!(%job, kind, %error, "what became of a job can't be noted: it is done again after its lease");
        }
    }

    /// Does it, for as long as a try may take. In a task of its own, so that a panic is a failure of this job and of nothing else.
    async fn outcome(&self, job: &Job) -> Result<(), JobError> {
        let (handler, mine) = (self.handler.clone(), job.clone());
        let mut working = Working(tokio::spawn(async move { handler.handle(&mine).await }));
        match timeout(self.settings.time_limit, &mut working.0).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Err(JobError::Failed(panicked(error))),
            Err(_) => Err(JobError::Failed(format!("it took longer than {:?}", self.settings.time_limit))),
        }
    }

    async fn note(&self, job: &Job, outcome: Result<(), JobError>) -> Found<()> {
        let id = job.id;
        match outcome.map_err(short) {
            Ok(()) => {
                self.measures.done.increment(1);
                tracing::debug!(job = %id, kind = self.kind, attempt = job.attempt, "job done");
                stubborn(|| self.queue.done(job)).await
            }
            Err(JobError::Postponed { reason, wait }) => {
                self.measures.postponed.increment(1);
                tracing::debug!(job = %id, kind = self.kind, reason, waitMs = wait.as_millis() as u64, "job postponed");
                stubborn(|| self.queue.again(job, &reason, wait, false)).await
            }
            Err(JobError::Failed(reason)) if self.is_too_late(job) => self.give_up(job, &reason).await,
            Err(JobError::Failed(reason)) => {
                let wait = self.settings.backoff.after(job.attempt);
                self.measures.failed.increment(1);
                let (attempt, wait_ms) = (job.attempt, wait.as_millis() as u64);
                tracing::warn!(job = %id, kind = self.kind, attempt, reason, waitMs = wait_ms, "job failed");
                stubborn(|| self.queue.again(job, &reason, wait, true)).await
            }
            Err(JobError::Hopeless(reason)) => self.give_up(job, &reason).await,
        }
    }

    /// By this machine's clock, which differs from the database's by less than matters here.
    fn is_too_late(&self, job: &Job) -> bool {
        let deadline = SignedDuration::try_from(self.settings.deadline).unwrap_or(SignedDuration::MAX);
        Timestamp::now().duration_since(job.waits_since) > deadline
    }

    async fn give_up(&self, job: &Job, reason: &str) -> Found<()> {
        self.measures.dead.increment(1);
        let (id, about, attempt) = (job.id, job.payload.key(), job.attempt);
        tracing::error!(job = %id, kind = self.kind, about, attempt, reason, "job given up: it is a dead letter");
        stubborn(|| self.queue.give_up(job, reason)).await
    }
}

/// As much of the reason as is kept and shown.
fn short(error: JobError) -> JobError {
    let cut = |reason: String| reason.chars().take(REASON_MAX).collect();
    match error {
        JobError::Postponed { reason, wait } => JobError::Postponed { reason: cut(reason), wait },
        JobError::Failed(reason) => JobError::Failed(cut(reason)),
        JobError::Hopeless(reason) => JobError::Hopeless(cut(reason)),
    }
}

fn panicked(error: JoinError) -> String {
    let what = match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic.downcast_ref::<&str>().copied().unwrap_or("something").to_owned(),
        },
        Err(_) => "cancelled".to_owned(),
    };
    format!("it panicked: {what}")
}

/// Tries again what the database does not take at once.
async fn stubborn<F: Future<Output = Found<()>>>(note: impl Fn() -> F) -> Found<()> {
    for wait in NOTE_WAITS {
        match note().await {
            Ok(()) => return Ok(()),
            Err(_) => sleep(wait).await,
        }
    }
    note().await
}
