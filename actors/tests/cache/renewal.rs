//! Answers whose time is nearly over, or just over, are given at once and read anew by the actors.

use std::time::{Duration, Instant};

use actors::cache::{CacheSettings, Key, Load, Namespace, RunningCache};
use domain::cache::Tag;

use crate::{Source, ask_at, start, until};

/// Watches both: that nobody waits for the new read, and that it is done.
#[tokio::test]
async fn an_old_answer_is_given_at_once_and_read_anew() {
    for seconds in [900, 1500] {
        let (running, source) = (start(None).await, Source::new("old"));
        ask_at(&running.cache, &source, 0).await.unwrap();
        source.set(Some("new"));
        source.hold();
        // Many ask, one reads.
        for _ in 0..5 {
            assert_eq!(ask_at(&running.cache, &source, seconds).await.unwrap().as_deref(), Some("old"));
        }
        until("it is read anew", || source.reads() == 2).await;
        source.let_go(1);
        let cache = running.cache.clone();
        let deadline = Instant::now() + crate::PATIENCE;
        while ask_at(&cache, &source, 0).await.unwrap().as_deref() != Some("new") {
            assert!(Instant::now() < deadline);
            tokio::task::yield_now().await;
        }
        assert_eq!(source.reads(), 2);
        let counted = cache.overview().namespaces[0].2;
        assert_eq!(counted.stale > 0, seconds == 1500, "{counted:?}");
    }
}

#[tokio::test]
async fn what_is_too_old_is_not_given_any_more() {
    let (running, source) = (start(None).await, Source::new("old"));
    ask_at(&running.cache, &source, 0).await.unwrap();
    source.set(Some("new"));
    assert_eq!(ask_at(&running.cache, &source, 2001).await.unwrap().as_deref(), Some("new"));
}

/// Watches that a read that fails leaves the answer to the next one who asks.
#[tokio::test]
async fn a_renewal_that_fails_is_tried_again() {
    let (running, source) = (start(None).await, Source::new("old"));
    ask_at(&running.cache, &source, 0).await.unwrap();
    source.fail(true);
    assert_eq!(ask_at(&running.cache, &source, 1500).await.unwrap().as_deref(), Some("old"));
    until("it has failed", || running.cache.overview().namespaces[0].2.load_failures == 1).await;
    source.fail(false);
    source.set(Some("new"));
    let deadline = Instant::now() + crate::PATIENCE;
    while ask_at(&running.cache, &source, 1500).await.unwrap().as_deref() != Some("new") {
        assert!(Instant::now() < deadline, "nobody tries again");
        tokio::task::yield_now().await;
    }
}

/// Watches the limit of a worker's turn: without it a few reads that hang keep all answers old.
#[tokio::test(start_paused = true)]
async fn a_read_that_hangs_does_not_keep_its_worker() {
    let settings = CacheSettings { workers: 1, ..CacheSettings::default() };
    let running = RunningCache::start(settings, None, None).await.unwrap();
    let (hangs, old) = (Key::one(Namespace::Event, "hangs"), Instant::now() + Duration::from_secs(7));
    let first = async || Ok(Load::found("old", &[Tag::Events]));
    for key in [hangs.clone(), Key::one(Namespace::Event, "waits")] {
        running.cache.answer(key, Instant::now(), first).await.unwrap();
    }
    running.cache.answer(hangs, old, std::future::pending).await.unwrap();
    let source = Source::new("new");
    let renewed = async {
        let key = || Key::one(Namespace::Event, "waits");
        loop {
            let source = source.clone();
            let answer = running.cache.answer(key(), old, || source.read()).await.unwrap().unwrap();
            if &answer.plain().body[..] == b"new" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), renewed).await.expect("the next one has its turn");
}

/// Watches supervision: without it nothing is read anew after the workers have died.
#[tokio::test]
async fn killed_workers_come_back() {
    let (running, source) = (start(None).await, Source::new("old"));
    ask_at(&running.cache, &source, 0).await.unwrap();
    for round in 0..3 {
        running.kill_actors();
        let text = ["a", "b", "c"][round];
        source.set(Some(text));
        let deadline = Instant::now() + crate::PATIENCE;
        while ask_at(&running.cache, &source, 1500).await.unwrap().as_deref() != Some(text) {
            assert!(Instant::now() < deadline, "round {round}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Watches the bound of the queue.
#[tokio::test]
async fn only_so_many_answers_wait_for_a_worker() {
    let settings = CacheSettings { queue_max: 3, workers: 1, ..CacheSettings::default() };
    let running = RunningCache::start(settings, None, None).await.unwrap();
    let (hold, old) = (Source::new("x"), Instant::now() + Duration::from_secs(7));
    hold.hold();
    for number in 0..10 {
        let key = || Key::one(Namespace::Event, number);
        let first = async || Ok(Load::found("old", &[Tag::Events]));
        running.cache.answer(key(), Instant::now(), first).await.unwrap();
        let hold = hold.clone();
        let answer = running.cache.answer(key(), old, || hold.read()).await.unwrap();
        assert_eq!(&answer.unwrap().plain().body[..], b"old");
    }
    until("one is read", || hold.reads() == 1).await;
    hold.let_go(10);
    until("the queue is done", || hold.reads() == 3).await;
    let loads = running.cache.overview().namespaces[1].2.loads;
    assert_eq!(loads, 10 + 3, "no more than the queue holds");
}

/// Watches the common queue: what is to be read anew does not wait behind a read that hangs while another worker is free.
#[tokio::test(start_paused = true)]
async fn a_free_worker_takes_what_waits() {
    let settings = CacheSettings { workers: 2, ..CacheSettings::default() };
    let running = RunningCache::start(settings, None, None).await.unwrap();
    let old = Instant::now() + Duration::from_secs(7);
    let hangs = Key::one(Namespace::Event, "hangs");
    let key = |number: usize| Key::one(Namespace::Event, number.to_string());
    let first = async || Ok(Load::found("old", &[Tag::Events]));
    for key in std::iter::once(hangs.clone()).chain((0..4).map(key)) {
        running.cache.answer(key, Instant::now(), first).await.unwrap();
    }
    let began = tokio::time::Instant::now();
    running.cache.answer(hangs, old, std::future::pending).await.unwrap();
    for number in 0..4 {
        let source = Source::new("new");
        let (asked, cache) = (source.clone(), running.cache.clone());
        cache.answer(key(number), old, move || async move { asked.read().await }).await.unwrap();
        while source.reads() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
