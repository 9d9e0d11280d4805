//! When what was last changed, as this node knows: what decides whether an answer may still be shown.
//!
//! Every change gets a number, one more than the last. An answer remembers the number at which its read from the database
//! began, and may be shown as long as nothing that it shows has changed after that number. So an answer that was read before a
//! change and stored after it is dead on arrival, and a change costs the same however many answers it concerns.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::cache::{Change, TagSlot};

/// See the module's page. One cell a slot, 128 KiB in all.
pub(super) struct Changes {
    clock: AtomicU64,
    slots: Box<[AtomicU64]>,
    /// The last change of everything.
    everything: AtomicU64,
    /// The last change by key or by pattern: which reads under way it concerns is not known.
    some_keys: AtomicU64,
}

impl Changes {
    pub(super) fn new() -> Self {
        let slots = (0..TagSlot::COUNT).map(|_| AtomicU64::new(0)).collect();
        Self { clock: AtomicU64::new(0), slots, everything: AtomicU64::new(0), some_keys: AtomicU64::new(0) }
    }

    /// The number of the last change.
    pub(super) fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// Notes a change that is in the database already: a read that sees the new number sees the change too.
    pub(super) fn note(&self, change: &Change) {
        let number = self.clock.fetch_add(1, Ordering::SeqCst) + 1;
        match change {
            Change::Tags(slots) => {
                for slot in slots {
                    if let Some(last) = self.slots.get(usize::from(slot.number())) {
                        last.fetch_max(number, Ordering::SeqCst);
                    }
                }
            }
            Change::Key(_) | Change::Pattern(_) => {
                self.some_keys.fetch_max(number, Ordering::SeqCst);
            }
            Change::Everything => {
                self.everything.fetch_max(number, Ordering::SeqCst);
            }
        }
    }

    /// Whether what was read from `began` on may be shown.
    pub(super) fn is_current(&self, began: u64, slots: &[TagSlot]) -> bool {
        let changed = |slot: &TagSlot| {
            self.slots.get(usize::from(slot.number())).is_none_or(|last| last.load(Ordering::SeqCst) > began)
        };
        self.everything.load(Ordering::SeqCst) <= began && !slots.iter().any(changed)
    }

    /// Whether what was read from `began` on may be kept.
    pub(super) fn may_keep(&self, began: u64, slots: &[TagSlot]) -> bool {
        self.some_keys.load(Ordering::SeqCst) <= began && self.is_current(began, slots)
    }
}

#[cfg(test)]
mod tests {
    use domain::cache::Tag;

    use super::*;

    #[test]
    fn what_began_before_a_change_is_dead_and_what_began_after_it_is_not() {
        let changes = Changes::new();
        let (events, venues) = (Tag::Events.slot(), Tag::Venues.slot());
        let before = changes.now();
        changes.note(&Change::Tags(vec![events]));
        let after = changes.now();
        assert!(!changes.is_current(before, &[venues, events]) && changes.is_current(before, &[venues]));
        assert!(changes.is_current(after, &[venues, events]));
        changes.note(&Change::Everything);
        assert!(!changes.is_current(after, &[venues]) && changes.is_current(changes.now(), &[venues, events]));
    }

    #[test]
    fn a_change_by_pattern_lets_nothing_be_kept_that_was_being_read() {
        let changes = Changes::new();
        let before = changes.now();
        changes.note(&Change::Pattern("*".to_owned()));
        assert!(!changes.may_keep(before, &[]) && changes.is_current(before, &[]));
        assert!(changes.may_keep(changes.now(), &[]));
    }
}
