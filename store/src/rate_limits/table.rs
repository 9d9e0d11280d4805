//! Rate limit table of this process: of fixed size, so that no storm of addresses makes it grow.
//!
//! A set-associative table, as caches of processors are: a key belongs to one small set and is somewhere in it. When the set
//! is full, the entry with the earliest arrival time makes room: one that is full again, of which there is nothing to
//! remember, or else the one that has used least. So those who are limited stay, and a storm of addresses that each ask
//! once only drives out its own.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

/// Entries of a set: looked through on each request, so a few cache lines.
const WAYS: usize = 8;

/// Whom an entry is about, under which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// An account's id, a network or a digest.
    pub(super) subject: u128,
    /// The limit, and which kind of subject it is. 0 is nobody's.
    pub(super) space: u8,
}

impl Key {
    const NOBODY: Self = Self { subject: 0, space: 0 };
}

/// What is remembered. All zero is the same as nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Theoretical arrival time, in nanoseconds of this process's clock.
    pub(super) arrival: u64,
    /// The same as the nodes have it together, in microseconds of Redis's clock, when it was last heard.
    pub(super) shared_arrival: u64,
    /// What was used up here and the others have not been told.
    pub(super) untold: u32,
    pub(super) refused: bool,
}

#[derive(Clone, Copy)]
struct Slot {
    key: Key,
    entry: Entry,
}

const EMPTY: Slot =
    Slot { key: Key::NOBODY, entry: Entry { arrival: 0, shared_arrival: 0, untold: 0, refused: false } };

pub(super) struct Table {
    sets: Box<[Mutex<[Slot; WAYS]>]>,
    /// Seeded by each process for itself, so that nobody can choose addresses that meet in one set.
    hasher: RandomState,
}

impl Table {
    /// With room for about `capacity` entries.
    pub(super) fn new(capacity: usize) -> Self {
        let sets = capacity.div_ceil(WAYS).next_power_of_two();
        Self { sets: (0..sets).map(|_| Mutex::new([EMPTY; WAYS])).collect(), hasher: RandomState::default() }
    }

    /// The entry of a key, if there is one.
    pub(super) fn find(&self, key: Key) -> Option<Entry> {
        let hash = self.hasher.hash_one(key) as usize;
        let set = self.sets[hash & (self.sets.len() - 1)].lock();
        set.iter().find(|slot| slot.key == key).map(|slot| slot.entry)
    }

    /// Does `work` with the entry of a key, a new one if there is none. `now` is this process's clock. The second value says
    /// whether somebody was forgotten for it who was not full again.
    pub(super) fn with<T>(&self, key: Key, now: u64, work: impl FnOnce(&mut Entry) -> T) -> (T, bool) {
        let hash = self.hasher.hash_one(key) as usize;
        let mut set = self.sets[hash & (self.sets.len() - 1)].lock();
        let (place, forgotten) = match set.iter().position(|slot| slot.key == key) {
            Some(place) => (place, false),
            None => {
                let place = (0..WAYS).min_by_key(|way| set[*way].entry.arrival).unwrap_or(0);
                let forgotten = set[place].entry.arrival > now;
                set[place] = Slot { key, ..EMPTY };
                (place, forgotten)
            }
        };
        (work(&mut set[place].entry), forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(subject: u128) -> Key {
        Key { subject, space: 1 }
    }

    #[test]
    fn an_entry_is_found_again_and_spaces_are_apart() {
        let table = Table::new(1000);
        table.with(key(7), 0, |entry| entry.arrival = 70);
        table.with(Key { subject: 7, space: 2 }, 0, |entry| entry.arrival = 72);
        assert_eq!(table.with(key(7), 0, |entry| entry.arrival), (70, false));
        assert_eq!(table.with(Key { subject: 7, space: 2 }, 0, |entry| entry.arrival), (72, false));
    }

    /// Watches the choice of who makes room: without it a storm of new addresses frees those who are limited.
    #[test]
    fn a_storm_of_new_addresses_does_not_drive_out_who_has_used_more() {
        let table = Table::new(64);
        let limited: Vec<u128> = (0..8).collect();
        for subject in &limited {
            table.with(key(*subject), 100, |entry| entry.arrival = 100_000 + *subject as u64);
        }
        let forgotten = (1000..100_000_u128)
            .filter(|subject| table.with(key(*subject), 100, |entry| entry.arrival = 101).1)
            .count();
        assert!(forgotten > 90_000, "{forgotten}");
        for subject in limited {
            assert_eq!(table.with(key(subject), 100, |entry| entry.arrival).0, 100_000 + subject as u64);
        }
    }

    #[test]
    fn who_is_full_again_makes_room_and_nothing_is_lost() {
        let table = Table::new(WAYS);
        assert_eq!(table.sets.len(), 1);
        for subject in 0..WAYS as u64 {
            table.with(key(subject.into()), 0, |entry| entry.arrival = 10 + subject);
        }
        assert!(!table.with(key(100), 10, |entry| entry.arrival = 50).1, "subject 0 was full again");
        assert!(table.with(key(101), 10, |entry| entry.arrival = 50).1, "subject 1 was not");
        assert_eq!(table.with(key(2), 10, |entry| entry.arrival), (12, false));
    }
}
