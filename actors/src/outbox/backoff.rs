//! How long a mail waits after a failed try.

use std::time::Duration;

use rand::Rng;

/// Each further wait is three times as long: eight tries span an hour and a half.
const FACTOR: u32 = 3;

/// Bounds of the waits.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Before the second try.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(5), longest: Duration::from_secs(3600) }
    }
}

impl Backoff {
    /// The wait after this try, counted from 1, jittered by half: mails that failed together do not come back together.
    pub fn after(&self, attempt: u32) -> Duration {
        self.full(attempt).mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    fn full(&self, attempt: u32) -> Duration {
        let factor = FACTOR.saturating_pow(attempt.saturating_sub(1));
        self.first.saturating_mul(factor).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour_and_span_an_hour_and_a_half() {
        let backoff = Backoff::default();
        let waits: Vec<u64> = (1..=7).map(|attempt| backoff.full(attempt).as_secs()).collect();
        assert_eq!(waits, [5, 15, 45, 135, 405, 1215, 3600]);
        assert_eq!(waits.iter().sum::<u64>(), 5420);
        assert_eq!(backoff.full(u32::MAX), backoff.longest);
    }

    #[test]
    fn no_two_mails_wait_alike() {
        let backoff = Backoff::default();
        let waits: std::collections::HashSet<_> = (0..100).map(|_| backoff.after(3)).collect();
        assert!(waits.len() > 50, "{waits:?}");
        assert!(waits.iter().all(|wait| (22.5..=45.0).contains(&wait.as_secs_f64())), "{waits:?}");
    }
}
