//! Metric handles of a breaker.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::{service::Service, state::BreakerState};

const STATES: [(BreakerState, &str); 3] =
    [(BreakerState::Closed, "closed"), (BreakerState::Open, "open"), (BreakerState::HalfOpen, "half_open")];

#[derive(Debug)]
pub(super) struct Measures {
    /// One a state: 1 for the present one.
    states: [Gauge; 3],
    transitions: [Counter; 3],
    pub(super) errors: Counter,
    pub(super) time_outs: Counter,
    pub(super) rejected_open: Counter,
    pub(super) rejected_full: Counter,
    /// Of calls that were made, those that failed included.
    pub(super) durations: Histogram,
}

impl Measures {
    pub(super) fn of(service: Service) -> Self {
        let service: &'static str = service.into();
        let failed = |kind| counter!("boxoffice_breaker_failures_total", "service" => service, "kind" => kind);
        let rejected =
            |reason| counter!("boxoffice_breaker_rejected_calls_total", "service" => service, "reason" => reason);
        Self {
            states: STATES.map(|(_, state)| gauge!("boxoffice_breaker_state", "service" => service, "state" => state)),
            transitions: STATES
                .map(|(_, to)| counter!("boxoffice_breaker_transitions_total", "service" => service, "to" => to)),
            errors: failed("error"),
            time_outs: failed("timeout"),
            rejected_open: rejected("open"),
            rejected_full: rejected("full"),
            durations: histogram!("boxoffice_breaker_call_duration_seconds", "service" => service),
        }
    }

    /// Makes every series, at zero: an alert on an increase misses a series that begins at one.
    pub(super) fn register(&self, state: BreakerState) {
        let Self { errors, time_outs, rejected_open, rejected_full, .. } = self;
        for counter in [errors, time_outs, rejected_open, rejected_full].into_iter().chain(&self.transitions) {
            counter.increment(0);
        }
        self.show(state);
    }

    pub(super) fn enter(&self, state: BreakerState) {
        for ((of, _), counter) in STATES.iter().zip(&self.transitions) {
            counter.increment(u64::from(*of == state));
        }
        self.show(state);
    }

    fn show(&self, state: BreakerState) {
        for ((of, _), gauge) in STATES.iter().zip(&self.states) {
            gauge.set(f64::from(u8::from(*of == state)));
        }
    }
}
