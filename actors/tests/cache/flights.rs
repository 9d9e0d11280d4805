//! One read for many, and none that outlives a change.

use std::time::Duration;

use domain::cache::{Change, HearChanges, Tag};
use tokio::task::JoinSet;

use crate::{Source, ask, ask_at, asking, key, start, until};

#[tokio::test]
async fn an_answer_is_read_once_and_given_again() {
    let (running, source) = (start(None).await, Source::new("a"));
    for _ in 0..3 {
        assert_eq!(ask(&running.cache, &source).await.as_deref(), Some("a"));
    }
    assert_eq!(source.reads(), 1);
}

/// Watches single flight: without it there are fifty reads.
#[tokio::test]
async fn fifty_who_miss_the_same_answer_cause_one_read() {
    let (running, source) = (start(None).await, Source::new("a"));
    source.hold();
    let mut asking = JoinSet::new();
    for _ in 0..50 {
        let (cache, source) = (running.cache.clone(), source.clone());
        asking.spawn(async move { ask(&cache, &source).await });
    }
    until("all have asked", || running.cache.overview().namespaces[0].2.missed == 50).await;
    source.let_go(50);
    assert!(asking.join_all().await.iter().all(|answer| answer.as_deref() == Some("a")));
    assert_eq!(source.reads(), 1);
}

/// Watches that reads have tasks of their own: without that those who follow wait for somebody who has gone.
#[tokio::test]
async fn a_leader_that_goes_does_not_strand_those_who_follow() {
    let (running, source) = (start(None).await, Source::new("a"));
    source.hold();
    let leader = asking(&running.cache, &source);
    until("the leader reads", || source.reads() == 1).await;
    let follower = asking(&running.cache, &source);
    until("somebody follows", || running.cache.overview().namespaces[0].2.missed == 2).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    source.let_go(1);
    assert_eq!(follower.await.unwrap().as_deref(), Some("a"));
    assert_eq!(source.reads(), 1);
}

#[tokio::test]
async fn failures_are_told_and_not_kept_and_a_panic_strands_nobody() {
    let (running, source) = (start(None).await, Source::new("a"));
    source.fail(true);
    assert!(ask_at(&running.cache, &source, 0).await.is_err());
    source.fail(false);
    running.cache.invalidate(&[Tag::Events]);
    let panicking = async || panic!("on purpose");
    assert!(running.cache.answer(key(), std::time::Instant::now(), panicking).await.is_err());
    assert_eq!(ask(&running.cache, &source).await.as_deref(), Some("a"));
    assert_eq!(source.reads(), 2);
}

/// The classic fault: what was read before a change is stored after it. Watches the number that an answer remembers.
#[tokio::test]
async fn a_read_that_began_before_a_change_does_not_survive_it() {
    let (running, source) = (start(None).await, Source::new("old"));
    source.hold();
    let early = asking(&running.cache, &source);
    until("it has read", || source.reads() == 1).await;
    source.set(Some("new"));
    running.cache.invalidate(&[Tag::Events]);
    source.let_go(1);
    assert_eq!(early.await.unwrap().as_deref(), Some("old"), "asked before the change");
    source.let_go(1);
    assert_eq!(ask(&running.cache, &source).await.as_deref(), Some("new"));
}

/// What is deleted by key or by pattern has no tag by which a late answer is known. Watches that such a one is not kept at all.
#[tokio::test]
async fn a_read_that_began_before_a_clear_by_hand_is_not_kept_after_it() {
    for change in [Change::Key("events".to_owned()), Change::Pattern("ev*".to_owned())] {
        let (running, source) = (start(None).await, Source::new("old"));
        source.hold();
        let early = asking(&running.cache, &source);
        until("it has read", || source.reads() == 1).await;
        source.set(Some("new"));
        running.cache.clear(change.clone()).await;
        source.let_go(2);
        assert_eq!(early.await.unwrap().as_deref(), Some("old"), "asked before the change");
        assert_eq!(ask(&running.cache, &source).await.as_deref(), Some("new"), "{change:?}");
    }
}

/// Watches that whoever asks after a change does not wait for a read from before it.
#[tokio::test]
async fn who_asks_after_a_change_does_not_follow_a_read_from_before_it() {
    let (running, source) = (start(None).await, Source::new("old"));
    source.hold();
    let early = asking(&running.cache, &source);
    until("it has read", || source.reads() == 1).await;
    source.set(Some("new"));
    running.cache.invalidate(&[Tag::Events]);
    let late = asking(&running.cache, &source);
    until("it waits", || running.cache.overview().namespaces[0].2.missed == 2).await;
    source.let_go(2);
    assert_eq!((early.await.unwrap().as_deref(), late.await.unwrap().as_deref()), (Some("old"), Some("new")));
}

#[tokio::test]
async fn only_what_shows_what_has_changed_is_read_again() {
    let (running, source) = (start(None).await, Source::new("a"));
    ask(&running.cache, &source).await;
    running.cache.invalidate(&[Tag::Venues, Tag::Settings]);
    ask(&running.cache, &source).await;
    assert_eq!(source.reads(), 1);
    for change in [
        Change::Tags(vec![Tag::Events.slot()]),
        Change::Key("events".to_owned()),
        Change::Pattern("ev*".to_owned()),
        Change::Everything,
    ] {
        let before = source.reads();
        running.cache.heard(&change);
        ask(&running.cache, &source).await;
        assert_eq!(source.reads(), before + 1, "{change:?}");
    }
    running.cache.heard(&Change::Pattern("event?".to_owned()));
    running.cache.heard(&Change::Pattern("x*".to_owned()));
    running.cache.heard(&Change::Key("event".to_owned()));
    ask(&running.cache, &source).await;
    assert_eq!(source.reads(), 6, "the first pattern matches, the others do not");
}

/// Watches that what is not there is remembered, for a short time, and until something changes.
#[tokio::test]
async fn that_there_is_nothing_is_remembered_for_a_moment() {
    let (running, source) = (start(None).await, Source::new("a"));
    source.set(None);
    for _ in 0..3 {
        assert_eq!(ask(&running.cache, &source).await, None);
    }
    assert_eq!(source.reads(), 1);
    source.set(Some("new"));
    running.cache.invalidate(&[Tag::Events]);
    assert_eq!(ask(&running.cache, &source).await.as_deref(), Some("new"));
    source.set(None);
    running.cache.invalidate(&[Tag::Events]);
    assert_eq!(ask(&running.cache, &source).await, None);
    // Also where there was something before.
    let reads = source.reads();
    assert_eq!((ask(&running.cache, &source).await, source.reads()), (None, reads));
    source.set(Some("later"));
    assert_eq!(ask_at(&running.cache, &source, 6).await.unwrap().as_deref(), Some("later"), "without a word");
}

/// Watches the limit of a read: without it one that hangs holds up all who ask for the same, for ever.
#[tokio::test(start_paused = true)]
async fn a_read_that_never_ends_is_given_up() {
    let (running, source) = (start(None).await, Source::new("a"));
    let hangs = running.cache.answer(key(), std::time::Instant::now(), std::future::pending);
    assert!(tokio::time::timeout(Duration::from_secs(60), hangs).await.expect("an answer").is_err());
    assert_eq!(ask(&running.cache, &source).await.as_deref(), Some("a"));
}

/// Watches the switch.
#[tokio::test]
async fn a_cache_that_is_turned_off_keeps_nothing() {
    let settings = actors::cache::CacheSettings { enabled: false, ..Default::default() };
    let (running, source) = (actors::cache::RunningCache::start(settings, None, None).await.unwrap(), Source::new("a"));
    for reads in 1..4 {
        ask(&running.cache, &source).await;
        assert_eq!(source.reads(), reads);
    }
}

/// The guard: as many names as somebody likes to make up. Without a bound of their own they drive out what is wanted.
#[tokio::test]
async fn names_that_nobody_has_drive_out_no_answer() {
    let (running, source) = (start(None).await, Source::new("a"));
    ask(&running.cache, &source).await;
    for number in 0..20_000 {
        let key = actors::cache::Key::one(actors::cache::Namespace::Event, number);
        let nothing = async || Ok(actors::cache::Load::absent(&[Tag::Events]));
        running.cache.answer(key, std::time::Instant::now(), nothing).await.unwrap();
    }
    let entries: u64 = running.cache.overview().namespaces.iter().map(|(_, size, _)| size.entries).sum();
    assert!(entries <= 4097, "{entries}");
    ask(&running.cache, &source).await;
    assert_eq!(source.reads(), 1);
}

/// Watches the bound in bytes.
#[tokio::test]
async fn memory_is_bounded() {
    let settings = actors::cache::CacheSettings { bytes_max: 1 << 20, ..Default::default() };
    let running = actors::cache::RunningCache::start(settings, None, None).await.unwrap();
    for number in 0..500 {
        let key = actors::cache::Key::one(actors::cache::Namespace::Event, number);
        let large = async || Ok(actors::cache::Load::found(vec![b'x'; 10_000], &[Tag::Events]));
        assert!(running.cache.answer(key, std::time::Instant::now(), large).await.unwrap().is_some());
    }
    let bytes: u64 = running.cache.overview().namespaces.iter().map(|(_, size, _)| size.bytes).sum();
    assert!(bytes <= 1 << 20 && bytes > 1 << 18, "{bytes}");
}
