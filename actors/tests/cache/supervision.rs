//! The actors die and come back, whatever they die of.

use std::{
    future::Ready,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use actors::cache::{CacheSettings, Key, Load, Namespace, RunningCache};
use domain::{cache::Tag, repositories::Found};

use crate::{PATIENCE, Source, ask, ask_at, key, memory::MemoryCache, start, until};

/// Watches that a panic of a worker is no end: its answer goes to the next one who asks, and the worker is started again.
#[tokio::test]
async fn workers_that_panic_come_back() {
    let (running, source) = (start(None).await, Source::new("old"));
    ask_at(&running.cache, &source, 0).await.unwrap();
    let panics = Arc::new(AtomicU32::new(0));
    let deadline = Instant::now() + PATIENCE;
    // Every worker has its turn.
    while panics.load(Ordering::SeqCst) < 4 {
        let panics = panics.clone();
        let load = move || -> Ready<Found<Load>> {
            panics.fetch_add(1, Ordering::SeqCst);
            panic!("on purpose");
        };
        let given = running.cache.answer(key(), Instant::now() + Duration::from_secs(1500), load).await.unwrap();
        assert_eq!(&given.unwrap().plain().body[..], b"old", "who asks notices nothing");
        assert!(Instant::now() < deadline, "nobody reads anew");
        tokio::task::yield_now().await;
    }
    source.set(Some("new"));
    while ask_at(&running.cache, &source, 1500).await.unwrap().as_deref() != Some("new") {
        assert!(Instant::now() < deadline, "no worker is left");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Watches the sweeper: without it what has died stays until somebody asks for it, which may be never.
#[tokio::test]
async fn what_is_dead_is_deleted_though_nobody_asks_also_by_a_sweeper_that_was_killed() {
    let settings = CacheSettings {
        fresh: Duration::from_secs(1000),
        sweep_every: Duration::from_millis(1),
        ..CacheSettings::default()
    };
    let running = RunningCache::start(settings, None, None).await.unwrap();
    let source = Source::new("a");
    let entries = || running.cache.overview().namespaces[0].1.entries;
    let other = || Key::of(Namespace::Venues);
    let read = async || Ok(Load::found("alive", &[Tag::Venues]));
    for round in 0..3 {
        running.cache.answer(other(), Instant::now(), read).await.unwrap();
        ask(&running.cache, &source).await;
        // Also what says that there is nothing.
        running
            .cache
            .answer(key().with("no", round), Instant::now(), async || Ok(Load::absent(&[Tag::Events])))
            .await
            .unwrap();
        assert_eq!(entries(), 2);
        running.kill_actors();
        running.cache.invalidate(&[Tag::Events]);
        until("the dead are gone", || entries() == 0).await;
        assert_eq!(running.cache.overview().namespaces[2].1.entries, 1, "what is alive stays");
    }
}

/// Watches that what has not been told survives the panic of who tells it.
#[tokio::test]
async fn a_teller_that_panics_loses_nothing() {
    let shared = Arc::new(MemoryCache::default());
    let running = start(Some(shared.clone())).await;
    until("it has told", || !running.cache.overview().untold).await;
    shared.panic_once();
    running.cache.invalidate(&[Tag::Venues]);
    until("it has told", || !running.cache.overview().untold).await;
    let told = shared.told.lock().unwrap().clone();
    assert_eq!(told.last(), Some(&domain::cache::Change::Tags(vec![Tag::Venues.slot()])));
    assert!(!shared.panics(), "it has panicked");
}
