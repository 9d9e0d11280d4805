//! A queue of jobs in memory and a handler that does as it is told.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actors::jobs::{JobSettings, Jobs, RunningJobs};
use async_trait::async_trait;
use domain::{
    ids::{BookingId, JobId, RefundId},
    jobs::{HandleJob, Job, JobError, JobPayload, JobQueue, KindState, Notice},
    repositories::{Found, RepositoryError},
};
use jiff::Timestamp;
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

pub(crate) fn refund() -> JobPayload {
    JobPayload::Refund { refund_id: RefundId::generate() }
}

pub(crate) fn notify(booking_id: BookingId) -> JobPayload {
    JobPayload::Notify { booking_id, notice: Notice::Confirmed }
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Noted {
    Done(JobId),
    /// Which try, why, and whether it counts.
    Again(JobId, u32, String, bool),
    Dead(JobId, String),
}

/// Jobs and when each is due.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) due: Mutex<Vec<(Instant, Job)>>,
    noted: Mutex<Vec<Noted>>,
    /// When each job was to be done again.
    pub(crate) waits: Mutex<Vec<Duration>>,
    pub(crate) claims: AtomicUsize,
    /// So many claims fail, then so many panic.
    pub(crate) failing: AtomicUsize,
    pub(crate) panicking: AtomicUsize,
    /// So many outcomes can't be noted.
    pub(crate) deaf: AtomicUsize,
}

fn takes_one(from: &AtomicUsize) -> bool {
    from.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Queue {
    pub(crate) fn put(&self, payload: JobPayload) -> JobId {
        let job = Job {
            id: JobId::generate(),
            payload,
            queued_at: Timestamp::now(),
            waits_since: Timestamp::now(),
            attempt: 0,
            lost: 0,
            leased_until: Timestamp::UNIX_EPOCH,
        };
        let id = job.id;
        self.due.lock().unwrap().push((Instant::now(), job));
        id
    }

    pub(crate) fn put_many(&self, count: usize) {
        for _ in 0..count {
            self.put(refund());
        }
    }

    pub(crate) fn change(&self, id: JobId, change: impl Fn(&mut Job)) {
        self.due.lock().unwrap().iter_mut().filter(|(_, of)| of.id == id).for_each(|(_, of)| change(of));
    }

    pub(crate) fn noted(&self) -> Vec<Noted> {
        self.noted.lock().unwrap().clone()
    }

    pub(crate) fn done_count(&self) -> usize {
        self.noted().iter().filter(|noted| matches!(noted, Noted::Done(_))).count()
    }

    fn note(&self, outcome: Noted) -> Found<()> {
        if takes_one(&self.deaf) {
            return Err(RepositoryError::Unavailable("on purpose".to_owned()));
        }
        self.noted.lock().unwrap().push(outcome);
        Ok(())
    }

    fn forget(&self, job: &Job) {
        self.due.lock().unwrap().retain(|(_, of)| of.id != job.id);
    }
}

#[async_trait]
impl JobQueue for Queue {
    async fn claim(&self, kind: &str, limit: u32, lease: Duration) -> Found<Vec<Job>> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        assert!(!takes_one(&self.panicking), "on purpose");
        if takes_one(&self.failing) {
            return Err(RepositoryError::Unavailable("on purpose".to_owned()));
        }
        let (now, mut claimed) = (Instant::now(), Vec::new());
        let mut keys = HashMap::<String, ()>::new();
        for (at, job) in self.due.lock().unwrap().iter_mut() {
            let is_first = keys.insert(job.payload.key(), ()).is_none();
            if is_first && *at <= now && job.payload.kind() == kind && claimed.len() < limit as usize {
                (*at, job.attempt, job.lost) = (now + lease, job.attempt + 1, job.lost + 1);
                claimed.push(Job { lost: job.lost - 1, ..job.clone() });
            }
        }
        Ok(claimed)
    }

    async fn done(&self, job: &Job) -> Found<()> {
        self.note(Noted::Done(job.id))?;
        self.forget(job);
        Ok(())
    }

    async fn again(&self, job: &Job, reason: &str, wait: Duration, counted: bool) -> Found<()> {
        self.note(Noted::Again(job.id, job.attempt, reason.to_owned(), counted))?;
        self.waits.lock().unwrap().push(wait);
        for (at, of) in self.due.lock().unwrap().iter_mut().filter(|(_, of)| of.id == job.id) {
            (*at, of.lost) = (Instant::now() + wait, 0);
            of.attempt -= u32::from(!counted);
        }
        Ok(())
    }

    async fn give_up(&self, job: &Job, reason: &str) -> Found<()> {
        self.note(Noted::Dead(job.id, reason.to_owned()))?;
        self.forget(job);
        Ok(())
    }

    async fn state(&self) -> Found<Vec<KindState>> {
        Ok(Vec::new())
    }
}

/// What becomes of a try.
#[derive(Debug)]
pub(crate) enum Act {
    Fail,
    Postpone,
    Refuse,
    Hang,
    Panic,
}

/// Does every job, unless it is told otherwise.
pub(crate) struct Hand {
    pub(crate) acts: Mutex<VecDeque<Act>>,
    /// What it does when it was told nothing.
    pub(crate) usually: Mutex<Option<fn() -> Act>>,
    /// Closed, it holds jobs back.
    pub(crate) gate: Semaphore,
    pub(crate) under_way: watch::Sender<usize>,
    pub(crate) most: AtomicUsize,
    pub(crate) tries: AtomicUsize,
}

impl Hand {
    pub(crate) fn new(acts: impl IntoIterator<Item = Act>) -> Arc<Self> {
        Arc::new(Self {
            acts: Mutex::new(acts.into_iter().collect()),
            usually: Mutex::new(None),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            under_way: watch::channel(0).0,
            most: AtomicUsize::new(0),
            tries: AtomicUsize::new(0),
        })
    }
}

struct OneLess<'a>(&'a watch::Sender<usize>);

impl Drop for OneLess<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[async_trait]
impl HandleJob for Hand {
    async fn handle(&self, _: &Job) -> Result<(), JobError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        self.under_way.send_modify(|count| *count += 1);
        self.most.fetch_max(*self.under_way.borrow(), Ordering::SeqCst);
        let _less = OneLess(&self.under_way);
        let act = self.acts.lock().unwrap().pop_front().or_else(|| self.usually.lock().unwrap().map(|act| act()));
        match act {
            None => drop(self.gate.acquire().await.unwrap()),
            Some(Act::Fail) => return Err(JobError::Failed("busy".to_owned())),
            Some(Act::Postpone) => {
                return Err(JobError::Postponed { reason: "away".to_owned(), wait: Duration::from_secs(60) });
            }
            Some(Act::Refuse) => return Err(JobError::Hopeless("no".to_owned())),
            Some(Act::Hang) => std::future::pending().await,
            Some(Act::Panic) => panic!("on purpose"),
        }
        Ok(())
    }
}

/// Looks for nothing by itself for an hour.
pub(crate) fn rare() -> JobSettings {
    JobSettings { poll_every: Duration::from_secs(3600), ..JobSettings::default() }
}

pub(crate) async fn start(queue: &Arc<Queue>, hand: &Arc<Hand>, settings: JobSettings) -> (Jobs, RunningJobs) {
    let jobs = Jobs::default();
    let running = RunningJobs::start(jobs.clone(), queue.clone(), hand.clone(), &settings).await.unwrap();
    (jobs, running)
}

/// Waits for a condition. The clock stands still while there is something to do, and then moves on to the next timer.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10 * 24 * 3600);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
