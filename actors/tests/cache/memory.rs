//! A shared cache in memory, as Redis is one: it can be away, and it tells what it was asked.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use domain::cache::{Answering, Away, Change, Look, Moment, SharedAnswer, SharedCache};

#[derive(Default)]
pub(crate) struct MemoryCache {
    answers: Mutex<HashMap<String, SharedAnswer>>,
    pub(crate) told: Mutex<Vec<Change>>,
    away: AtomicBool,
    looks: AtomicU32,
    panics: AtomicBool,
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
        let found = self
            .answer(|| self.answers.lock().unwrap().get(key).cloned().map_or(Look::Missing(Moment(1)), Look::Found));
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
