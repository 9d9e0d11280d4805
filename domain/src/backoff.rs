//! Exponential back-off with jitter: how long to wait between tries.

use std::time::Duration;

use rand::Rng;

#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Before the second try.
    pub first: Duration,
    pub longest: Duration,
    /// How many times as long each further wait is.
    pub factor: u32,
}

impl Backoff {
    pub const fn doubling(first: Duration, longest: Duration) -> Self {
        Self { first, longest, factor: 2 }
    }

    /// The wait after this try, counted from 1, jittered by half: those that failed together do not come back together.
    pub fn after(&self, attempt: u32) -> Duration {
        self.full(attempt).mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    fn full(&self, attempt: u32) -> Duration {
        let factor = self.factor.saturating_pow(attempt.saturating_sub(1));
        self.first.saturating_mul(factor).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIPLING: Backoff = Backoff { first: Duration::from_secs(5), longest: Duration::from_secs(3600), factor: 3 };

    #[test]
    fn waits_grow_by_the_factor_up_to_the_longest() {
        let waits: Vec<u64> = (1..=7).map(|attempt| TRIPLING.full(attempt).as_secs()).collect();
        assert_eq!(waits, [5, 15, 45, 135, 405, 1215, 3600]);
        assert_eq!(TRIPLING.full(u32::MAX), TRIPLING.longest);
    }

    #[test]
    fn no_two_waits_are_alike() {
        let waits: std::collections::HashSet<_> = (0..100).map(|_| TRIPLING.after(3)).collect();
        assert!(waits.len() > 50, "{waits:?}");
        assert!(waits.iter().all(|wait| (22.5..=45.0).contains(&wait.as_secs_f64())), "{waits:?}");
    }
}
