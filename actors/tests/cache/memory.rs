//! A shared cache in memory, as Redis is one: it can be away, and it tells what it was asked.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{
    cache::{Answering, Away, Change, Look, Moment, Reading, SharedAnswer, SharedCache, Written, WrittenChanges},
    repositories::RepositoryError,
};

#[derive(Default)]
pub(crate) struct MemoryCache {
    answers: Mutex<HashMap<String, SharedAnswer>>,
    pub(crate) told: Mutex<Vec<Change>>,
    away: AtomicBool,
    looks: AtomicU32,
    panics: AtomicBool,
    /// It gives, and can't be told anything.
    refuses: AtomicBool,
    /// What looks have found waits.
    holds: AtomicBool,
    waiting: AtomicU32,
}

impl MemoryCache {
    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// What looks find, from now on, is on its way until it is let go.
    pub(crate) fn hold(&self, holds: bool) {
        self.holds.store(holds, Ordering::SeqCst);
    }

    /// Looks that have found what they have found, and were held then.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::SeqCst)
    }

    /// As a Redis that is read-only.
    pub(crate) fn refuse_changes(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// For how long the answer under a key is valid, if not until something changes.
    pub(crate) fn valid_for(&self, key: &str) -> Option<Duration> {
        self.answers.lock().unwrap().get(key)?.valid_for
    }

    /// The next one who tells it something panics.
    pub(crate) fn panic_once(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    pub(crate) fn panics(&self) -> bool {
        self.panics.load(Ordering::SeqCst)
    }

    /// Times when it was looked into.
    pub(crate) fn looks(&self) -> u32 {
        self.looks.load(Ordering::SeqCst)
    }

    pub(crate) fn holds(&self, key: &str) -> bool {
        self.answers.lock().unwrap().contains_key(key)
    }

    fn answer<'a, T: Send + 'a>(&'a self, work: impl FnOnce() -> T + Send + 'a) -> Answering<'a, T> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if self.away.load(Ordering::SeqCst) { Err(Away) } else { Ok(work()) }
        })
    }
}

impl SharedCache for MemoryCache {
    fn look<'a>(&'a self, key: &'a str) -> Answering<'a, Look> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let found = self.answer(|| {
            self.answers.lock().unwrap().get(key).cloned().map_or(Look::Missing(Moment { life: 1, at: 1 }), Look::Found)
        });
        Box::pin(async move {
            let found = found.await;
            if self.holds.load(Ordering::SeqCst) {
                self.waiting.fetch_add(1, Ordering::SeqCst);
            }
            while self.holds.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            found
        })
    }

    fn keep<'a>(&'a self, key: &'a str, answer: &'a SharedAnswer, _: Moment, _: Duration) -> Answering<'a, bool> {
        self.answer(|| self.answers.lock().unwrap().insert(key.to_owned(), answer.clone()).is_none())
    }

    fn tell<'a>(&'a self, change: &'a Change) -> Answering<'a, ()> {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "on purpose");
        if self.refuses.load(Ordering::SeqCst) {
            return Box::pin(async { Err(Away) });
        }
        self.answer(|| {
            let meant = |answer: &SharedAnswer| match change {
                Change::Tags(slots) => answer.slots.iter().any(|slot| slots.contains(slot)),
                _ => true,
            };
            self.answers.lock().unwrap().retain(|_, answer| !meant(answer));
            self.told.lock().unwrap().push(change.clone());
        })
    }

    fn delete<'a>(&'a self, _: &'a Change) -> Answering<'a, u64> {
        self.answer(|| 0)
    }

    fn is_reachable(&self) -> bool {
        !self.away.load(Ordering::SeqCst)
    }
}

/// Changes that are written down, in memory. It can be away, too.
#[derive(Default)]
pub(crate) struct MemoryChanges {
    written: Mutex<Vec<(Written, Instant)>>,
    away: AtomicBool,
}

impl MemoryChanges {
    /// What a transaction does.
    pub(crate) fn write_down(&self, change: Change) {
        let mut written = self.written.lock().unwrap();
        let id = written.last().map_or(1, |(last, _)| last.id + 1);
        written.push((Written { id, change }, Instant::now()));
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// How many nobody has told.
    pub(crate) fn untold(&self) -> usize {
        self.written.lock().unwrap().len()
    }

    fn answer<'a, T: Send + 'a>(&'a self, work: impl FnOnce() -> T + Send + 'a) -> Reading<'a, T> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let is_away = self.away.load(Ordering::SeqCst);
            if is_away { Err(RepositoryError::Unavailable("on purpose".to_owned())) } else { Ok(work()) }
        })
    }
}

impl WrittenChanges for MemoryChanges {
    fn untold<'a>(&'a self, age: Duration) -> Reading<'a, Vec<Written>> {
        self.answer(move || {
            let written = self.written.lock().unwrap();
            written.iter().filter(|(_, at)| at.elapsed() >= age).map(|(change, _)| change.clone()).collect()
        })
    }

    fn told<'a>(&'a self, ids: &'a [i64]) -> Reading<'a, ()> {
        self.answer(|| self.written.lock().unwrap().retain(|(change, _)| !ids.contains(&change.id)))
    }
}
