//! The upkeep's tree over a repository that does as it is told: each chore is its own, and none waits for another.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails should fail its test")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "each root of tests uses its own part of the helpers")]

mod support {
    pub mod builders;
    pub mod harness;
    pub mod ledger_rows;
    pub mod memory_ledger;
}

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actors::{
    cache::{CacheSettings, RunningCache},
    outbox::Outbox,
    upkeep::RunningUpkeep,
};
use async_trait::async_trait;
use domain::{
    bookings::Booking,
    ids::{BookingId, EventId},
    management::events::{EventUpkeep, Publishing},
    payments::books::PaidBooking,
    reconciliation::{Mismatch, Reconciliation},
    repositories::{Found, RepositoryError},
    retention::{Leftover, Retention},
};
use support::{
    builders::event,
    harness::{Running, eventually, start},
};

/// What a repository of events in the background says, and what it was asked.
#[derive(Default)]
struct Events {
    due: Mutex<Vec<EventId>>,
    published: AtomicUsize,
    claims: AtomicUsize,
    portions: Mutex<Vec<EventId>>,
    purges: AtomicUsize,
    purge_fails: AtomicBool,
    cancelling: Mutex<Vec<EventId>>,
    cancelling_hangs: AtomicBool,
    sweeps: AtomicUsize,
    compared: AtomicUsize,
}

fn away() -> RepositoryError {
    RepositoryError::Unavailable("as the test says".to_owned())
}

#[async_trait]
impl EventUpkeep for Events {
    async fn purge_seat_maps(&self) -> Found<bool> {
        self.purges.fetch_add(1, Ordering::SeqCst);
        if self.purge_fails.load(Ordering::SeqCst) { Err(away()) } else { Ok(false) }
    }

    async fn due_to_publish(&self, _: u32) -> Found<Vec<EventId>> {
        Ok(self.due.lock().unwrap().clone())
    }

    async fn publish_due(&self, event: EventId) -> Found<Option<Publishing>> {
        let mut due = self.due.lock().unwrap();
        // The first one never succeeds.
        if due.first() == Some(&event) {
            return Err(away());
        }
        due.retain(|other| *other != event);
        self.published.fetch_add(1, Ordering::SeqCst);
        Ok(Some(Publishing::Published(None)))
    }

    async fn claim_cancellation(&self) -> Found<Option<EventId>> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        let mut waiting = self.cancelling.lock().unwrap();
        if waiting.is_empty() {
            return Ok(None);
        }
        waiting.rotate_left(1);
        Ok(waiting.last().copied())
    }

    async fn next_to_cancel(&self, event: EventId, _: u32) -> Found<Vec<Booking>> {
        self.portions.lock().unwrap().push(event);
        if self.cancelling_hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(Vec::new())
    }

    async fn paid_of(&self, _: &[BookingId]) -> Found<HashMap<BookingId, PaidBooking>> {
        Ok(HashMap::new())
    }

    async fn note_cancelled(&self, event: EventId, _: &[BookingId]) -> Found<()> {
        // Three portions each.
        let done = self.portions.lock().unwrap().iter().filter(|of| **of == event).count() >= 3;
        if done {
            self.cancelling.lock().unwrap().retain(|of| *of != event);
        }
        Ok(())
    }
}

impl Retention for Events {
    async fn delete_leftovers(&self, _: Leftover, _: u32) -> Found<u64> {
        self.sweeps.fetch_add(1, Ordering::SeqCst);
        Ok(0)
    }
}

impl Reconciliation for Events {
    async fn active_events(&self, _: u32) -> Found<Vec<EventId>> {
        Ok(vec![EventId::generate()])
    }

    async fn events_after(&self, _: Option<EventId>, _: u32) -> Found<Vec<EventId>> {
        Ok(Vec::new())
    }

    async fn mismatches(&self, _: EventId) -> Found<Vec<Mismatch>> {
        self.compared.fetch_add(1, Ordering::SeqCst);
        Ok(Vec::new())
    }
}

/// The tree, with the engine and the cache that it talks to.
async fn upkeep_of(events: &Arc<Events>) -> (RunningUpkeep, Running, RunningCache) {
    let engine = start(&[&event(1)]).await;
    let cache = RunningCache::start(CacheSettings::default(), None, None).await.unwrap();
    let (inventories, poll_every) = (engine.engine.inventories.clone(), Duration::from_millis(20));
    let upkeep =
        RunningUpkeep::start(events.clone(), inventories, Outbox::default(), cache.cache.clone(), poll_every).await;
    (upkeep.unwrap(), engine, cache)
}

/// Guards: that each chore has an actor of its own. With all of them in one, the cancellation that hangs ends everything.
#[tokio::test]
async fn a_chore_that_hangs_and_one_that_fails_stand_in_the_way_of_no_other() {
    let events = Arc::new(Events::default());
    events.purge_fails.store(true, Ordering::SeqCst);
    events.cancelling_hangs.store(true, Ordering::SeqCst);
    events.cancelling.lock().unwrap().push(EventId::generate());
    let (upkeep, _engine, _cache) = upkeep_of(&events).await;
    eventually("the cancellation hangs", || !events.portions.lock().unwrap().is_empty()).await;
    let count = |of: &AtomicUsize| of.load(Ordering::SeqCst);
    *events.due.lock().unwrap() = (0..3).map(|_| EventId::generate()).collect();
    eventually("the others are published", || count(&events.published) == 2).await;
    let purges = count(&events.purges);
    eventually("it is purged on and on", || count(&events.purges) > purges + 2).await;
    eventually("the rest goes on", || count(&events.sweeps) > 0 && count(&events.compared) > 1).await;
    assert_eq!(count(&events.claims), 1, "and it still hangs");
    upkeep.stop().await;
}

/// Guards: that a portion ends its turn. Two cancelled events are done side by side.
#[tokio::test]
async fn cancelled_events_take_turns() {
    let events = Arc::new(Events::default());
    let both: Vec<_> = (0..2).map(|_| EventId::generate()).collect();
    events.cancelling.lock().unwrap().extend(&both);
    let (upkeep, _engine, _cache) = upkeep_of(&events).await;
    upkeep.upkeep.wake();
    eventually("both are done", || events.cancelling.lock().unwrap().is_empty()).await;
    let portions = events.portions.lock().unwrap().clone();
    assert_ne!(portions[0], portions[1], "{portions:?}");
    upkeep.stop().await;
}
