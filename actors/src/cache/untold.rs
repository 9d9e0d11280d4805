//! Cache invalidation backlog: changes that the shared cache has not been told of.
//!
//! While there are any, this node does not look into it: it would find what it has just invalidated. They survive the actor that
//! tells them, and there is a bound to them: as many slots as there are, and a few more.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use domain::cache::{Change, TagSlot};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Changes by key or pattern, which people make by hand; more of them become a change of everything.
const OTHERS_MAX: usize = 64;

#[derive(Clone, Default)]
struct Changes {
    slots: BTreeSet<TagSlot>,
    others: Vec<Change>,
    everything: bool,
}

impl Changes {
    fn add(&mut self, change: Change) {
        match change {
            Change::Tags(slots) => self.slots.extend(slots),
            Change::Everything => self.everything = true,
            other if self.others.contains(&other) => {}
            other if self.others.len() < OTHERS_MAX => self.others.push(other),
            _ => self.everything = true,
        }
        if self.everything {
            self.slots.clear();
            self.others.clear();
        }
    }

    fn is_empty(&self) -> bool {
        !self.everything && self.slots.is_empty() && self.others.is_empty()
    }

    /// Whether telling these tells `change`.
    fn include(&self, change: &Change) -> bool {
        self.everything
            || match change {
                Change::Tags(slots) => slots.iter().all(|slot| self.slots.contains(slot)),
                Change::Everything => false,
                other => self.others.contains(other),
            }
    }

    fn list(&self) -> Vec<Change> {
        if self.everything {
            return vec![Change::Everything];
        }
        let tags = (!self.slots.is_empty()).then(|| Change::Tags(self.slots.iter().copied().collect()));
        tags.into_iter().chain(self.others.iter().cloned()).collect()
    }
}

#[derive(Default)]
struct Both {
    waiting: Changes,
    /// Being told. Still here if the one who told them has died over it.
    telling: Changes,
}

#[derive(Default)]
pub(super) struct Untold {
    both: Mutex<Both>,
    any: AtomicBool,
    all_told: Notify,
}

impl Untold {
    /// Notes a change that is to be told. Before the change takes effect on this node: anyone who sees it must not look into the
    /// shared cache, which does not know of it.
    pub(super) fn note(&self, change: Change) {
        let mut both = self.both.lock();
        both.waiting.add(change);
        self.any.store(true, Ordering::SeqCst);
    }

    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::SeqCst)
    }

    /// Whether `change` is among them.
    pub(super) fn include(&self, change: &Change) -> bool {
        let both = self.both.lock();
        both.waiting.include(change) || both.telling.include(change)
    }

    /// All of them, to be told now.
    pub(super) fn begin(&self) -> Vec<Change> {
        let mut both = self.both.lock();
        let waiting = std::mem::take(&mut both.waiting);
        for change in waiting.list() {
            both.telling.add(change);
        }
        both.telling.list()
    }

    /// Those that were begun have been told.
    pub(super) fn end(&self) {
        let mut both = self.both.lock();
        both.telling = Changes::default();
        let any = !both.waiting.is_empty();
        self.any.store(any, Ordering::SeqCst);
        if !any {
            self.all_told.notify_waiters();
        }
    }

    /// Waits until there are none.
    pub(super) async fn all_told(&self) {
        loop {
            let told = self.all_told.notified();
            if !self.any() {
                return;
            }
            told.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::cache::Tag;

    use super::*;

    fn tags(tags: &[Tag]) -> Change {
        Change::Tags(tags.iter().map(Tag::slot).collect())
    }

    /// The guard against changes that are lost with the actor that was telling them.
    #[test]
    fn what_was_begun_and_not_ended_is_begun_again_with_what_came_meanwhile() {
        let untold = Untold::default();
        untold.note(tags(&[Tag::Events]));
        assert_eq!(untold.begin(), [tags(&[Tag::Events])]);
        untold.note(Change::Key("events".to_owned()));
        let again = untold.begin();
        assert_eq!(again, [tags(&[Tag::Events]), Change::Key("events".to_owned())]);
        untold.note(tags(&[Tag::Venues]));
        untold.end();
        assert!(untold.any(), "one came while the others were told");
        assert_eq!(untold.begin(), [tags(&[Tag::Venues])]);
        untold.end();
        assert!(!untold.any() && untold.begin().is_empty());
    }

    #[test]
    fn what_is_to_be_told_includes_its_parts() {
        let untold = Untold::default();
        untold.note(tags(&[Tag::Events, Tag::Venues]));
        assert!(untold.include(&tags(&[Tag::Venues])) && !untold.include(&tags(&[Tag::Venues, Tag::Settings])));
        untold.begin();
        assert!(untold.include(&tags(&[Tag::Events])) && !untold.include(&Change::Everything));
        untold.note(Change::Everything);
        assert!(untold.include(&tags(&[Tag::Settings])) && untold.include(&Change::Everything));
    }

    #[test]
    fn too_many_become_a_change_of_everything() {
        let untold = Untold::default();
        for number in 0..=OTHERS_MAX {
            untold.note(Change::Pattern(format!("{number}*")));
        }
        assert_eq!(untold.begin(), [Change::Everything]);
    }
}
