//! A ledger in memory that judges as the real one does, with points at which it can be made to fail.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use domain::{
    ids::EventId,
    ledger::{
        CommitError, EventBatch, KeyAnswer, KeyOf, Ledger, LoadError, LoadedInventory, QuotaCount, Renewal, Unreadable,
    },
};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{RwLock, watch},
    time::Instant,
};

use super::{
    builders::{EventSpec, epoch},
    ledger_rows::{EventRows, Rows},
};

/// What becomes of one commit.
#[derive(Debug)]
pub enum Fault {
    /// Nothing is written.
    Fail(CommitError),
    /// All is written, and nobody learns it.
    LoseAnswer,
    /// The commit panics.
    Panic,
    /// Nothing goes wrong.
    None,
}

/// A call that reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    Load,
    Keys,
    Expiring,
    Renewal,
    Counts,
}

/// What goes wrong until it is changed again.
#[derive(Debug, Default)]
pub struct Faults {
    /// For the next commits, one each.
    pub commits: VecDeque<Fault>,
    /// No commit reaches the ledger.
    pub commits_down: bool,
    /// After so many groups were written, commits have no answer.
    pub commits_hang_after: Option<usize>,
    /// No load, look-up or renewal reaches the ledger.
    pub reads_down: bool,
    /// So many loads panic.
    pub loads_panic: usize,
    /// The next calls of these kinds have no answer, one each.
    pub hang: Vec<Read>,
    /// Rows of these events are locked by somebody else.
    pub locked: HashSet<EventId>,
    /// As long as something is locked, nobody can tell by whom.
    pub locks_are_hidden: bool,
    /// A commit that meets such a lock waits for it so long.
    pub lock_takes: Duration,
    /// What was written under these keys can't be read.
    pub unreadable: HashSet<KeyOf>,
    /// Which history the ledger is on.
    pub timeline: u32,
    /// Added to the clock that the ledger shows.
    pub clock_ahead: SignedDuration,
    /// A load takes so long after it was read.
    pub load_takes: Duration,
    /// A look at counters takes so long after they were read.
    pub counts_take: Duration,
    /// This node's session has ended.
    pub fenced: bool,
    /// The memory of these events is always found to be stale.
    pub stale: HashSet<EventId>,
}

/// See the module's page.
pub struct MemoryLedger {
    started: Instant,
    rows: Mutex<Rows>,
    faults: Mutex<Faults>,
    /// Held shared by each commit, exclusively by a caller that waits for those in flight.
    in_flight: RwLock<()>,
    /// Closed, it holds back the commits that have arrived.
    gate: watch::Sender<bool>,
    arrived: watch::Sender<usize>,
    /// Entries of each event, for each group that was written.
    groups: Mutex<Vec<Vec<(EventId, usize)>>>,
    loads: Mutex<Vec<(EventId, bool)>>,
    /// Loads under way, and the most that ever were.
    loading: Mutex<(usize, usize)>,
    /// Commits that wait for a lock, and the most that ever did.
    waiting: Mutex<(usize, usize)>,
}

impl MemoryLedger {
    /// Has these events, of which nothing is sold.
    pub fn new(events: &[&EventSpec]) -> Arc<Self> {
        let events = events.iter().map(|spec| (spec.id, EventRows::new((*spec).clone()))).collect();
        Arc::new(Self {
            started: Instant::now(),
            rows: Mutex::new(Rows { events, ..Rows::default() }),
            faults: Mutex::default(),
            in_flight: RwLock::default(),
            gate: watch::Sender::new(true),
            arrived: watch::Sender::new(0),
            groups: Mutex::default(),
            loads: Mutex::default(),
            loading: Mutex::default(),
            waiting: Mutex::default(),
        })
    }

    /// The database's clock.
    pub fn now(&self) -> Timestamp {
        epoch() + SignedDuration::try_from(self.started.elapsed()).unwrap() + self.faults().clock_ahead
    }

    /// All rows, to look at or to change behind the engine's back.
    pub fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap()
    }

    /// The groups that were written, each with the number of entries of each event.
    pub fn groups(&self) -> Vec<Vec<(EventId, usize)>> {
        self.groups.lock().unwrap().clone()
    }

    /// The loads so far: of which event, and whether they waited for the commits in flight.
    pub fn loads(&self, event: EventId) -> Vec<bool> {
        self.loads.lock().unwrap().iter().filter(|(of, _)| *of == event).map(|(_, settle)| *settle).collect()
    }

    /// The most loads that were ever under way at once.
    pub fn loads_at_once(&self) -> usize {
        self.loading.lock().unwrap().1
    }

    /// The most commits that ever waited for a lock at once.
    pub fn waiting_at_once(&self) -> usize {
        self.waiting.lock().unwrap().1
    }

    async fn wait_for_lock(&self) {
        {
            let (now, most) = &mut *self.waiting.lock().unwrap();
            *now += 1;
            *most = (*most).max(*now);
        }
        let takes = self.faults().lock_takes;
        tokio::time::sleep(takes).await;
        self.waiting.lock().unwrap().0 -= 1;
    }

    /// Of which events something was loaded, in the order of the loads.
    pub fn loaded_events(&self) -> Vec<EventId> {
        self.loads.lock().unwrap().iter().map(|(event, _)| *event).collect()
    }

    /// Holds back every commit from now on.
    pub fn hold_commits(&self) {
        self.gate.send_replace(false);
    }

    pub fn release_commits(&self) {
        self.gate.send_replace(true);
    }

    /// How many commits have arrived, held back or not.
    pub fn arrived(&self) -> usize {
        *self.arrived.borrow()
    }

    /// Held and sold places of an event.
    pub fn places(&self, event: &EventSpec) -> (u32, u32) {
        let rows = self.rows();
        let count = rows.events[&event.id].counts[0];
        (count.held, count.sold)
    }

    async fn readable(&self, read: Read) -> Result<(), LoadError> {
        let hangs = {
            let hang = &mut self.faults().hang;
            hang.iter().position(|kind| *kind == read).map(|place| hang.remove(place))
        };
        if hangs.is_some() {
            std::future::pending::<()>().await;
        }
        let faults = self.faults();
        if faults.fenced {
            return Err(LoadError::Fenced);
        }
        if faults.reads_down { Err(LoadError::Unavailable("planted".to_owned())) } else { Ok(()) }
    }

    fn hangs(&self) -> bool {
        self.faults().commits_hang_after.is_some_and(|after| self.groups.lock().unwrap().len() >= after)
    }

    fn next_fault(&self, batches: &[EventBatch]) -> Option<Fault> {
        let mut faults = self.faults();
        if let Some(batch) = batches.iter().find(|batch| faults.stale.contains(&batch.event_id)) {
            return Some(Fault::Fail(CommitError::Stale(batch.event_id)));
        }
        if let Some(locked) = batches.iter().find(|batch| faults.locked.contains(&batch.event_id)) {
            return Some(Fault::Fail(CommitError::Locked(format!("planted: {}", locked.event_id))));
        }
        if faults.commits_down {
            return Some(Fault::Fail(CommitError::Unavailable("planted".to_owned())));
        }
        if faults.fenced {
            return Some(Fault::Fail(CommitError::Fenced));
        }
        faults.commits.pop_front()
    }

    fn write(&self, batches: &[EventBatch]) -> Result<(), CommitError> {
        let mut rows = self.rows();
        // A transaction: all or nothing.
        let mut draft = rows.clone();
        draft.write(batches)?;
        *rows = draft;
        self.groups.lock().unwrap().push(batches.iter().map(|batch| (batch.event_id, batch.entries.len())).collect());
        Ok(())
    }
}

impl Ledger for MemoryLedger {
    async fn load(&self, event: EventId, settle: bool) -> Result<LoadedInventory, LoadError> {
        self.loads.lock().unwrap().push((event, settle));
        let panics = std::mem::replace(&mut self.faults().loads_panic, 0);
        if panics > 0 {
            self.faults().loads_panic = panics - 1;
            panic!("planted: a load panics");
        }
        self.readable(Read::Load).await?;
        if settle {
            drop(self.in_flight.write().await);
        }
        let now = self.now();
        let loaded = self.rows().events.get(&event).map(|rows| rows.load(now)).ok_or(LoadError::NoSuchEvent);
        let takes = self.faults().load_takes;
        if !takes.is_zero() {
            {
                let (now, most) = &mut *self.loading.lock().unwrap();
                *now += 1;
                *most = (*most).max(*now);
            }
            tokio::time::sleep(takes).await;
            self.loading.lock().unwrap().0 -= 1;
        }
        loaded
    }

    async fn commit(&self, batches: &[EventBatch]) -> Result<(), CommitError> {
        let _in_flight = self.in_flight.read().await;
        self.arrived.send_modify(|arrived| *arrived += 1);
        // The sender lives as long as the ledger.
        let _ = self.gate.subscribe().wait_for(|open| *open).await;
        if self.hangs() {
            std::future::pending::<()>().await;
        }
        match self.next_fault(batches) {
            Some(Fault::Fail(error)) => {
                if matches!(error, CommitError::Locked(_)) {
                    self.wait_for_lock().await;
                }
                Err(error)
            }
            Some(Fault::Panic) => panic!("planted: a commit panics"),
            Some(Fault::LoseAnswer) => {
                self.write(batches)?;
                Err(CommitError::Unknown("planted".to_owned()))
            }
            Some(Fault::None) | None => self.write(batches),
        }
    }

    async fn find_by_keys(&self, keys: &[KeyOf]) -> Result<Vec<KeyAnswer>, LoadError> {
        self.readable(Read::Keys).await?;
        let unreadable = self.faults().unreadable.clone();
        let rows = self.rows();
        let find = |key| match unreadable.contains(key) {
            true => Err(Unreadable("planted".to_owned())),
            false => Ok(rows.keys.get(key).cloned()),
        };
        Ok(keys.iter().map(find).collect())
    }

    async fn locked_events(&self, events: &[EventId]) -> Result<Vec<EventId>, LoadError> {
        let faults = self.faults();
        let is_locked = |event: &&EventId| !faults.locks_are_hidden && faults.locked.contains(*event);
        Ok(events.iter().filter(is_locked).copied().collect())
    }

    async fn expiring_events(&self) -> Result<Vec<EventId>, LoadError> {
        self.readable(Read::Expiring).await?;
        let rows = self.rows();
        let expiring = rows.events.iter().filter(|(_, rows)| rows.has_expiring());
        Ok(expiring.map(|(event, _)| *event).collect())
    }

    async fn renew(&self) -> Result<Renewal, LoadError> {
        self.readable(Read::Renewal).await?;
        let timeline = self.faults().timeline.to_string();
        Ok(Renewal { now: self.now(), timeline })
    }

    async fn counts(&self, event: EventId) -> Result<Vec<QuotaCount>, LoadError> {
        self.readable(Read::Counts).await?;
        let counts = self.rows().events.get(&event).map(|rows| rows.counts.clone()).ok_or(LoadError::NoSuchEvent);
        let takes = self.faults().counts_take;
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        counts
    }
}
