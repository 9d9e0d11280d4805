//! Batches of a group, with what is known of each.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    time::Duration,
};

use domain::{
    ids::EventId,
    ledger::{Entry, EventBatch, KeyOf, Ledger, Rejection},
};

use super::outcome::{BatchFailure, BatchOutcome, EntryOutcome};
use crate::{ledger::within, metrics::engine};

/// For a look at keys that are taken.
const LOOK_UP_MAX: Duration = Duration::from_secs(3);

/// Place of an entry: which batch, and which entry of it.
pub(super) type Place = (usize, usize);

/// What became of a batch of a group.
pub(crate) enum GroupOutcome {
    Known(BatchOutcome),
    /// Something that it needs is locked by somebody else: [`LockedBatch::commit`] tries it by itself.
    Locked(Box<LockedBatch>),
}

/// A batch that waits until somebody else gives a lock back.
pub(crate) struct LockedBatch(pub(super) Group);

pub(crate) struct Group {
    batches: Vec<EventBatch>,
    outcomes: Vec<Vec<Option<EntryOutcome>>>,
    failures: HashMap<usize, BatchFailure>,
    /// Batches that wait for a lock.
    apart: HashSet<usize>,
}

impl Group {
    pub(super) fn new(batches: Vec<EventBatch>) -> Self {
        let outcomes = batches.iter().map(|batch| vec![None; batch.entries.len()]).collect();
        Self { batches, outcomes, failures: HashMap::new(), apart: HashSet::new() }
    }

    pub(super) fn all(&self) -> Vec<Place> {
        let places = |(batch, of): (usize, &EventBatch)| (0..of.entries.len()).map(move |entry| (batch, entry));
        self.batches.iter().enumerate().flat_map(places).collect()
    }

    pub(super) fn without_failed(&self, mut part: Vec<Place>) -> Vec<Place> {
        part.retain(|(batch, _)| !self.failures.contains_key(batch) && !self.apart.contains(batch));
        part
    }

    fn entry(&self, (batch, entry): Place) -> &Entry {
        &self.batches[batch].entries[entry]
    }

    /// The batches cut down to the entries of `part`; as they are when that is all of them, which is nearly always.
    pub(super) fn batches_of(&self, part: &[Place]) -> Cow<'_, [EventBatch]> {
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

    pub(super) fn committed(&mut self, part: &[Place]) {
        // Each quota that a transaction changed grows by one version, as the ledger does it. A batch has few quotas.
        let mut grown: Vec<Vec<bool>> = self.batches.iter().map(|batch| vec![false; batch.versions.len()]).collect();
        for (batch, entry) in part {
            let EventBatch { versions, entries, .. } = &self.batches[*batch];
            for change in entries[*entry].quota_changes() {
                if let Some(index) = versions.iter().position(|(quota, _)| *quota == change.quota_id) {
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

    pub(super) fn rejected(&mut self, place: Place, rejection: Rejection) {
        self.told(place, EntryOutcome::Rejected(rejection));
    }

    fn told(&mut self, (batch, entry): Place, outcome: EntryOutcome) {
        engine().culprits.increment(1);
        self.outcomes[batch][entry] = Some(outcome);
    }

    /// The events of `part`, each once.
    pub(super) fn events_of(&self, part: &[Place]) -> Vec<EventId> {
        let mut events: Vec<EventId> = part.iter().map(|(batch, _)| self.batches[*batch].event_id).collect();
        events.dedup();
        events
    }

    /// Sets the batches of these events apart, to be committed later and by themselves. Their places are not in the group any more.
    pub(super) fn set_apart(&mut self, events: &[EventId]) {
        for (index, batch) in self.batches.iter().enumerate() {
            if events.contains(&batch.event_id) && !self.failures.contains_key(&index) {
                self.apart.insert(index);
            }
        }
    }

    /// Finds the entries of `part` whose keys are taken, and returns the others; apart, those whose key another entry has
    /// too: a client may name requests to several events alike. Once the first is written, the next look-up finds it.
    pub(super) async fn look_up_keys<L: Ledger>(
        &mut self,
        ledger: &L,
        part: &[Place],
    ) -> Result<(Vec<Place>, Vec<Place>), String> {
        let key_of = |place: &Place| {
            let (account_id, key, kind) = self.entry(*place).key()?;
            Some((*place, KeyOf { account_id, key: key.clone(), kind }))
        };
        let (places, keys): (Vec<Place>, Vec<KeyOf>) = part.iter().filter_map(key_of).unzip();
        let found = within(LOOK_UP_MAX, ledger.find_by_keys(&keys)).await.map_err(|error| error.to_string())?;
        let (mut known, mut postponed, mut seen) = (HashSet::new(), Vec::new(), HashSet::new());
        for ((place, key), found) in places.into_iter().zip(&keys).zip(found) {
            match found {
                Ok(Some(prior)) => self.told(place, EntryOutcome::Prior(prior)),
                Err(_) => self.told(place, EntryOutcome::Rejected(Rejection::KeyUnreadable)),
                Ok(None) if !seen.insert(key) => postponed.push(place),
                Ok(None) => continue,
            }
            known.insert(place);
        }
        let rest: Vec<_> = part.iter().filter(|place| !known.contains(place)).copied().collect();
        if rest.len() == part.len() {
            // A conflict without a row: the other transaction was rolled back, or is not visible yet.
            return Err("a key is taken by what can't be seen".to_owned());
        }
        Ok((rest, postponed))
    }

    pub(super) fn is_of(&self, (batch, _): Place, event: EventId) -> bool {
        self.batches[batch].event_id == event
    }

    pub(super) fn has(&self, event: EventId, part: &[Place]) -> bool {
        part.iter().any(|(batch, _)| self.batches[*batch].event_id == event)
    }

    pub(super) fn fail_event(&mut self, event: EventId, failure: &BatchFailure) {
        for (index, batch) in self.batches.iter().enumerate() {
            if batch.event_id == event {
                self.failures.insert(index, failure.clone());
            }
        }
    }

    pub(super) fn fail_all(&mut self, part: &[Place], failure: &BatchFailure) {
        engine().commit_failures.increment(1);
        tracing::warn!(%failure, entries = part.len(), "a batch failed");
        for (batch, _) in part {
            self.failures.insert(*batch, failure.clone());
        }
    }

    pub(super) fn finish(mut self) -> Vec<GroupOutcome> {
        let (failures, apart) = (&mut self.failures, &self.apart);
        let of = |(index, (batch, outcomes)): (usize, (EventBatch, Vec<Option<EntryOutcome>>))| {
            if apart.contains(&index) {
                return GroupOutcome::Locked(Box::new(LockedBatch(Group::rest_of(batch, outcomes))));
            }
            GroupOutcome::Known(outcome(batch, outcomes, failures.remove(&index)))
        };
        self.batches.into_iter().zip(self.outcomes).enumerate().map(of).collect()
    }

    /// One batch by itself, of which these outcomes are known already.
    fn rest_of(batch: EventBatch, outcomes: Vec<Option<EntryOutcome>>) -> Self {
        let mut group = Self::new(vec![batch]);
        group.outcomes = vec![outcomes];
        group
    }

    /// All entries that have no outcome yet.
    pub(super) fn rest(&self) -> Vec<Place> {
        let mut rest = self.all();
        rest.retain(|(batch, entry)| self.outcomes[*batch][*entry].is_none());
        rest
    }

    /// Nothing waits for a lock any more, or everything is tried again.
    pub(super) fn bring_back(&mut self) {
        self.apart.clear();
    }
}

fn outcome(batch: EventBatch, known: Vec<Option<EntryOutcome>>, failure: Option<BatchFailure>) -> BatchOutcome {
    let Some(failure) = failure else {
        return match known.into_iter().collect::<Option<Vec<_>>>() {
            Some(entries) => BatchOutcome::Done { entries, versions: batch.versions },
            None => BatchOutcome::Failed(BatchFailure::Lost("an entry was not answered".to_owned())),
        };
    };
    if known.iter().any(Option::is_some) {
        return BatchOutcome::Partly { known, failure };
    }
    BatchOutcome::Failed(failure)
}
