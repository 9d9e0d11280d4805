//! Commits a group of batches such that one bad entry never fails its neighbours.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    time::Duration,
};

use domain::{
    ids::{EventId, QuotaId},
    ledger::{CommitError, Entry, EventBatch, KeyOf, Ledger, Prior, Rejection},
};
use rand::Rng;

use crate::metrics::engine;

/// What became of one entry.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryOutcome {
    /// It is in the ledger.
    Committed,
    /// Its key was in the ledger already; nothing was written.
    Prior(Prior),
    /// A rule of the ledger refused it; nothing was written.
    Rejected(Rejection),
}

/// Why a batch has no outcome that memory could follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchFailure {
    /// Nothing, or an unknown part, was written.
    #[error("{0}")]
    Lost(String),
    /// The memory that decided is not the ledger's state.
    #[error("memory was stale")]
    Stale,
    /// This node's session has ended.
    #[error("the session of this node has ended")]
    Fenced,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchOutcome {
    /// Each entry has an outcome, in their order, and the quotas these versions.
    Done {
        /// One an entry.
        entries: Vec<EntryOutcome>,
        /// One a quota of the batch.
        versions: Vec<(QuotaId, i64)>,
    },
    /// The inventory must start anew from the ledger.
    Failed(BatchFailure),
}

/// Serialisation failures are retried this often, with back-off (D5).
const TRIES_MAX: u32 = 5;

/// Commits `batches` and says what became of each, in their order.
///
/// All go in one transaction. When the ledger refuses it, the culprits are found and the rest is tried again: taken keys by
/// one look-up, stale events by name, any other culprit by halving. At most `2·log₂(n)` further transactions a culprit.
pub async fn commit_group<L: Ledger>(ledger: &L, batches: Vec<EventBatch>) -> Vec<BatchOutcome> {
    let mut group = Group::new(batches);
    // Ranges of entries to write, last first.
    let mut work = vec![group.all()];
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
                _ => {
                    let (first, second) = part.split_at(part.len() / 2);
                    work.extend([second.to_vec(), first.to_vec()]);
                }
            },
            Err(CommitError::Fenced) => group.fail_all(&part, &BatchFailure::Fenced),
            Err(error @ (CommitError::TryAgain(_) | CommitError::Unavailable(_) | CommitError::Unknown(_))) => {
                group.fail_all(&part, &BatchFailure::Lost(error.to_string()))
            }
        }
    }
    group.finish()
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

/// Place of an entry: which batch, and which entry of it.
type Place = (usize, usize);

/// The batches of a group, with what is known of each.
struct Group {
    batches: Vec<EventBatch>,
    outcomes: Vec<Vec<Option<EntryOutcome>>>,
    failures: HashMap<usize, BatchFailure>,
}

impl Group {
    fn new(batches: Vec<EventBatch>) -> Self {
        let outcomes = batches.iter().map(|batch| vec![None; batch.entries.len()]).collect();
        Self { batches, outcomes, failures: HashMap::new() }
    }

    fn all(&self) -> Vec<Place> {
        let places = |(batch, of): (usize, &EventBatch)| (0..of.entries.len()).map(move |entry| (batch, entry));
        self.batches.iter().enumerate().flat_map(places).collect()
    }

    fn without_failed(&self, mut part: Vec<Place>) -> Vec<Place> {
        part.retain(|(batch, _)| !self.failures.contains_key(batch));
        part
    }

    fn entry(&self, (batch, entry): Place) -> &Entry {
        &self.batches[batch].entries[entry]
    }

    /// The batches cut down to the entries of `part`; as they are when that is all of them, which is nearly always.
    fn batches_of(&self, part: &[Place]) -> Cow<'_, [EventBatch]> {
        if part.len() == self.batches.iter().map(|batch| batch.entries.len()).sum::<usize>() {
            return Cow::Borrowed(&self.batches);
        }
        let mut cut: Vec<EventBatch> = Vec::new();
        let mut last = None;
        for (batch, entry) in part {
            let source = &self.batches[*batch];
            if last != Some(*batch) {
                let (event_id, versions) = (source.event_id, source.versions.clone());
                cut.push(EventBatch { event_id, versions, entries: Vec::new() });
                last = Some(*batch);
            }
            if let Some(into) = cut.last_mut() {
                into.entries.push(source.entries[*entry].clone());
            }
        }
        Cow::Owned(cut)
    }

    fn committed(&mut self, part: &[Place]) {
        // Each quota that a transaction changed grows by one version, as the ledger does it. A batch has few quotas.
        let mut grown: Vec<Vec<bool>> = self.batches.iter().map(|batch| vec![false; batch.versions.len()]).collect();
        for (batch, entry) in part {
            let EventBatch { versions, entries, .. } = &self.batches[*batch];
            for item in entries[*entry].items().iter() {
                if let Some(index) = versions.iter().position(|(quota, _)| *quota == item.quota_id) {
                    grown[*batch][index] = true;
                }
            }
            self.outcomes[*batch][*entry] = Some(EntryOutcome::Committed);
        }
        for (batch, grown) in self.batches.iter_mut().zip(grown) {
            let versions = batch.versions.iter_mut().zip(grown);
            versions.filter(|(_, grown)| *grown).for_each(|((_, version), _)| *version += 1);
        }
    }

    fn rejected(&mut self, (batch, entry): Place, rejection: Rejection) {
        engine().culprits.increment(1);
        self.outcomes[batch][entry] = Some(EntryOutcome::Rejected(rejection));
    }

    /// Finds the entries of `part` whose keys are taken, and returns the others; apart, those whose key another entry has
    /// too: a client may name requests to several events alike. Once the first is written, the next look-up finds it.
    async fn look_up_keys<L: Ledger>(
        &mut self,
        ledger: &L,
        part: &[Place],
    ) -> Result<(Vec<Place>, Vec<Place>), String> {
        let key_of = |place: &Place| {
            let (account_id, key, kind) = self.entry(*place).key()?;
            Some((*place, KeyOf { account_id, key: key.clone(), kind }))
        };
        let (places, keys): (Vec<Place>, Vec<KeyOf>) = part.iter().filter_map(key_of).unzip();
        let found = ledger.find_by_keys(&keys).await.map_err(|error| error.to_string())?;
        let (mut known, mut postponed, mut seen) = (HashSet::new(), Vec::new(), HashSet::new());
        for ((place, key), prior) in places.into_iter().zip(&keys).zip(found) {
            if let Some(prior) = prior {
                engine().culprits.increment(1);
                self.outcomes[place.0][place.1] = Some(EntryOutcome::Prior(prior));
                known.insert(place);
            } else if !seen.insert(key) {
                postponed.push(place);
                known.insert(place);
            }
        }
        let rest: Vec<_> = part.iter().filter(|place| !known.contains(place)).copied().collect();
        if rest.len() == part.len() {
            // A conflict without a row: the other transaction was rolled back, or is not visible yet.
            return Err("a key is taken by what can't be seen".to_owned());
        }
        Ok((rest, postponed))
    }

    fn has(&self, event: EventId, part: &[Place]) -> bool {
        part.iter().any(|(batch, _)| self.batches[*batch].event_id == event)
    }

    fn fail_event(&mut self, event: EventId, failure: &BatchFailure) {
        for (index, batch) in self.batches.iter().enumerate() {
            if batch.event_id == event {
                self.failures.insert(index, failure.clone());
            }
        }
    }

    fn fail_all(&mut self, part: &[Place], failure: &BatchFailure) {
        engine().commit_failures.increment(1);
        tracing::warn!(%failure, entries = part.len(), "a batch failed");
        for (batch, _) in part {
            self.failures.insert(*batch, failure.clone());
        }
    }

    fn finish(mut self) -> Vec<BatchOutcome> {
        let failures = &mut self.failures;
        let of = |(index, (batch, outcomes)): (usize, (EventBatch, Vec<Option<EntryOutcome>>))| {
            if let Some(failure) = failures.remove(&index) {
                return BatchOutcome::Failed(failure);
            }
            match outcomes.into_iter().collect::<Option<Vec<_>>>() {
                Some(entries) => BatchOutcome::Done { entries, versions: batch.versions },
                None => BatchOutcome::Failed(BatchFailure::Lost("an entry was not answered".to_owned())),
            }
        };
        self.batches.into_iter().zip(self.outcomes).enumerate().map(of).collect()
    }
}
