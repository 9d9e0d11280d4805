//! What is shared with other nodes, and what is not asked for.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actors::cache::{CacheSettings, Key, Load, Namespace, RunningCache};
use domain::cache::{Change, HearChanges, Tag};

use crate::{
    Source, ask, key,
    memory::{MemoryCache, MemoryChanges},
    start, until,
};

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

fn events() -> Change {
    Change::Tags(vec![Tag::Events.slot()])
}

/// A node that has told what it has to tell at its start, and knows where changes are written down.
async fn node(shared: &Arc<MemoryCache>, written: &Arc<MemoryChanges>) -> RunningCache {
    let settings = CacheSettings { fresh: Duration::from_secs(1000), ..CacheSettings::default() };
    let running = RunningCache::start(settings, Some(shared.clone()), Some(written.clone())).await.unwrap();
    until("it has told", || !running.cache.overview().untold).await;
    running
}

/// Whoever has changed something may die before it tells. Watches the look for what is written down: without it others show the old
/// state for as long as the shared cache keeps it.
#[tokio::test]
async fn what_its_maker_does_not_tell_another_node_tells() {
    let (shared, written) = (Arc::new(MemoryCache::default()), Arc::new(MemoryChanges::default()));
    let (node, source) = (node(&shared, &written).await, Source::new("old"));
    ask(&node.cache, &source).await;
    until("it is kept", || shared.holds("events")).await;
    source.set(Some("new"));
    written.write_down(events());
    until("it is told", || written.untold() == 0).await;
    assert_eq!(shared.told.lock().unwrap().last(), Some(&events()));
    assert_eq!(ask(&node.cache, &source).await.as_deref(), Some("new"), "also by this node's memory");
}

/// Watches the order: what is not told is not looked for, whoever has changed it, and stays written down.
#[tokio::test]
async fn what_can_not_be_told_stays_written_down_and_is_not_looked_for() {
    let (shared, written) = (Arc::new(MemoryCache::default()), Arc::new(MemoryChanges::default()));
    let (node, source) = (node(&shared, &written).await, Source::new("old"));
    ask(&node.cache, &source).await;
    until("it is kept", || shared.holds("events")).await;
    shared.refuse_changes(true);
    source.set(Some("new"));
    written.write_down(events());
    until("it is overdue", || node.cache.overview().untold).await;
    let looks = shared.looks();
    assert_eq!(ask(&node.cache, &source).await.as_deref(), Some("new"));
    assert_eq!((shared.looks(), written.untold()), (looks, 1));
    shared.refuse_changes(false);
    until("it is told", || written.untold() == 0 && !node.cache.overview().untold).await;
}

/// Watches that a node's own changes are told without the database, and once.
#[tokio::test]
async fn a_node_tells_what_it_has_changed_also_while_nothing_can_be_read() {
    let (shared, written) = (Arc::new(MemoryCache::default()), Arc::new(MemoryChanges::default()));
    let node = node(&shared, &written).await;
    let told = || shared.told.lock().unwrap().iter().filter(|change| **change == events()).count();
    written.write_down(events());
    node.cache.invalidate(&[Tag::Events]);
    until("it is told", || written.untold() == 0).await;
    assert_eq!(told(), 1);
    written.set_away(true);
    written.write_down(events());
    node.cache.invalidate(&[Tag::Events]);
    until("it is told", || !node.cache.overview().untold).await;
    assert_eq!((told(), written.untold()), (2, 1));
    written.set_away(false);
    until("it is told once more", || written.untold() == 0).await;
}

/// Off means neither kept nor looked for. Watches that others hear of changes all the same.
#[tokio::test]
async fn a_cache_that_is_turned_off_tells_what_is_changed() {
    let shared = Arc::new(MemoryCache::default());
    let settings = CacheSettings { enabled: false, ..CacheSettings::default() };
    let running = RunningCache::start(settings, Some(shared.clone()), None).await.unwrap();
    let source = Source::new("a");
    until("it has told what it tells at its start", || !running.cache.overview().untold).await;
    running.cache.invalidate(&[Tag::Events]);
    until("it has told", || shared.told.lock().unwrap().contains(&events())).await;
    ask(&running.cache, &source).await;
    ask(&running.cache, &source).await;
    assert_eq!((source.reads(), shared.looks(), shared.holds("events")), (2, 0, false));
}

/// Behind the same address there may be another one, with an older memory.
#[tokio::test]
async fn what_may_have_gone_back_is_told_to_forget_everything() {
    let (one, _two, shared) = nodes().await;
    shared.set_away(true);
    one.cache.may_have_gone_back();
    assert!(one.cache.overview().untold, "nothing is looked for until it is told");
    shared.set_away(false);
    until("it has told", || !one.cache.overview().untold).await;
    assert_eq!(shared.told.lock().unwrap().iter().filter(|change| **change == Change::Everything).count(), 3);
}

/// The ways to ask for a list have no end. Watches that those that nobody repeats take no room for all.
#[tokio::test]
async fn a_variation_is_shared_once_it_was_asked_for_again() {
    let (one, _two, shared) = nodes().await;
    let variation = || Key::of(Namespace::Events).with("from", 7);
    let load = async || Ok(Load::found("a", &[Tag::Events]));
    let name = variation().as_str().to_owned();
    one.cache.answer(variation(), Instant::now(), load).await.unwrap().unwrap();
    one.cache.answer(key(), Instant::now(), load).await.unwrap().unwrap();
    until("the list itself is kept", || shared.holds("events")).await;
    assert!(!shared.holds(&name));
    one.cache.heard(&events());
    one.cache.answer(variation(), Instant::now(), load).await.unwrap().unwrap();
    until("it is kept", || shared.holds(&name)).await;
}

/// Watches the end of an answer that reads otherwise by itself, in this process and in what is shared.
#[tokio::test]
async fn what_reads_otherwise_from_an_instant_on_is_kept_until_then() {
    let (one, two, shared) = nodes().await;
    let (source, ends) = (Source::new("first"), Instant::now() + Duration::from_secs(100));
    let ask = async |node: &RunningCache, at: Instant| {
        let read = source.clone();
        let load = move || async move { Ok(read.read().await?.until(Some(ends))) };
        let answer = node.cache.answer(key(), at, load).await.unwrap().unwrap();
        String::from_utf8(answer.plain().body.to_vec()).unwrap()
    };
    assert_eq!(ask(&one, Instant::now()).await, "first");
    until("it is kept", || shared.holds("events")).await;
    assert!(shared.valid_for("events").is_some_and(|rest| rest <= Duration::from_secs(100)));
    source.set(Some("second"));
    assert_eq!(ask(&two, Instant::now()).await, "first", "from what is shared");
    let last = ends.checked_sub(Duration::from_millis(1)).unwrap();
    assert_eq!((ask(&one, last).await, one.cache.fresh(&key(), last).is_some()), ("first".to_owned(), true));
    // The second one was told the rest of the time, and counts it from its question on.
    let later = ends + Duration::from_secs(50);
    assert!(one.cache.fresh(&key(), ends).is_none() && two.cache.fresh(&key(), later).is_none());
    shared.set_away(true);
    assert_eq!((ask(&one, ends).await, ask(&two, later).await), ("second".to_owned(), "second".to_owned()));
    assert_eq!(source.reads(), 3);
}
