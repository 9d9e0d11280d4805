//! What is shared with other nodes, and what is not asked for.

use std::sync::Arc;

use actors::cache::RunningCache;
use domain::cache::{Change, HearChanges, Tag};

use crate::{Source, ask, memory::MemoryCache, start, until};

/// Two nodes that have told what they have to tell at their start.
async fn nodes() -> (RunningCache, RunningCache, Arc<MemoryCache>) {
    let shared = Arc::new(MemoryCache::default());
    let (one, two) = (start(Some(shared.clone())).await, start(Some(shared.clone())).await);
    for node in [&one, &two] {
        until("it has told", || !node.cache.overview().untold).await;
    }
    (one, two, shared)
}

#[tokio::test]
async fn what_one_node_has_read_another_need_not() {
    let (one, two, shared) = nodes().await;
    let source = Source::new("a");
    assert_eq!(ask(&one.cache, &source).await.as_deref(), Some("a"));
    until("it is kept", || shared.holds("events")).await;
    assert_eq!(ask(&two.cache, &source).await.as_deref(), Some("a"));
    assert_eq!(source.reads(), 1);
    // What is not there is kept by nobody else.
    source.set(None);
    one.cache.invalidate(&[Tag::Events]);
    assert_eq!(ask(&one.cache, &source).await, None);
    until("it has told", || !one.cache.overview().untold).await;
    assert!(!shared.holds("events"));
}

/// The classic fault once more, between a look into what is shared and a message. Watches the number that an answer remembers from
/// before the look.
#[tokio::test]
async fn what_was_found_before_a_change_does_not_survive_it() {
    let (one, two, shared) = nodes().await;
    let source = Source::new("old");
    ask(&two.cache, &source).await;
    until("it is kept", || shared.holds("events")).await;
    shared.hold(true);
    let (cache, asked) = (one.cache.clone(), source.clone());
    let early = tokio::spawn(async move { ask(&cache, &asked).await });
    until("what it has found is on its way", || shared.waiting() == 1).await;
    source.set(Some("new"));
    two.cache.invalidate(&[Tag::Events]);
    until("it has told", || !two.cache.overview().untold).await;
    one.cache.heard(&Change::Tags(vec![Tag::Events.slot()]));
    shared.hold(false);
    assert_eq!(early.await.unwrap().as_deref(), Some("old"), "asked before the change");
    assert_eq!(ask(&one.cache, &source).await.as_deref(), Some("new"));
}

/// What a node could not tell before its end, however it ended, it tells at its start. Watches the first change.
#[tokio::test]
async fn a_node_that_starts_trusts_nothing_that_was_there_before() {
    let shared = Arc::new(MemoryCache::default());
    shared.set_away(true);
    let node = start(Some(shared.clone())).await;
    assert!(node.cache.overview().untold);
    shared.set_away(false);
    until("it has told", || !node.cache.overview().untold).await;
    assert_eq!(*shared.told.lock().unwrap(), [Change::Everything]);
}

/// Watches that a node does not look into a shared cache that has not been told of its changes: it would find what it has just
/// invalidated, and keep it.
#[tokio::test]
async fn while_something_is_untold_nothing_is_looked_for() {
    let (one, two, shared) = nodes().await;
    let source = Source::new("old");
    ask(&two.cache, &source).await;
    until("it is kept", || shared.holds("events")).await;
    shared.set_away(true);
    source.set(Some("new"));
    one.cache.invalidate(&[Tag::Events]);
    let looks = shared.looks();
    for _ in 0..3 {
        assert_eq!(ask(&one.cache, &source).await.as_deref(), Some("new"));
        one.cache.heard(&Change::Everything);
    }
    assert_eq!(shared.looks(), looks);
    assert!(one.cache.overview().untold);
    shared.set_away(false);
    until("it has told", || !one.cache.overview().untold).await;
    assert_eq!(shared.told.lock().unwrap().last(), Some(&Change::Tags(vec![Tag::Events.slot()])));
    // What the other has in memory ends with the message, which nobody sends here; what is shared is new.
    two.cache.may_have_missed();
    assert_eq!(ask(&two.cache, &source).await.as_deref(), Some("new"));
}

/// Watches that changes outlive the actor that tells them.
#[tokio::test]
async fn a_killed_teller_loses_nothing() {
    let (one, _two, shared) = nodes().await;
    shared.set_away(true);
    one.cache.invalidate(&[Tag::Venues]);
    for _ in 0..5 {
        one.kill_actors();
        tokio::task::yield_now().await;
    }
    one.cache.invalidate(&[Tag::Events]);
    shared.set_away(false);
    until("it has told", || !one.cache.overview().untold).await;
    let told = shared.told.lock().unwrap();
    let all: Vec<_> = told
        .iter()
        .filter_map(|change| if let Change::Tags(slots) = change { Some(slots) } else { None })
        .flatten()
        .collect();
    assert!(all.contains(&&Tag::Venues.slot()) && all.contains(&&Tag::Events.slot()), "{told:?}");
}

/// Watches that a stop tells what was changed last: this node may not start again for hours.
#[tokio::test]
async fn a_node_that_stops_tells_its_last_changes() {
    let (one, _two, shared) = nodes().await;
    one.cache.invalidate(&[Tag::Venues]);
    one.stop().await;
    assert_eq!(shared.told.lock().unwrap().last(), Some(&Change::Tags(vec![Tag::Venues.slot()])));
}

#[tokio::test]
async fn searches_that_are_rarely_repeated_are_not_shared() {
    let (one, _two, shared) = nodes().await;
    let key = || crate::key().with("q", "words").uncommon();
    let load = async || Ok(actors::cache::Load::found("a", &[Tag::Events]));
    let looks = shared.looks();
    for _ in 0..2 {
        one.cache.answer(key(), std::time::Instant::now(), load).await.unwrap().unwrap();
    }
    assert_eq!(one.cache.overview().namespaces[0].2.fresh, 1);
    assert_eq!(shared.looks(), looks);
}
