//! The clock by which inventories decide.

use std::{
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// No answer of the database was seen yet.
const UNKNOWN: i64 = i64::MIN;

/// The database's clock, carried on by the monotonic clock between two looks at it: a wall clock of this machine that jumps neither
/// expires a hold early nor keeps it, and all nodes agree. One for all inventories of a node.
///
/// Each answer of the database that shows its clock says that it was that late at some instant between question and answer. When
/// this clock is outside of these bounds it is set to the nearer one. So a slow answer does not make it late, and the time of a
/// suspended machine, which the monotonic clock does not count, is caught up with the next answer.
#[derive(Debug)]
pub struct LedgerClock {
    started: Instant,
    /// What the database's clock showed at `started`, in microseconds.
    base_us: AtomicI64,
}

impl Default for LedgerClock {
    fn default() -> Self {
        Self { started: Instant::now(), base_us: AtomicI64::new(UNKNOWN) }
    }
}

impl LedgerClock {
    /// The database showed `now` in the answer to a question that was asked at `asked` and has just been answered. Returns by how
    /// much the clock was wrong, if it was set before.
    pub fn saw(&self, now: Timestamp, asked: Instant) -> Option<Duration> {
        let base_if_shown_at = |at| now.as_microsecond() - self.since_start(at);
        let (earliest, latest) = (base_if_shown_at(Instant::now()), base_if_shown_at(asked));
        let before = self.base_us.load(Relaxed);
        let after = if before == UNKNOWN { earliest } else { before.clamp(earliest, latest.max(earliest)) };
        // Two who set it at once have both just seen the database's clock.
        self.base_us.store(after, Relaxed);
        (before != UNKNOWN).then(|| Duration::from_micros(after.abs_diff(before)))
    }

    /// The present instant in whole microseconds, which is what the database keeps. This machine's, until the database's was seen.
    pub fn now(&self) -> Timestamp {
        let base = self.base_us.load(Relaxed);
        if base == UNKNOWN {
            return Timestamp::now();
        }
        Timestamp::from_microsecond(base.saturating_add(self.since_start(Instant::now()))).unwrap_or(Timestamp::MAX)
    }

    /// When this clock will show `timestamp`; now, when it has passed.
    pub fn instant(&self, timestamp: Timestamp) -> Instant {
        let ahead: SignedDuration = timestamp.duration_since(self.now());
        Instant::now() + Duration::try_from(ahead).unwrap_or_default()
    }

    fn since_start(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.started).as_micros()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// Guards: the bounds. An answer that took long makes the clock late by that time, until a quick one comes.
    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_does_not_keep_the_clock_late() {
        let clock = LedgerClock::default();
        let asked = Instant::now();
        tokio::time::advance(Duration::from_secs(3)).await;
        // It showed 0 when it was asked, so it is 3 by now.
        assert_eq!(clock.saw(at(0), asked), None);
        assert_eq!(clock.now(), at(0));
        assert_eq!(clock.saw(at(3), Instant::now()), Some(Duration::from_secs(3)));
        assert_eq!(clock.now(), at(3));
        let asked = Instant::now();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(clock.saw(at(3), asked), Some(Duration::ZERO), "slow again, and right already");
        assert_eq!(clock.now(), at(8));
    }

    /// Guards: what a suspended machine misses, and a database whose clock was set back.
    #[tokio::test(start_paused = true)]
    async fn jumps_of_the_database_are_followed() {
        let clock = LedgerClock::default();
        clock.saw(at(0), Instant::now());
        assert_eq!(clock.saw(at(3_600), Instant::now()), Some(Duration::from_secs(3_600)));
        assert_eq!(clock.now(), at(3_600));
        assert_eq!(clock.saw(at(60), Instant::now()), Some(Duration::from_secs(3_540)));
        assert_eq!(clock.now(), at(60));
    }
}
