//! Circuit breakers and their actors: with a clock that stands still, and over sockets to services that misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails should fail its test")]

#[path = "breakers/faults.rs"]
mod faults;
#[path = "breakers/nodes.rs"]
mod nodes;

use std::{sync::Arc, time::Duration};

use actors::breakers::{
    Breaker, BreakerSettings, BreakerState, Breakers, CallError, CallOutcome, RunningBreakers, Service, ServiceError,
};
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_secs(10);

/// Says whose fault it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) CallOutcome);

impl ServiceError for Failure {
    fn outcome(&self) -> CallOutcome {
        self.0
    }
}

pub(crate) async fn start() -> RunningBreakers {
    RunningBreakers::start(Breakers::default(), None, None).await.unwrap()
}

pub(crate) async fn ask(breaker: &Breaker, outcome: CallOutcome) -> Result<(), CallError<Failure>> {
    let outcome = if outcome == CallOutcome::Answered { Ok(()) } else { Err(Failure(outcome)) };
    breaker.call(LIMIT, async { outcome }).await
}

async fn fail(breaker: &Breaker, times: usize) {
    for _ in 0..times {
        assert_eq!(ask(breaker, CallOutcome::Failed).await, Err(CallError::Failed(Failure(CallOutcome::Failed))));
    }
}

pub(crate) async fn until(what: &str, breaker: &Breaker, state: BreakerState) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while breaker.state() != state {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn open(breaker: &Breaker) {
    fail(breaker, 5).await;
    until("it is open", breaker, BreakerState::Open).await;
}

fn payment(running: &RunningBreakers) -> Arc<Breaker> {
    running.breakers.of(Service::Payment).clone()
}

/// Guards: the number of failures, the refusal while open, the wait and its jitter, one probe at a time, and how many must succeed.
#[tokio::test(start_paused = true)]
async fn a_breaker_opens_waits_probes_and_closes() {
    let running = start().await;
    let breaker = payment(&running);
    fail(&breaker, 4).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!((breaker.state(), breaker.status().failures), (BreakerState::Closed, 4));
    fail(&breaker, 1).await;
    until("it is open", &breaker, BreakerState::Open).await;
    let opened = Instant::now();
    let status = breaker.status();
    assert_eq!((status.name, status.failures, status.retry_at.is_some()), ("payment", 5, true));
    let Err(CallError::Open { retry_after }) = ask(&breaker, CallOutcome::Answered).await else {
        panic!("it is called")
    };
    assert!((Duration::from_secs(59)..Duration::from_secs(64)).contains(&retry_after), "{retry_after:?}");
    assert_eq!(running.breakers.of(Service::Email).state(), BreakerState::Closed, "the others go on");

    sleep(retry_after + Duration::from_millis(2)).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert!(opened.elapsed() >= Duration::from_secs(59), "{:?}", opened.elapsed());
    let probing = breaker.clone();
    let probe = tokio::spawn(async move {
        let slow = async {
            sleep(Duration::from_secs(2)).await;
            Ok::<_, Failure>(())
        };
        probing.call(LIMIT, slow).await
    });
    sleep(Duration::from_secs(1)).await;
    assert!(matches!(ask(&breaker, CallOutcome::Answered).await, Err(CallError::Open { .. })), "one at a time");
    probe.await.unwrap().unwrap();
    ask(&breaker, CallOutcome::Answered).await.unwrap();
    assert_eq!(breaker.state(), BreakerState::HalfOpen, "two of three");
    ask(&breaker, CallOutcome::Answered).await.unwrap();
    until("it is closed", &breaker, BreakerState::Closed).await;
    assert_eq!(breaker.status().failures, 0);
}

/// Guards: the jitter of the wait.
#[tokio::test(start_paused = true)]
async fn nodes_do_not_probe_all_at_once() {
    let mut waits = std::collections::HashSet::new();
    for _ in 0..20 {
        let breaker = payment(&start().await);
        let _ = ask(&breaker, CallOutcome::Down).await;
        until("it is open", &breaker, BreakerState::Open).await;
        waits.insert(breaker.wait().unwrap().as_millis() / 100);
    }
    assert!(waits.len() > 5 && waits.iter().all(|wait| (599..=630).contains(wait)), "{waits:?}");
}

/// Guards: that a failed probe opens again.
#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_opens_it_again() {
    let running = start().await;
    let breaker = payment(&running);
    open(&breaker).await;
    until("it probes", &breaker, BreakerState::HalfOpen).await;
    ask(&breaker, CallOutcome::Answered).await.unwrap();
    fail(&breaker, 1).await;
    until("it is open", &breaker, BreakerState::Open).await;
    sleep(Duration::from_secs(59)).await;
    assert_eq!(breaker.state(), BreakerState::Open, "for as long as the first time");
    until("it probes", &breaker, BreakerState::HalfOpen).await;
}

/// Guards: the limit of the half-open state. Without it, a service that nobody calls is half-open for ever, and one call that hangs keeps all others
/// away.
#[tokio::test(start_paused = true)]
async fn a_breaker_is_half_open_for_half_a_minute_at_most() {
    let running = start().await;
    let breaker = payment(&running);
    open(&breaker).await;
    until("it probes", &breaker, BreakerState::HalfOpen).await;
    ask(&breaker, CallOutcome::Answered).await.unwrap();
    breaker.kill_actor();
    sleep(Duration::from_secs(29)).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen, "one of three");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(breaker.state(), BreakerState::Closed, "none has failed");

    open(&breaker).await;
    until("it probes", &breaker, BreakerState::HalfOpen).await;
    let hangs = breaker.clone();
    let probe = tokio::spawn(async move {
        let never = std::future::pending::<Result<(), Failure>>();
        hangs.call(Duration::from_secs(300), never).await
    });
    sleep(Duration::from_secs(31)).await;
    assert_eq!(breaker.state(), BreakerState::Open, "it has no answer");
    assert!(breaker.wait().unwrap() > Duration::from_secs(58));
    until("it probes once more", &breaker, BreakerState::HalfOpen).await;
    for _ in 0..3 {
        ask(&breaker, CallOutcome::Answered).await.expect("the one that hangs is in nobody's way");
    }
    until("it is closed", &breaker, BreakerState::Closed).await;
    probe.abort();
}

/// Guards: the window; and that refusals, which are the caller's fault, are no failures.
#[tokio::test(start_paused = true)]
async fn failures_that_are_old_or_the_callers_do_not_open_it() {
    let running = start().await;
    let breaker = payment(&running);
    for _ in 0..100 {
        fail(&breaker, 1).await;
        sleep(Duration::from_secs(16)).await;
    }
    for _ in 0..100 {
        let refused = breaker.call(LIMIT, async { Err::<(), _>(Failure(CallOutcome::Answered)) }).await;
        assert_eq!(refused, Err(CallError::Failed(Failure(CallOutcome::Answered))));
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// Guards: the time limit of a call, and that it counts as a failure; `Down`; and the place of a caller who went away.
#[tokio::test(start_paused = true)]
async fn calls_that_take_too_long_or_find_it_down_open_it_and_callers_who_leave_do_not() {
    let running = start().await;
    let breaker = payment(&running);
    let hang = || breaker.call(LIMIT, std::future::pending::<Result<(), Failure>>());
    for _ in 0..20 {
        assert!(tokio::time::timeout(Duration::from_secs(1), hang()).await.is_err());
    }
    assert_eq!(breaker.status().failures, 0);
    for _ in 0..5 {
        let started = Instant::now();
        assert_eq!(hang().await, Err(CallError::TimedOut));
        assert_eq!(started.elapsed(), LIMIT);
    }
    until("it is open", &breaker, BreakerState::Open).await;
    let email = running.breakers.of(Service::Email);
    let _ = ask(email, CallOutcome::Down).await;
    until("it is open", email, BreakerState::Open).await;
    until("it probes", email, BreakerState::HalfOpen).await;
    let left = email.call(LIMIT, std::future::pending::<Result<(), Failure>>());
    assert!(tokio::time::timeout(Duration::from_secs(1), left).await.is_err());
    ask(email, CallOutcome::Answered).await.expect("a probe whose caller left makes room for the next");
}

/// Guards: that an outcome is noted in the phase in which its call began. A call of before says nothing about a service that is probed now.
#[tokio::test(start_paused = true)]
async fn a_late_outcome_changes_nothing() {
    let running = start().await;
    let breaker = payment(&running);
    let slow = breaker.clone();
    let late = tokio::spawn(async move {
        let work = async {
            sleep(Duration::from_secs(75)).await;
            Err::<(), _>(Failure(CallOutcome::Failed))
        };
        slow.call(Duration::from_secs(80), work).await
    });
    sleep(Duration::from_millis(1)).await;
    open(&breaker).await;
    until("it probes", &breaker, BreakerState::HalfOpen).await;
    late.await.unwrap().unwrap_err();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

/// Guards: the bulkhead, and that a call that is over, or given up, makes room.
#[tokio::test(start_paused = true)]
async fn only_so_many_calls_are_under_way() {
    let breakers = Breakers::new(BreakerSettings::default(), |_| 2);
    let running = RunningBreakers::start(breakers, None, None).await.unwrap();
    let breaker = payment(&running);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let breaker = breaker.clone();
        calls.spawn(async move { breaker.call(LIMIT, std::future::pending::<Result<(), Failure>>()).await });
    }
    sleep(Duration::from_millis(1)).await;
    for _ in 0..10 {
        assert_eq!(ask(&breaker, CallOutcome::Failed).await, Err(CallError::Full));
    }
    assert_eq!(
        (breaker.state(), breaker.status().failures),
        (BreakerState::Closed, 0),
        "nothing is the service's fault"
    );
    calls.shutdown().await;
    ask(&breaker, CallOutcome::Answered).await.unwrap();
}

/// Guards: that all is in the published state. The successor of an actor that dies goes on from there: at the instant at which the other
/// would have, and with the failures that came while there was none.
#[tokio::test(start_paused = true)]
async fn an_actor_that_is_killed_while_open_has_a_successor_that_goes_on() {
    let running = start().await;
    let breaker = payment(&running);
    open(&breaker).await;
    let before = breaker.status();
    for _ in 0..3 {
        breaker.kill_actor();
        sleep(Duration::from_secs(3)).await;
        let now = breaker.status();
        assert_eq!((now.state, now.failures, now.since), (before.state, before.failures, before.since));
        assert!(matches!(ask(&breaker, CallOutcome::Answered).await, Err(CallError::Open { .. })));
    }
    let rest = breaker.wait().unwrap();
    sleep(rest - Duration::from_millis(5)).await;
    assert_eq!(breaker.state(), BreakerState::Open);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    breaker.kill_actor();
    for _ in 0..3 {
        ask(&breaker, CallOutcome::Answered).await.expect("nothing waits for the actor");
    }
    until("the successor closes it", &breaker, BreakerState::Closed).await;
    breaker.kill_actor();
    fail(&breaker, 5).await;
    until("the successor opens it", &breaker, BreakerState::Open).await;
}
