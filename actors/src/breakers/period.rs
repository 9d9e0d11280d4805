//! State machine of a breaker, without actor and clock: what calls are allowed in a phase, what is remembered of them, and
//! which phase is due next.
//!
//! A call keeps the phase that it began in, and its outcome is noted there. So a late outcome changes nothing.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use domain::breakers::Opening;
use tokio::time::Instant;

use super::{
    service::CallOutcome,
    state::{BreakerSettings, BreakerState},
};

/// How long a caller waits at least before it comes again.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// No failure is remembered here.
const NEVER: u64 = 0;

#[derive(Debug)]
pub(super) enum Phase {
    Closed(RecentFailures),
    Open(Outage),
    HalfOpen(Probes),
}

/// The last failures, as many as open the breaker.
#[derive(Debug)]
pub(super) struct RecentFailures {
    since: Instant,
    /// In microseconds after `since`, in a ring.
    at: Box<[AtomicU64]>,
    next: AtomicUsize,
}

#[derive(Debug)]
pub(super) struct Outage {
    /// When probes begin; `None`: when the service is said to answer.
    pub(super) until: Option<Instant>,
    pub(super) failures: u32,
    /// By which the other nodes know it, if it is theirs to know.
    pub(super) id: Option<u64>,
    pub(super) is_told: AtomicBool,
}

/// Calls that find out whether the service is back, one at a time.
#[derive(Debug)]
pub(super) struct Probes {
    /// How many failures have opened the breaker.
    pub(super) failures: u32,
    /// When it is decided, if they have not done so.
    pub(super) until: Instant,
    is_under_way: AtomicBool,
    succeeded: AtomicU32,
    has_failed: AtomicBool,
}

impl Phase {
    pub(super) fn closed(settings: &BreakerSettings, now: Instant) -> Self {
        let at = (0..settings.failures.max(1)).map(|_| AtomicU64::new(NEVER)).collect();
        Self::Closed(RecentFailures { since: now, at, next: AtomicUsize::new(0) })
    }

    pub(super) fn half_open(settings: &BreakerSettings, failures: u32, now: Instant) -> Self {
        Self::HalfOpen(Probes {
            failures,
            until: now + settings.half_open_for,
            is_under_way: AtomicBool::new(false),
            succeeded: AtomicU32::new(0),
            has_failed: AtomicBool::new(false),
        })
    }

    pub(super) fn state(&self) -> BreakerState {
        match self {
            Self::Closed(_) => BreakerState::Closed,
            Self::Open(_) => BreakerState::Open,
            Self::HalfOpen(_) => BreakerState::HalfOpen,
        }
    }

    pub(super) fn failures(&self, settings: &BreakerSettings, now: Instant) -> u32 {
        match self {
            Self::Closed(failures) => failures.within(settings.window, now),
            Self::Open(Outage { failures, .. }) | Self::HalfOpen(Probes { failures, .. }) => *failures,
        }
    }

    /// How long a call would have to wait; `None` when it may begin.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        match self {
            Self::Closed(_) => None,
            Self::Open(Outage { until, .. }) => {
                Some(until.map_or(RETRY_MIN, |until| until.saturating_duration_since(now)).max(RETRY_MIN))
            }
            Self::HalfOpen(probes) => {
                let is_free =
                    !probes.has_failed.load(Ordering::Acquire) && !probes.is_under_way.load(Ordering::Acquire);
                (!is_free).then_some(RETRY_MIN)
            }
        }
    }

    /// Begins a call, which is to [`Phase::end`]; or says how long it would have to wait.
    pub(super) fn begin(&self, now: Instant) -> Result<(), Duration> {
        match (self.wait(now), self) {
            (Some(wait), _) => Err(wait),
            (None, Self::HalfOpen(probes)) if probes.is_under_way.swap(true, Ordering::AcqRel) => Err(RETRY_MIN),
            _ => Ok(()),
        }
    }

    pub(super) fn end(&self) {
        if let Self::HalfOpen(probes) = self {
            probes.is_under_way.store(false, Ordering::Release);
        }
    }

    /// Notes the outcome of a call that began in this phase.
    pub(super) fn note(&self, outcome: CallOutcome, now: Instant) {
        match (self, outcome) {
            (Self::Closed(_), CallOutcome::Answered) | (Self::Open(_), _) => {}
            (Self::Closed(failures), CallOutcome::Failed) => failures.note(now),
            (Self::Closed(failures), CallOutcome::Down) => failures.at.iter().for_each(|_| failures.note(now)),
            (Self::HalfOpen(probes), CallOutcome::Answered) => {
                probes.succeeded.fetch_add(1, Ordering::AcqRel);
            }
            (Self::HalfOpen(probes), CallOutcome::Failed | CallOutcome::Down) => {
                probes.has_failed.store(true, Ordering::Release)
            }
        }
    }

    /// The state that should follow now.
    pub(super) fn due(&self, settings: &BreakerSettings, now: Instant) -> Option<BreakerState> {
        match self {
            Self::Closed(failures) => {
                (failures.within(settings.window, now) >= settings.failures.max(1)).then_some(BreakerState::Open)
            }
            Self::Open(outage) => outage.until.is_some_and(|until| until <= now).then_some(BreakerState::HalfOpen),
            Self::HalfOpen(probes) if probes.has_failed.load(Ordering::Acquire) => Some(BreakerState::Open),
            Self::HalfOpen(probes) if probes.succeeded.load(Ordering::Acquire) >= settings.probes.max(1) => {
                Some(BreakerState::Closed)
            }
            // One that has no answer by now is no better than one that failed. Otherwise nobody has called, or too few have, and none has failed.
            Self::HalfOpen(probes) if probes.until <= now => Some(match probes.is_under_way.load(Ordering::Acquire) {
                true => BreakerState::Open,
                false => BreakerState::Closed,
            }),
            Self::HalfOpen(_) => None,
        }
    }

    /// When it ends by itself.
    pub(super) fn until(&self) -> Option<Instant> {
        match self {
            Self::Closed(_) => None,
            Self::Open(outage) => outage.until,
            Self::HalfOpen(probes) => Some(probes.until),
        }
    }

    /// What the other nodes should still be told of.
    pub(super) fn untold(&self, now: Instant) -> Option<Opening> {
        match self {
            Self::Open(Outage { until: Some(until), id: Some(id), is_told, .. })
                if !is_told.load(Ordering::Acquire) =>
            {
                let rest = until.saturating_duration_since(now);
                (!rest.is_zero()).then_some(Opening { id: *id, rest })
            }
            _ => None,
        }
    }
}

impl RecentFailures {
    fn note(&self, now: Instant) {
        let place = self.next.fetch_add(1, Ordering::AcqRel) % self.at.len();
        self.at[place].store(self.micros(now), Ordering::Release);
    }

    fn within(&self, window: Duration, now: Instant) -> u32 {
        let (now, window) = (self.micros(now), u64::try_from(window.as_micros()).unwrap_or(u64::MAX));
        let is_recent = |at: &&AtomicU64| {
            let at = at.load(Ordering::Acquire);
            at != NEVER && now.saturating_sub(at) < window
        };
        u32::try_from(self.at.iter().filter(is_recent).count()).unwrap_or(u32::MAX)
    }

    fn micros(&self, at: Instant) -> u64 {
        // One more, so that none is `NEVER`.
        u64::try_from(at.saturating_duration_since(self.since).as_micros()).unwrap_or(u64::MAX - 1) + 1
    }
}

#[cfg(test)]
mod tests;
