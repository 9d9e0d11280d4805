//! One breaker, as callers have it: it lets calls through or refuses them, bounds how many there are and how long they take, and
//! notes what became of them. Callers read the present phase without a lock and wait for nobody.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use domain::breakers::Opening;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout};

use super::{
    measures::Measures,
    period::Phase,
    service::{CallError, CallOutcome, Service, ServiceError},
    state::{BreakerSettings, BreakerState, BreakerStatus},
};
use crate::waker::Waker;

#[derive(Debug)]
pub struct Breaker {
    pub(super) service: Service,
    pub(super) settings: BreakerSettings,
    /// Only the actor changes it.
    period: ArcSwap<Period>,
    calls: AtomicUsize,
    calls_max: usize,
    /// The last opening of any node that was considered, so that each is followed once.
    pub(super) heard: AtomicU64,
    pub(super) waker: Waker<BreakerMessage>,
    measures: Measures,
}

/// From one transition to the next.
#[derive(Debug)]
pub(super) struct Period {
    pub(super) phase: Phase,
    since: Timestamp,
}

/// What the actor is told.
#[derive(Debug)]
pub(super) enum BreakerMessage {
    /// A transition is due: a call has found that, or a wait is over.
    Look,
    /// It is time to hear what others say.
    Round,
    /// Another node has told of this.
    Heard(Opening),
}

/// A call under way. Dropped, also by a caller that no longer waits, it makes room for the next.
struct Call<'a> {
    breaker: &'a Breaker,
    period: Arc<Period>,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.period.phase.end();
        self.breaker.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Breaker {
    pub(super) fn new(service: Service, settings: BreakerSettings, calls_max: usize) -> Self {
        let phase = Phase::closed(&settings, Instant::now());
        Self {
            service,
            settings,
            period: ArcSwap::from_pointee(Period { phase, since: Timestamp::now() }),
            calls: AtomicUsize::new(0),
            calls_max: calls_max.max(1),
            heard: AtomicU64::new(0),
            waker: Waker::default(),
            measures: Measures::of(service),
        }
    }

    /// Calls the service: does `work`, for `time_limit` at most, unless the breaker is open or too many calls are under way.
    pub async fn call<T, E: ServiceError>(
        &self,
        time_limit: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        let call = self.begin()?;
        let begun = Instant::now();
        let done = timeout(time_limit, work).await;
        self.measures.durations.record(begun.elapsed());
        match done {
            Ok(Ok(answer)) => {
                call.note(CallOutcome::Answered);
                Ok(answer)
            }
            Ok(Err(error)) => {
                let outcome = error.outcome();
                if outcome != CallOutcome::Answered {
                    self.measures.errors.increment(1);
                }
                call.note(outcome);
                Err(CallError::Failed(error))
            }
            Err(_) => {
                self.measures.time_outs.increment(1);
                call.note(CallOutcome::Failed);
                Err(CallError::TimedOut)
            }
        }
    }

    /// How long a call would have to wait; `None` when it could begin now.
    pub fn wait(&self) -> Option<Duration> {
        self.period.load().phase.wait(Instant::now())
    }

    pub fn state(&self) -> BreakerState {
        self.period.load().phase.state()
    }

    pub fn status(&self) -> BreakerStatus {
        let (period, now) = (self.period.load(), Instant::now());
        let retry_at = match &period.phase {
            Phase::Open(outage) => outage.until.map(|until| {
                let rest = SignedDuration::try_from(until.saturating_duration_since(now));
                Timestamp::now().saturating_add(rest.unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX)
            }),
            Phase::Closed(_) | Phase::HalfOpen(_) => None,
        };
        BreakerStatus {
            name: self.service.into(),
            state: period.phase.state(),
            failures: period.phase.failures(&self.settings, now),
            since: period.since,
            retry_at,
        }
    }

    pub(super) fn register(&self) {
        self.measures.register(self.state());
    }

    /// Kills the actor, for fault tests.
    pub fn kill_actor(&self) {
        if let Some(actor) = self.waker.actor.get() {
            actor.kill();
        }
    }

    fn begin<E>(&self) -> Result<Call<'_>, CallError<E>> {
        let period = self.period.load_full();
        if let Err(retry_after) = period.phase.begin(Instant::now()) {
            self.measures.rejected_open.increment(1);
            return Err(CallError::Open { retry_after });
        }
        let one_more = |calls| (calls < self.calls_max).then_some(calls + 1);
        if self.calls.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_err() {
            period.phase.end();
            self.measures.rejected_full.increment(1);
            return Err(CallError::Full);
        }
        Ok(Call { breaker: self, period })
    }

    pub(super) fn period(&self) -> Arc<Period> {
        self.period.load_full()
    }

    /// Begins the next period. For the actor alone.
    pub(super) fn enter(&self, phase: Phase, why: &str) {
        let (breaker, failures) = (self.service.as_ref(), phase.failures(&self.settings, Instant::now()));
        match &phase {
            Phase::Open(outage) => {
                let wait = outage.until.map(|until| until.saturating_duration_since(Instant::now()).as_millis() as u64);
                tracing::warn!(breaker, failures, waitMs = wait, "circuit breaker open: {why}");
            }
            Phase::HalfOpen(_) => tracing::info!(breaker, "circuit breaker half-open: {why}"),
            Phase::Closed(_) => tracing::info!(breaker, "circuit breaker closed: {why}"),
        }
        self.measures.enter(phase.state());
        self.period.store(Arc::new(Period { phase, since: Timestamp::now() }));
    }
}

impl Call<'_> {
    fn note(&self, outcome: CallOutcome) {
        let now = Instant::now();
        self.period.phase.note(outcome, now);
        if self.period.phase.due(&self.breaker.settings, now).is_some() {
            self.breaker.waker.wake(BreakerMessage::Look);
        }
    }
}
