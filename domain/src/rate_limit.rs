//! How often something may happen: the generic cell rate algorithm (GCRA, ITU-T I.371).
//!
//! All that is remembered of a limited client is one instant, the *theoretical arrival time*: when everything used up so far
//! will have been regained. So there are no windows with edges at which twice as much gets through, and nothing to tidy up:
//! an instant in the past says the same as no instant.

use std::time::Duration;

/// So many in so much time, as `100/15m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    window: Duration,
}

/// Longest window. Longer ones are not rates any more, and instants in nanoseconds stay far from their end.
const WINDOW_MAX: Duration = Duration::from_secs(30 * 86_400);
const COUNT_MAX: u32 = 1_000_000;

impl Rate {
    /// `count` from 1 to 1,000,000, `window` from 1 ms to 30 days, and no more than one a microsecond.
    pub const fn new(count: u32, window: Duration) -> Option<Self> {
        let micros = window.as_micros();
        if count < 1 || count > COUNT_MAX || micros < 1000 || micros > WINDOW_MAX.as_micros() || micros < count as u128
        {
            return None;
        }
        Some(Self { count, window })
    }

    /// So many times as many in as much time, as far as there are such rates.
    pub fn times(self, factor: u32) -> Self {
        let most = u32::try_from(self.window.as_micros()).unwrap_or(u32::MAX).min(COUNT_MAX);
        Self { count: self.count.saturating_mul(factor.max(1)).min(most), ..self }
    }

    /// How many at once, when nothing was used before.
    pub fn count(self) -> u32 {
        self.count
    }

    /// In which as many are regained.
    pub fn window(self) -> Duration {
        self.window
    }
}

/// The arithmetic of one rate. Instants are numbers of `units` since whatever start, the same for all of them.
///
/// Over any time *t* it admits at most `count + t / interval`.
#[derive(Clone, Copy, Debug)]
pub struct Gcra {
    /// In which one is regained.
    pub interval: u64,
    /// How far ahead of the present the theoretical arrival time may be for one more to be admitted.
    pub tolerance: u64,
}

impl Gcra {
    /// With so many units a second.
    pub fn new(rate: Rate, units_a_second: u32) -> Self {
        let window = rate.window.as_nanos() * u128::from(units_a_second) / 1_000_000_000;
        // Rounded up: a limit that is a little too strict is still kept.
        let interval = u64::try_from(window.div_ceil(u128::from(rate.count))).unwrap_or(u64::MAX).max(1);
        Self { interval, tolerance: interval * u64::from(rate.count - 1) }
    }

    /// Takes one if there is one, and otherwise says after how long there will be.
    pub fn admit(&self, arrival: &mut u64, now: u64) -> Result<(), u64> {
        let wait = self.wait(*arrival, now);
        if wait > 0 {
            return Err(wait);
        }
        *arrival = (*arrival).max(now) + self.interval;
        Ok(())
    }

    /// How long until there is one.
    pub fn wait(&self, arrival: u64, now: u64) -> u64 {
        arrival.saturating_sub(now + self.tolerance)
    }

    /// Takes one that is not there: who goes on although refused waits longer, up to `wait_max` altogether.
    pub fn penalise(&self, arrival: &mut u64, now: u64, wait_max: u64) {
        let longest = now + self.tolerance + wait_max;
        *arrival = (*arrival).max((*arrival + self.interval).min(longest));
    }

    /// How many are used up and not regained yet.
    pub fn used(&self, arrival: u64, now: u64) -> u32 {
        u32::try_from(arrival.saturating_sub(now).div_ceil(self.interval)).unwrap_or(u32::MAX)
    }

    /// How many are there.
    pub fn remaining(&self, arrival: u64, now: u64) -> u32 {
        let used = arrival.saturating_sub(now);
        if used > self.tolerance {
            return 0;
        }
        u32::try_from((self.tolerance - used) / self.interval + 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn gcra(count: u32, seconds: u64) -> Gcra {
        Gcra::new(Rate::new(count, Duration::from_secs(seconds)).unwrap(), 1_000_000_000)
    }

    #[test]
    fn a_rate_has_bounds() {
        let second = Duration::from_secs(1);
        assert!(Rate::new(0, second).is_none() && Rate::new(COUNT_MAX + 1, second).is_none());
        assert!(Rate::new(1, Duration::ZERO).is_none() && Rate::new(1, WINDOW_MAX + second).is_none());
        let many = Rate::new(5, second).unwrap().times(3);
        assert_eq!(many, Rate::new(15, second).unwrap());
        let most = Rate::new(500, Duration::from_millis(1)).unwrap().times(3);
        assert_eq!(most, Rate::new(1000, Duration::from_millis(1)).unwrap());
        assert!(Rate::new(1_000_000, second).is_some() && Rate::new(1_000_000, second / 2).is_none());
    }

    #[test]
    fn all_of_it_at_once_and_then_one_after_the_other() {
        let (gcra, mut arrival, start) = (gcra(5, 900), 0, 7 * SECOND);
        for left in (0..5).rev() {
            gcra.admit(&mut arrival, start).unwrap();
            assert_eq!(gcra.remaining(arrival, start), left);
        }
        assert_eq!(gcra.admit(&mut arrival, start), Err(180 * SECOND));
        assert_eq!(gcra.admit(&mut arrival, start + 180 * SECOND - 1), Err(1));
        gcra.admit(&mut arrival, start + 180 * SECOND).unwrap();
        assert_eq!(gcra.admit(&mut arrival, start + 180 * SECOND), Err(180 * SECOND));
        assert_eq!(gcra.remaining(arrival, start + 3600 * SECOND), 5);
    }

    #[test]
    fn a_penalty_lengthens_the_wait_up_to_its_bound_and_never_shortens_it() {
        let (gcra, mut arrival) = (gcra(5, 900), 0);
        while gcra.admit(&mut arrival, 0).is_ok() {}
        let mut waits = Vec::new();
        for _ in 0..5 {
            gcra.penalise(&mut arrival, 0, 600 * SECOND);
            waits.push(gcra.wait(arrival, 0) / SECOND);
        }
        assert_eq!(waits, [360, 540, 600, 600, 600]);
        gcra.penalise(&mut arrival, 0, 10 * SECOND);
        assert_eq!(gcra.wait(arrival, 0), 600 * SECOND);
        // Once it is over, the rate is as it was.
        gcra.admit(&mut arrival, 600 * SECOND).unwrap();
        assert_eq!(gcra.admit(&mut arrival, 600 * SECOND), Err(180 * SECOND));
    }

    proptest! {
        /// Watches the tolerance and that intervals are rounded up.
        #[test]
        fn never_more_than_the_burst_and_what_was_regained(
            count in 1_u32..500,
            window_ms in 1_u64..2_000_000,
            steps in prop::collection::vec(0_u64..3, 1..300),
            scale in 1_u64..2_000,
        ) {
            let Some(rate) = Rate::new(count, Duration::from_millis(window_ms)) else { return Ok(()) };
            let gcra = Gcra::new(rate, 1_000_000_000);
            let (mut now, mut arrival) = (1_000_000_u64, 0);
            let mut admitted = Vec::new();
            for step in steps {
                now += step * gcra.interval * scale / 1000;
                let promised = gcra.remaining(arrival, now);
                let outcome = gcra.admit(&mut arrival, now);
                prop_assert_eq!(outcome.is_ok(), promised > 0);
                match outcome {
                    Ok(()) => admitted.push(now),
                    Err(wait) => {
                        // The wait is exact: not a unit before, but then.
                        let (mut early, mut then) = (arrival, arrival);
                        prop_assert!(gcra.admit(&mut early, now + wait - 1).is_err());
                        prop_assert!(gcra.admit(&mut then, now + wait).is_ok());
                    }
                }
            }
            for (first, from) in admitted.iter().enumerate() {
                for (last, to) in admitted.iter().enumerate().skip(first) {
                    let most = u128::from(count) + u128::from(to - from) * u128::from(count)
                        / (u128::from(window_ms) * 1_000_000);
                    prop_assert!((last - first + 1) as u128 <= most, "{} from {from} to {to}", last - first + 1);
                }
            }
        }
    }
}
