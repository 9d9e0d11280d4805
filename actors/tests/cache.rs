//! The cache over a shared part in memory that can be made to fail. Time is what a test says it is: the caller says when.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a helper that fails should fail its test")]

#[path = "cache/flights.rs"]
mod flights;
#[path = "cache/memory.rs"]
mod memory;
#[path = "cache/renewal.rs"]
mod renewal;
#[path = "cache/shared.rs"]
mod shared;
#[path = "cache/supervision.rs"]
mod supervision;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use actors::cache::{Cache, CacheSettings, Key, Load, Namespace, RunningCache};
use domain::{
    cache::{SharedCache, Tag},
    repositories::{Found, RepositoryError},
};
use tokio::{sync::Semaphore, task::JoinHandle};

/// No wait of a test is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// What is read: a text that can be changed, by reads that can be held up and made to fail.
#[derive(Clone)]
pub(crate) struct Source {
    text: Arc<Mutex<Option<&'static str>>>,
    pub(crate) reads: Arc<AtomicU32>,
    gate: Arc<Semaphore>,
    fails: Arc<std::sync::atomic::AtomicBool>,
}

impl Source {
    pub(crate) fn new(text: &'static str) -> Self {
        Self {
            text: Arc::new(Mutex::new(Some(text))),
            reads: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            fails: Arc::default(),
        }
    }

    pub(crate) fn set(&self, text: Option<&'static str>) {
        *self.text.lock().unwrap() = text;
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    pub(crate) fn reads(&self) -> u32 {
        self.reads.load(Ordering::SeqCst)
    }

    /// From now on reads stop after they have read, until they are let go.
    pub(crate) fn hold(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Lets so many go.
    pub(crate) fn let_go(&self, reads: usize) {
        self.gate.add_permits(reads);
    }

    async fn read(self) -> Found<Load> {
        let text = *self.text.lock().unwrap();
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        if self.fails.load(Ordering::SeqCst) {
            return Err(RepositoryError::Unavailable("on purpose".to_owned()));
        }
        Ok(text.map_or_else(|| Load::absent(&[Tag::Events]), |text| Load::found(text, &[Tag::Events])))
    }
}

pub(crate) fn key() -> Key {
    Key::of(Namespace::Events)
}

/// What the cache says at a time so many seconds from now.
pub(crate) async fn ask_at(cache: &Cache, source: &Source, seconds: u64) -> Found<Option<String>> {
    let (source, now) = (source.clone(), Instant::now() + Duration::from_secs(seconds));
    let answer = cache.answer(key(), now, || source.read()).await?;
    Ok(answer.map(|answer| String::from_utf8(answer.plain().body.to_vec()).unwrap()))
}

pub(crate) async fn ask(cache: &Cache, source: &Source) -> Option<String> {
    ask_at(cache, source, 0).await.unwrap()
}

/// Asks in a task of its own, which may be waited for or given up.
pub(crate) fn asking(cache: &Cache, source: &Source) -> JoinHandle<Option<String>> {
    let (cache, source) = (cache.clone(), source.clone());
    tokio::spawn(async move { ask(&cache, &source).await })
}

pub(crate) async fn start(shared: Option<Arc<dyn SharedCache>>) -> RunningCache {
    // No answer ends by itself while a test runs.
    let settings = CacheSettings {
        fresh: Duration::from_secs(1000),
        stale: Duration::from_secs(1000),
        ..CacheSettings::default()
    };
    RunningCache::start(settings, shared, None).await.unwrap()
}
