//! The part of the cache in this process: answers for some seconds, bounded by bytes.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use domain::cache::Change;
use foldhash::fast::RandomState;
use quick_cache::{Weighter, sync::DefaultLifecycle};
use wildmatch::WildMatch;

use super::{
    answer::{Answer, Content},
    changes::Changes,
    key::Namespace,
};

/// Answers that there is no such thing: as many, apart from the others, so that a walk over names that nobody has drives out no
/// answer that somebody wants.
const ABSENT_MAX: usize = 4096;
/// How long such an answer is given.
const ABSENT_FOR: Duration = Duration::from_secs(5);
/// An answer is worth a new read when this part of its time is left: who asks for it then asks often.
const AHEAD_PART: u32 = 5;

/// How long answers live.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Without a new read.
    pub(super) fresh: Duration,
    /// After that, while a new read is under way.
    pub(super) stale: Duration,
}

/// A place in the cache.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) namespace: Namespace,
    pub(super) content: Content,
    due: Instant,
    fresh_until: Instant,
    ends: Instant,
    /// Somebody is reading it anew.
    is_renewed: AtomicBool,
    bytes: u64,
}

/// How an answer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Fresh,
    /// It is to be read anew, while it is given to whoever asks. By whom this was said it is to be done.
    Due {
        stale: bool,
    },
    /// As that, and somebody does it.
    Renewed {
        stale: bool,
    },
}

impl Entry {
    fn age(&self, now: Instant) -> Option<Age> {
        if now < self.due {
            return Some(Age::Fresh);
        }
        if now >= self.ends {
            return None;
        }
        if self.content.answer.is_none() {
            return Some(Age::Fresh);
        }
        let stale = now >= self.fresh_until;
        Some(if self.is_renewed.swap(true, Ordering::AcqRel) { Age::Renewed { stale } } else { Age::Due { stale } })
    }

    /// Nobody does read it anew: the next one who asks may.
    pub(super) fn give_back(&self) {
        self.is_renewed.store(false, Ordering::Release);
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Box<str>, Arc<Entry>> for Bytes {
    fn weight(&self, _: &Box<str>, entry: &Arc<Entry>) -> u64 {
        entry.bytes
    }
}

type Found = quick_cache::sync::Cache<Box<str>, Arc<Entry>, Bytes, RandomState>;
type Absent = quick_cache::sync::Cache<Box<str>, Arc<Entry>, quick_cache::UnitWeighter, RandomState>;

/// See the module's page.
pub(super) struct Local {
    found: Found,
    absent: Absent,
    pub(super) changes: Changes,
    times: Times,
    bytes_max: u64,
}

/// What there is of one namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Answers, those that say that there is nothing included.
    pub entries: u64,
    /// Bytes that they take, about.
    pub bytes: u64,
}

/// For an answer of 4 KiB: how much room the tables begin with.
const USUAL_BYTES: u64 = 8 << 10;

impl Local {
    pub(super) fn new(bytes_max: u64, times: Times) -> Self {
        let usual = usize::try_from(bytes_max / USUAL_BYTES).unwrap_or(1).max(1);
        // Seeded anew by each process, so that nobody can choose names that meet in one place.
        let hasher = RandomState::default();
        let lifecycle = DefaultLifecycle::default();
        let found = Found::with(usual, bytes_max, Bytes, hasher.clone(), lifecycle);
        let unit = quick_cache::UnitWeighter;
        let absent = Absent::with(ABSENT_MAX, ABSENT_MAX as u64, unit, hasher, DefaultLifecycle::default());
        Self { found, absent, changes: Changes::new(), times, bytes_max }
    }

    /// The answer under a key, unless something that it shows has changed.
    pub(super) fn get(&self, key: &str, now: Instant) -> Option<(Arc<Entry>, Age)> {
        let entry = self.found.get(key).or_else(|| self.absent.get(key))?;
        if !self.changes.is_current(entry.content.began, &entry.content.slots) {
            return None;
        }
        let age = entry.age(now)?;
        Some((entry, age))
    }

    /// The answer under a key, if it needs no new read yet and nothing that it shows has changed.
    pub(super) fn fresh(&self, key: &str, now: Instant) -> Option<Arc<Answer>> {
        let entry = self.found.get(key)?;
        let is_fresh = now < entry.due && self.changes.is_current(entry.content.began, &entry.content.slots);
        entry.content.answer.clone().filter(|_| is_fresh)
    }

    /// Whether there is or was lately an answer under this key, alive or not: somebody has asked before.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.found.peek(key).is_some()
    }

    /// Keeps what was read, unless that is of the past already.
    pub(super) fn put(&self, namespace: Namespace, key: &str, content: Content) -> Arc<Entry> {
        let before = self.found.peek(key);
        let content = content.reusing(before.as_ref().map(|entry| &entry.content));
        let (now, bytes) = (Instant::now(), content.bytes(key));
        let Times { fresh, stale } = self.times;
        let is_absent = content.answer.is_none();
        let (fresh, stale) = if is_absent { (ABSENT_FOR.min(fresh + stale), Duration::ZERO) } else { (fresh, stale) };
        let ends = content.until.map_or(now + fresh + stale, |until| until.min(now + fresh + stale));
        let entry = Arc::new(Entry {
            namespace,
            due: (now + fresh - fresh / AHEAD_PART).min(ends),
            fresh_until: (now + fresh).min(ends),
            ends,
            is_renewed: AtomicBool::new(false),
            content,
            bytes,
        });
        if self.changes.may_keep(entry.content.began, &entry.content.slots) {
            if is_absent {
                self.found.remove(key);
                self.absent.insert(key.into(), entry.clone());
            } else {
                self.absent.remove(key);
                self.found.insert(key.into(), entry.clone());
            }
        }
        entry
    }

    /// Notes a change, and deletes what it names by key or pattern. Says how many answers were deleted; what has a tag is dead
    /// from now on, and goes when it is met.
    pub(super) fn note(&self, change: &Change) {
        self.changes.note(change);
        match change {
            Change::Tags(_) => {}
            Change::Key(_) | Change::Pattern(_) | Change::Everything => {
                self.delete(change);
            }
        }
    }

    /// Deletes what a change concerns, and says how many answers that were. Walks over all of them.
    pub(super) fn delete(&self, change: &Change) -> u64 {
        let deleted = Cell::new(0);
        let stays = |key: &str, entry: &Entry| {
            let concerned = match change {
                Change::Tags(slots) => entry.content.slots.iter().any(|slot| slots.contains(slot)),
                Change::Key(one) => one == key,
                Change::Pattern(pattern) => WildMatch::new(pattern).matches(key),
                Change::Everything => true,
            };
            deleted.set(deleted.get() + u64::from(concerned));
            !concerned
        };
        self.found.retain(|key, entry| stays(key, entry));
        self.absent.retain(|key, entry| stays(key, entry));
        deleted.get()
    }

    /// Deletes what can't be given any more.
    pub(super) fn sweep(&self, now: Instant) {
        let stays =
            |entry: &Entry| now < entry.ends && self.changes.is_current(entry.content.began, &entry.content.slots);
        self.found.retain(|_, entry| stays(entry));
        self.absent.retain(|_, entry| stays(entry));
    }

    /// What there is, by namespace in the order of [`Namespace::ALL`].
    pub(super) fn sizes(&self) -> [Size; Namespace::ALL.len()] {
        let mut sizes = [Size::default(); Namespace::ALL.len()];
        let entries = self.found.iter().chain(self.absent.iter()).map(|(_, entry)| entry);
        for entry in entries {
            let size = &mut sizes[entry.namespace as usize];
            size.entries += 1;
            size.bytes += entry.bytes;
        }
        sizes
    }

    pub(super) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }
}
