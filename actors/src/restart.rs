//! When a failed actor is started again.

use std::{collections::VecDeque, time::Duration};

use rand::Rng;
use tokio::time::Instant;

/// Bounds of restarting. Too tolerant, and a broken actor burns the machine; too strict, and a hiccup becomes an outage.
#[derive(Clone, Copy, Debug)]
pub struct RestartPolicy {
    /// Failures within `window` that are answered by a restart.
    pub intensity: usize,
    /// The time over which failures are counted.
    pub window: Duration,
    /// Wait before the first restart of a series; doubles with each further one, and is jittered by half.
    pub backoff_min: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
    /// How long the actor stays down once the intensity is exceeded.
    pub cool_down: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            intensity: 10,
            window: Duration::from_secs(10),
            backoff_min: Duration::from_millis(5),
            backoff_max: Duration::from_secs(1),
            cool_down: Duration::from_secs(5),
        }
    }
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start again after this wait.
    RestartAfter(Duration),
    /// Too many failures: leave it down for the cool-down.
    GiveUp(Duration),
}

/// The recent failures of one actor.
#[derive(Debug, Default)]
pub struct FailureHistory(VecDeque<Instant>);

impl FailureHistory {
    /// Notes a failure at `now` and judges it.
    pub fn judge(&mut self, policy: &RestartPolicy, now: Instant) -> Verdict {
        while self.0.front().is_some_and(|at| now.duration_since(*at) > policy.window) {
            self.0.pop_front();
        }
        if self.0.len() >= policy.intensity {
            // The history starts anew, so that the actor gets a full series after the cool-down.
            self.0.clear();
            return Verdict::GiveUp(policy.cool_down);
        }
        let doublings = u32::try_from(self.0.len()).unwrap_or(u32::MAX).min(16);
        self.0.push_back(now);
        let longest = policy.backoff_min.saturating_mul(1 << doublings).min(policy.backoff_max);
        // Jitter, so that actors that failed together do not return together.
        Verdict::RestartAfter(longest.mul_f64(rand::rng().random_range(0.5..=1.0)))
    }

    /// True when nothing failed lately, so that the history can be dropped.
    pub fn is_quiet(&self, policy: &RestartPolicy, now: Instant) -> bool {
        self.0.back().is_none_or(|at| now.duration_since(*at) > policy.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_jitter_and_end_in_a_cool_down() {
        let policy = RestartPolicy { intensity: 4, ..RestartPolicy::default() };
        let (mut history, now) = (FailureHistory::default(), Instant::now());
        for doubling in 0..4 {
            let longest = policy.backoff_min * (1 << doubling);
            match history.judge(&policy, now) {
                Verdict::RestartAfter(wait) => assert!(wait >= longest / 2 && wait <= longest, "{wait:?}"),
                verdict => panic!("{verdict:?} at {doubling}"),
            }
        }
        assert_eq!(history.judge(&policy, now), Verdict::GiveUp(policy.cool_down));
        assert!(matches!(history.judge(&policy, now), Verdict::RestartAfter(_)), "a new series after the cool-down");
    }

    #[test]
    fn failures_outside_the_window_are_forgotten() {
        let policy = RestartPolicy { intensity: 1, ..RestartPolicy::default() };
        let (mut history, now) = (FailureHistory::default(), Instant::now());
        assert!(matches!(history.judge(&policy, now), Verdict::RestartAfter(_)));
        let later = now + policy.window + Duration::from_millis(1);
        assert!(history.is_quiet(&policy, later));
        assert!(matches!(history.judge(&policy, later), Verdict::RestartAfter(_)));
    }
}
