//! Commits a group of batches such that one bad entry never fails its neighbours.

mod group;
mod outcome;

use std::time::Duration;

use domain::ledger::{CommitError, EventBatch, Ledger};
use rand::Rng;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use self::group::{Group, Place};
pub(crate) use self::group::{GroupOutcome, LockedBatch};
pub use self::outcome::{BatchFailure, BatchOutcome, EntryOutcome};
use super::within;

/// Serialisation failures are retried this often, with back-off (D5).
const TRIES_MAX: u32 = 5;
/// For a look at which events are locked.
const LOOK_AT_LOCKS_MAX: Duration = Duration::from_secs(1);
/// A group that waits for a lock which nobody seems to have is tried again this often, before it is halved.
const UNKNOWN_LOCK_TRIES_MAX: u32 = 2;
/// Of the batches that wait for locks of somebody else, all of a node together, so many ask the ledger at once. Each takes a connection
/// beside those of the writers.
pub const APART_MAX: usize = 1;
/// How long a batch waits for a lock in all. Nobody waits that long for a booking.
const LOCKED_MAX: Duration = Duration::from_secs(10);
/// Waits between two tries of a locked batch.
const LOCKED_WAIT_MIN: Duration = Duration::from_millis(20);
const LOCKED_WAIT_MAX: Duration = Duration::from_millis(250);

/// Commits `batches` and says what became of each, in their order. What is locked by somebody else is waited for: a writer goes on with
/// others meanwhile, by itself, and this is for those who have nothing else to do, such as tests of a ledger.
pub async fn commit_group<L: Ledger>(ledger: &L, batches: Vec<EventBatch>) -> Vec<BatchOutcome> {
    let turns = Semaphore::new(APART_MAX);
    let mut outcomes = Vec::with_capacity(batches.len());
    for outcome in commit_unlocked(ledger, batches).await {
        outcomes.push(match outcome {
            GroupOutcome::Known(outcome) => outcome,
            GroupOutcome::Locked(batch) => batch.commit(ledger, &turns, || false).await,
        });
    }
    outcomes
}

/// Commits `batches` and says what became of each, in their order.
///
/// All go in one transaction. When the ledger refuses it, the culprits are found and the rest is tried again: taken keys by
/// one look-up, stale and locked events by name, any other culprit by halving. At most `2·log₂(n)` further transactions a culprit.
pub(crate) async fn commit_unlocked<L: Ledger>(ledger: &L, batches: Vec<EventBatch>) -> Vec<GroupOutcome> {
    let mut group = Group::new(batches);
    let all = group.all();
    commit_parts(ledger, &mut group, all).await;
    group.finish()
}

impl LockedBatch {
    /// Tries again and again, for ten seconds at most or until `gone` says that nobody waits for it any more. It asks the ledger in its
    /// turn only, of which there are as many as connections for such batches: those of the writers are left to them.
    pub(crate) async fn commit<L: Ledger>(
        self,
        ledger: &L,
        turns: &Semaphore,
        gone: impl Fn() -> bool,
    ) -> BatchOutcome {
        let (Self(mut group), until, mut wait) = (self, Instant::now() + LOCKED_MAX, LOCKED_WAIT_MIN);
        loop {
            let jittered = wait.mul_f64(rand::rng().random_range(0.5..=1.0));
            tokio::time::sleep(jittered).await;
            wait = (wait * 2).min(LOCKED_WAIT_MAX);
            let turn = timeout_at(until, turns.acquire()).await;
            group.bring_back();
            let rest = group.rest();
            if turn.is_err() || gone() || Instant::now() >= until {
                group.fail_all(&rest, &BatchFailure::Lost("locked by somebody else".to_owned()));
            } else {
                commit_when_free(ledger, &mut group, rest).await;
            }
            drop(turn);
            match group.finish().pop() {
                Some(GroupOutcome::Locked(still)) => group = still.0,
                Some(GroupOutcome::Known(outcome)) => return outcome,
                None => return BatchOutcome::Failed(BatchFailure::Lost("a batch without entries".to_owned())),
            }
        }
    }
}

async fn commit_parts<L: Ledger>(ledger: &L, group: &mut Group, all: Vec<Place>) {
    // Ranges of entries to write, last first.
    let (mut work, mut lock_tries) = (vec![all], 0);
    while let Some(part) = work.pop() {
        let part = group.without_failed(part);
        if part.is_empty() {
            continue;
        }
        let result = commit_retrying(ledger, &group.batches_of(&part)).await;
        match result {
            Ok(()) => group.committed(&part),
            Err(CommitError::KeyTaken) => match group.look_up_keys(ledger, &part).await {
                Ok((rest, postponed)) => work.extend([postponed, rest]),
                Err(reason) => group.fail_all(&part, &BatchFailure::Lost(reason)),
            },
            Err(CommitError::Stale(event)) if group.has(event, &part) => {
                group.fail_event(event, &BatchFailure::Stale);
                work.push(part);
            }
            Err(error @ CommitError::Stale(_)) => group.fail_all(&part, &BatchFailure::Lost(error.to_string())),
            Err(CommitError::Rejected(rejection)) => match part[..] {
                [culprit] => group.rejected(culprit, rejection),
                _ => work.extend(halves(&part, part.len() / 2)),
            },
            Err(CommitError::Locked(reason)) => {
                tracing::warn!(reason, entries = part.len(), "a group meets a lock of somebody else");
                lock_tries += 1;
                work.extend(without_locked(ledger, group, part, lock_tries).await);
            }
            Err(CommitError::Fenced) => group.fail_all(&part, &BatchFailure::Fenced),
            Err(error @ (CommitError::TryAgain(_) | CommitError::Unavailable(_) | CommitError::Unknown(_))) => {
                group.fail_all(&part, &BatchFailure::Lost(error.to_string()))
            }
        }
    }
}

/// Looks first, which takes no time, where a commit would wait for the lock and let all others wait for their turns.
async fn commit_when_free<L: Ledger>(ledger: &L, group: &mut Group, rest: Vec<Place>) {
    let events = group.events_of(&rest);
    let locked = within(LOOK_AT_LOCKS_MAX, ledger.locked_events(&events)).await.unwrap_or_default();
    if locked.iter().any(|event| events.contains(event)) {
        return group.set_apart(&events);
    }
    commit_parts(ledger, group, rest).await;
}

fn halves(part: &[Place], at: usize) -> [Vec<Place>; 2] {
    let (first, second) = part.split_at(at);
    [second.to_vec(), first.to_vec()]
}

/// Sets the events apart that are locked, and returns what is to be tried again of `part`.
async fn without_locked<L: Ledger>(ledger: &L, group: &mut Group, part: Vec<Place>, tries: u32) -> Vec<Vec<Place>> {
    let events = group.events_of(&part);
    if let [event] = events[..] {
        group.set_apart(&[event]);
        return Vec::new();
    }
    // That it can't be told is as good as that none is.
    let locked = within(LOOK_AT_LOCKS_MAX, ledger.locked_events(&events)).await.unwrap_or_default();
    if locked.iter().any(|event| events.contains(event)) {
        group.set_apart(&locked);
        return vec![part];
    }
    if tries <= UNKNOWN_LOCK_TRIES_MAX {
        tokio::time::sleep(LOCKED_WAIT_MIN * tries).await;
        return vec![part];
    }
    // Between two events: those of one wait for each other anyway.
    let middle = events[events.len() / 2];
    let at = part.iter().position(|place| group.is_of(*place, middle)).unwrap_or(part.len() / 2);
    halves(&part, at).into()
}

async fn commit_retrying<L: Ledger>(ledger: &L, batches: &[EventBatch]) -> Result<(), CommitError> {
    let mut tries = 1;
    loop {
        match ledger.commit(batches).await {
            Err(CommitError::TryAgain(reason)) if tries < TRIES_MAX => {
                let wait = Duration::from_millis(5 << tries).mul_f64(rand::rng().random_range(0.5..=1.0));
                tracing::debug!(reason, tries, "the ledger asks to try again");
                tokio::time::sleep(wait).await;
                tries += 1;
            }
            result => return result,
        }
    }
}
