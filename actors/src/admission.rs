//! Admission: mailboxes have no bound of their own, so work is counted before it enters one, and what would come too late
//! is turned away at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// Who would wait for longer than this is sent away. To be sent away costs a buyer a second at least, the grain of
/// `Retry-After`: waiting for up to a second is the better deal.
const WAIT_MAX_S: f64 = 1.0;
/// So many are admitted however slow the ledger seems: one bad measurement must not close an event, and without work
/// there are no better ones.
const ADMITTED_MIN: u32 = 256;
/// The longest wait that is asked for, in seconds.
const RETRY_AFTER_MAX_S: f64 = 30.0;
/// The longest wait that is asked for while the ledger does not answer, in seconds: it may be back at any moment.
const STALLED_RETRY_AFTER_MAX_S: f64 = 10.0;

/// Bounds of admission.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionLimits {
    /// Commands under way for one event.
    pub permits: u32,
    /// A ledger that owes an answer for longer than this has stalled, and nothing more is admitted until it answers.
    pub stalled_after: Duration,
}

/// Permits of one event, and the speed at which its work is done.
#[derive(Debug)]
pub struct Admission {
    limits: AdmissionLimits,
    born: Instant,
    in_flight: AtomicU32,
    /// Answers a second, as the bits of an `f64`; 0 until the first measurement.
    drain_rate: AtomicU64,
    /// Since when the ledger owes an answer, in milliseconds from `born`; 0 when it owes none.
    owes_since_ms: AtomicU64,
    shed: Shed,
}

/// Right to have one command under way; given back when dropped.
#[derive(Debug)]
pub struct Permit(Arc<Admission>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Admission {
    /// Within these limits.
    pub fn new(limits: AdmissionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            born: Instant::now(),
            in_flight: AtomicU32::new(0),
            drain_rate: AtomicU64::new(0),
            owes_since_ms: AtomicU64::new(0),
            shed: Shed::default(),
        })
    }

    /// A permit, or how long to wait before asking again.
    pub fn admit(self: &Arc<Self>) -> Result<Permit, Duration> {
        self.check()?;
        // The count may overshoot for an instant while several callers are refused; it never admits above the limit.
        if self.in_flight.fetch_add(1, Relaxed) < self.limit() {
            return Ok(Permit(self.clone()));
        }
        self.in_flight.fetch_sub(1, Relaxed);
        Err(self.refusal())
    }

    /// Whether a permit could be had now, or how long to wait before asking again. For whoever wants to refuse before it
    /// does any work; takes nothing.
    pub fn check(&self) -> Result<(), Duration> {
        if let Some(stalled) = self.stalled_for() {
            self.shed.count(self.second());
            // Longer and longer, so that a crowd does not knock on the door of a database that tries to start.
            return Err(Duration::from_secs_f64(stalled.as_secs_f64().clamp(1.0, STALLED_RETRY_AFTER_MAX_S)));
        }
        if self.in_flight() < self.limit() { Ok(()) } else { Err(self.refusal()) }
    }

    /// How many commands are under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// Tells that the ledger was asked, to write or to be read.
    pub fn asked(&self) {
        let now_ms = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        // What it owes already is owed for longer: a failed write, then a read that fails as well, are one stall.
        let _ = self.owes_since_ms.compare_exchange(0, now_ms, Relaxed, Relaxed);
    }

    /// Tells that the ledger owes nothing any more.
    pub fn answered(&self) {
        self.owes_since_ms.store(0, Relaxed);
    }

    /// Tells that `answers` were given `elapsed` after the ledger was asked. Smoothed, so that one slow commit does not send
    /// everybody away for long.
    pub fn drained(&self, answers: usize, elapsed: Duration) {
        self.answered();
        let rate = answers as f64 / elapsed.as_secs_f64().max(1e-6);
        let old = self.drain_rate();
        // Nobody waited for more: this says how little was asked, not how fast it is done.
        let is_all = u32::try_from(answers).unwrap_or(u32::MAX) >= self.in_flight();
        let is_more = old > 0.0 && rate > old;
        if is_all && !is_more {
            return;
        }
        let new = if old == 0.0 { rate } else { old * 0.8 + rate * 0.2 };
        self.drain_rate.store(new.to_bits(), Relaxed);
    }

    /// When those who are sent away now can be served: what is under way, and those who were sent away in the last second,
    /// come first. 1 to 30 s.
    pub fn retry_after(&self) -> Duration {
        let before = f64::from(self.in_flight()) + f64::from(self.shed.last_second(self.second()));
        Duration::from_secs_f64((before / self.drain_rate().max(1.0)).clamp(1.0, RETRY_AFTER_MAX_S))
    }

    fn refusal(&self) -> Duration {
        self.shed.count(self.second());
        self.retry_after()
    }

    /// What is done within the longest wait, once it is known how fast it is done.
    fn limit(&self) -> u32 {
        let rate = self.drain_rate();
        if rate == 0.0 {
            return self.limits.permits;
        }
        // The cast saturates.
        ((rate * WAIT_MAX_S) as u32).max(ADMITTED_MIN).min(self.limits.permits)
    }

    /// How long the ledger owes an answer, if that is for too long.
    fn stalled_for(&self) -> Option<Duration> {
        let since = self.owes_since_ms.load(Relaxed);
        if since == 0 {
            return None;
        }
        let owed = self.born.elapsed().saturating_sub(Duration::from_millis(since));
        (owed >= self.limits.stalled_after).then_some(owed)
    }

    fn drain_rate(&self) -> f64 {
        f64::from_bits(self.drain_rate.load(Relaxed))
    }

    fn second(&self) -> u64 {
        self.born.elapsed().as_secs()
    }
}

/// Counts who was sent away in the present second and in the one before. Two who change the second at once may lose a
/// few: it is an estimate.
#[derive(Debug, Default)]
struct Shed {
    second: AtomicU64,
    present: AtomicU32,
    last: AtomicU32,
}

impl Shed {
    fn count(&self, second: u64) {
        let before = self.second.swap(second, Relaxed);
        if before != second {
            let present = self.present.swap(0, Relaxed);
            self.last.store(if before + 1 == second { present } else { 0 }, Relaxed);
        }
        self.present.fetch_add(1, Relaxed);
    }

    fn last_second(&self, second: u64) -> u32 {
        if self.second.load(Relaxed) == second { self.last.load(Relaxed) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALLED_AFTER: Duration = Duration::from_secs(1);

    fn admission(permits: u32) -> Arc<Admission> {
        Admission::new(AdmissionLimits { permits, stalled_after: STALLED_AFTER })
    }

    fn fill(admission: &Arc<Admission>, count: usize) -> Vec<Permit> {
        (0..count).map(|_| admission.admit().unwrap()).collect()
    }

    #[test]
    fn the_limit_holds_and_permits_return() {
        let admission = admission(2);
        let first = admission.admit().unwrap();
        assert!(admission.check().is_ok());
        let _second = admission.admit().unwrap();
        assert!(admission.check().is_err() && admission.admit().is_err());
        drop(first);
        assert!(admission.check().is_ok());
        assert!(admission.admit().is_ok());
    }

    #[test]
    fn the_wait_follows_queue_and_speed() {
        let admission = admission(1000);
        let _permits = fill(&admission, 1000);
        admission.drained(100, Duration::from_secs(1));
        assert_eq!(admission.admit().unwrap_err(), Duration::from_secs(10));
    }

    /// Otherwise a crowd that is told to come back in a second comes back in a second, all of it.
    #[tokio::test(start_paused = true)]
    async fn the_wait_follows_how_many_are_sent_away() {
        let admission = admission(1000);
        let _permits = fill(&admission, 1000);
        admission.drained(500, Duration::from_secs(1));
        assert!((0..4000).all(|_| admission.check().is_err()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(admission.admit().unwrap_err(), Duration::from_secs(10), "1000 and 4000, 500 a second");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(admission.admit().unwrap_err(), Duration::from_secs(2), "they have had time to come");
    }

    #[test]
    fn no_more_are_admitted_than_are_done_in_time() {
        let admission = admission(8192);
        let mut permits = fill(&admission, 4000);
        assert!(admission.check().is_ok(), "nothing is known of the speed");
        admission.drained(500, Duration::from_secs(1));
        assert!(admission.check().is_err(), "4000 at 500 a second");
        permits.truncate(499);
        assert!(admission.check().is_ok());
        // However slow it gets, some work goes on, and with it the measuring.
        (0..50).for_each(|_| admission.drained(1, Duration::from_secs(1)));
        permits.truncate(255);
        assert!(admission.check().is_ok());
    }

    #[test]
    fn a_batch_that_nobody_waited_behind_says_nothing_against_the_speed() {
        let admission = admission(8192);
        let _one = admission.admit().unwrap();
        admission.drained(1, Duration::from_millis(2));
        let _burst = fill(&admission, 8191);
        assert!(admission.check().is_err(), "the permits are the only limit");
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_ledger_stalls_nothing_is_admitted() {
        let admission = admission(10);
        admission.asked();
        assert!(admission.admit().is_ok());
        tokio::time::advance(STALLED_AFTER + Duration::from_millis(10)).await;
        // The same stall, though it is asked once more.
        admission.asked();
        assert!(admission.admit().unwrap_err() >= Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(5)).await;
        let longer = admission.check().unwrap_err();
        assert!(longer > Duration::from_secs(5) && longer <= Duration::from_secs(10), "{longer:?}");
        admission.answered();
        assert!(admission.admit().is_ok());
        admission.asked();
        admission.drained(1, Duration::from_secs(6));
        assert!(admission.admit().is_ok());
    }
}
