//! What both ways of asking share: the window in which is measured, and a constant rate.

use std::{cell::Cell, time::Duration};

use hdrhistogram::{CreationError, Histogram};
use tokio::time::{Instant, sleep_until};

/// Longest latency that is told apart from longer ones.
const LATENCY_US_MAX: u64 = 600_000_000;

/// When is measured.
pub(super) struct Window {
    pub(super) from: Instant,
    /// When nothing is sent any more; earlier than planned when everything is sold.
    pub(super) until: Cell<Instant>,
}

impl Window {
    pub(super) fn holds(&self, instant: Instant) -> bool {
        self.from <= instant && instant <= self.until.get()
    }
}

/// Requests that are due at a constant rate.
pub(super) struct Pace {
    begin: Instant,
    /// A second.
    rate: f64,
    /// The next one.
    ticket: Cell<u64>,
}

impl Pace {
    pub(super) fn new(begin: Instant, rate: f64) -> Self {
        Self { begin, rate, ticket: Cell::new(0) }
    }

    /// The next request that is due before `until`: its number and its instant, which may be past or to come.
    pub(super) fn take(&self, until: Instant) -> Option<(u64, Instant)> {
        let ticket = self.ticket.get();
        let due = self.begin + Duration::from_secs_f64(ticket as f64 / self.rate);
        if due >= until {
            return None;
        }
        self.ticket.set(ticket + 1);
        Some((ticket, due))
    }
}

/// Waits for an instant, to the next millisecond: the timer's grain, and so an error of up to one in an open loop.
pub(super) async fn wait_for(due: Instant) {
    if due > Instant::now() {
        sleep_until(due).await;
    }
}

/// Latencies in microseconds.
pub(super) fn histogram() -> Result<Histogram<u64>, CreationError> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)
}

/// Counts what was due within the window; it counts from then, however late it was sent.
pub(super) fn record(histogram: &mut Histogram<u64>, window: &Window, due: Instant, now: Instant) {
    if due >= window.from {
        let latency = u64::try_from(now.saturating_duration_since(due).as_micros()).unwrap_or(u64::MAX);
        histogram.saturating_record(latency.max(1));
    }
}
