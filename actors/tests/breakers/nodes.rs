//! Nodes that share what they have opened, and a service that watches itself; with fakes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actors::breakers::{Breaker, BreakerState, Breakers, CallOutcome, RunningBreakers, Service};
use domain::{
    breakers::{Opening, SharedBreakers, WatchedService},
    cache::{Answering, Away},
};
use tokio::time::{Instant, sleep};

use super::{ask, start, until};

/// What all nodes share. It may be away.
#[derive(Default)]
struct Shared {
    last: Mutex<Option<(Opening, Instant)>>,
    is_away: AtomicBool,
}

impl SharedBreakers for Shared {
    fn tell<'a>(&'a self, service: &'a str, opening: Opening) -> Answering<'a, ()> {
        Box::pin(async move {
            if service == "payment" && !self.is_away.load(Ordering::SeqCst) {
                *self.last.lock().unwrap() = Some((opening, Instant::now() + opening.rest));
                return Ok(());
            }
            Err(Away)
        })
    }

    fn latest<'a>(&'a self, service: &'a str) -> Answering<'a, Option<Opening>> {
        Box::pin(async move {
            if self.is_away.load(Ordering::SeqCst) {
                return Err(Away);
            }
            let last = self.last.lock().unwrap().filter(|(_, until)| service == "payment" && *until > Instant::now());
            Ok(last.map(|(opening, until)| Opening { rest: until - Instant::now(), ..opening }))
        })
    }
}

async fn node(shared: &Arc<Shared>) -> (RunningBreakers, Arc<Breaker>) {
    let running = RunningBreakers::start(Breakers::default(), Some(shared.clone()), None).await.unwrap();
    let breaker = running.breakers.of(Service::Payment).clone();
    (running, breaker)
}

async fn open(breaker: &Breaker) {
    let _ = ask(breaker, CallOutcome::Down).await;
    until("it is open", breaker, BreakerState::Open).await;
}

/// Guards: that openings are told and followed, once each, and soon; and that a node finds out by itself whether the service is back: what
/// one can't reach others may.
#[tokio::test(start_paused = true)]
async fn what_one_node_opens_the_others_open_and_each_closes_by_itself() {
    let shared = Arc::new(Shared::default());
    let ((_one, one), (_two, two)) = (node(&shared).await, node(&shared).await);
    open(&one).await;
    let opened = Instant::now();
    until("the other follows", &two, BreakerState::Open).await;
    assert!(opened.elapsed() < Duration::from_secs(1), "{:?}", opened.elapsed());
    assert_eq!(two.status().failures, 0, "it had none itself");
    until("it probes", &two, BreakerState::HalfOpen).await;
    for _ in 0..3 {
        ask(&two, CallOutcome::Answered).await.unwrap();
    }
    until("it is closed", &two, BreakerState::Closed).await;
    for _ in 0..5 {
        until("it probes", &one, BreakerState::HalfOpen).await;
        let _ = ask(&one, CallOutcome::Failed).await;
        until("it is open again", &one, BreakerState::Open).await;
        sleep(Duration::from_secs(5)).await;
        assert_eq!(two.state(), BreakerState::Closed);
    }
}

/// Guards: that each opening is followed once. Of two that open at the same time, the later end would keep the other open.
#[tokio::test(start_paused = true)]
async fn nodes_that_open_together_close_when_they_find_the_service_back() {
    let shared = Arc::new(Shared::default());
    let ((_one, one), (_two, two)) = (node(&shared).await, node(&shared).await);
    for round in 0..10 {
        tokio::join!(open(&one), open(&two));
        let mut in_order = [&one, &two];
        in_order.sort_by_key(|breaker| breaker.wait());
        for breaker in in_order {
            until("it probes", breaker, BreakerState::HalfOpen).await;
            for _ in 0..3 {
                ask(breaker, CallOutcome::Answered).await.unwrap();
            }
            until("it is closed", breaker, BreakerState::Closed).await;
            sleep(Duration::from_secs(1)).await;
            assert_eq!(breaker.state(), BreakerState::Closed, "round {round}");
        }
    }
}

/// Guards: that each node decides alone while nothing can be shared, and that an opening is told once it can.
#[tokio::test(start_paused = true)]
async fn while_nothing_can_be_shared_each_decides_alone() {
    let shared = Arc::new(Shared::default());
    let ((_one, one), (_two, two)) = (node(&shared).await, node(&shared).await);
    shared.is_away.store(true, Ordering::SeqCst);
    open(&one).await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!((one.state(), two.state()), (BreakerState::Open, BreakerState::Closed));
    // What is to be told outlives the actor.
    one.kill_actor();
    shared.is_away.store(false, Ordering::SeqCst);
    until("the other follows", &two, BreakerState::Open).await;
    let (_three, three) = node(&shared).await;
    until("one that starts later follows as well", &three, BreakerState::Open).await;
    assert!(three.wait().unwrap() < Duration::from_secs(61), "for the rest of the wait");
}

struct Watched(AtomicBool);

impl WatchedService for Watched {
    fn is_given_up(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn failures(&self) -> u32 {
        3
    }
}

/// Guards: the mirror, and the list of services that are not configured.
#[tokio::test(start_paused = true)]
async fn a_service_that_watches_itself_is_shown_as_it_sees_itself() {
    let redis = Arc::new(Watched(false.into()));
    let running = RunningBreakers::start(Breakers::default(), None, Some(redis.clone())).await.unwrap();
    let breaker = running.breakers.of(Service::Redis);
    for _ in 0..2 {
        redis.0.store(true, Ordering::SeqCst);
        until("it is given up", breaker, BreakerState::Open).await;
        let shown = running.breakers.list().into_iter().find(|breaker| breaker.name == "redis").unwrap();
        assert_eq!((shown.state, shown.failures, shown.retry_at), (BreakerState::Open, 3, None));
        redis.0.store(false, Ordering::SeqCst);
        until("it answers", breaker, BreakerState::Closed).await;
    }
    let names: Vec<_> = start().await.breakers.list().into_iter().map(|breaker| breaker.name).collect();
    assert_eq!(names, ["payment", "email", "redis"]);
}
