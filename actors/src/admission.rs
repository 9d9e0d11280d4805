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
/// So many are admitted however slow everything seems: one bad measurement must not close an event, and without work there
/// are no better ones.
const ADMITTED_MIN: u32 = 256;
/// So many under way are pressure. Less than what is admitted however slow everything is: a limit that has come down to that
/// must find out when it is fast again.
const PRESSURE_MIN: u32 = ADMITTED_MIN / 2;
/// Pressure that returns within so many milliseconds never went: a group that is committed ends many commands at once.
const RELIEF_MS_MAX: u64 = 50;
/// How long the speed is measured, in milliseconds. A window that lasts longer had no pressure at its end.
const WINDOW_MS_MIN: u64 = 200;
const WINDOW_MS_MAX: u64 = 1000;
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
    speed: Speed,
    /// Since when the ledger owes an answer, in milliseconds from `born`; 0 when it owes none.
    owes_since_ms: AtomicU64,
    shed: Shed,
}

/// Right to have one command under way; given back when dropped.
#[derive(Debug)]
pub struct Permit(Arc<Admission>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.speed.count();
        if self.0.in_flight.fetch_sub(1, Relaxed) == PRESSURE_MIN {
            self.0.speed.relieve(self.0.now_ms());
        }
    }
}

impl Admission {
    /// Within these limits.
    pub fn new(limits: AdmissionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            born: Instant::now(),
            in_flight: AtomicU32::new(0),
            speed: Speed::default(),
            owes_since_ms: AtomicU64::new(0),
            shed: Shed::default(),
        })
    }

    /// A permit, or how long to wait before asking again.
    pub fn admit(self: &Arc<Self>) -> Result<Permit, Duration> {
        self.check()?;
        // The count may overshoot for an instant while several callers are refused; it never admits above the limit.
        let under_way = self.in_flight.fetch_add(1, Relaxed);
        if under_way == PRESSURE_MIN {
            self.speed.press(self.now_ms());
        } else if under_way > PRESSURE_MIN {
            self.speed.measure(self.now_ms());
        }
        if under_way < self.limit() {
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
        let now_ms = self.now_ms().max(1);
        // What it owes already is owed for longer: a failed write, then a read that fails as well, are one stall.
        let _ = self.owes_since_ms.compare_exchange(0, now_ms, Relaxed, Relaxed);
    }

    /// Tells that the ledger owes nothing any more.
    pub fn answered(&self) {
        self.owes_since_ms.store(0, Relaxed);
    }

    /// When those who are sent away now can be served: what is under way, and those who were sent away in the last second,
    /// come first. 1 to 30 s.
    pub fn retry_after(&self) -> Duration {
        let Some(speed) = self.speed.a_second() else { return Duration::from_secs(1) };
        let before = f64::from(self.in_flight()) + f64::from(self.shed.last_second(self.second()));
        Duration::from_secs_f64((before / speed.max(1.0)).clamp(1.0, RETRY_AFTER_MAX_S))
    }

    fn refusal(&self) -> Duration {
        self.shed.count(self.second());
        self.retry_after()
    }

    /// What is done within the longest wait, once it is known how fast it is done.
    fn limit(&self) -> u32 {
        let Some(speed) = self.speed.a_second() else { return self.limits.permits };
        // The cast saturates.
        ((speed * WAIT_MAX_S) as u32).max(ADMITTED_MIN).min(self.limits.permits)
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

    fn second(&self) -> u64 {
        self.now_ms() / 1000
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// How many commands are done in a second, whatever came of them. Measured under pressure only: an event with little to do
/// shows how little is asked, not how fast it is.
#[derive(Debug, Default)]
struct Speed {
    /// As the bits of an `f64`; 0 until the first measurement.
    a_second: AtomicU64,
    /// Of the present window.
    done: AtomicU32,
    /// When the present window began.
    since_ms: AtomicU64,
    /// When pressure went.
    relieved_ms: AtomicU64,
}

impl Speed {
    fn count(&self) {
        self.done.fetch_add(1, Relaxed);
    }

    fn a_second(&self) -> Option<f64> {
        Some(f64::from_bits(self.a_second.load(Relaxed))).filter(|speed| *speed > 0.0)
    }

    /// Pressure went.
    fn relieve(&self, now_ms: u64) {
        self.relieved_ms.store(now_ms, Relaxed);
    }

    /// Pressure came. What was done before it says how little was asked: the window begins now.
    fn press(&self, now_ms: u64) {
        if now_ms.saturating_sub(self.relieved_ms.load(Relaxed)) > RELIEF_MS_MAX {
            self.since_ms.store(now_ms, Relaxed);
            self.done.store(0, Relaxed);
        }
    }

    /// Ends the window if it is long enough. Smoothed, so that one slow commit does not send everybody away.
    fn measure(&self, now_ms: u64) {
        let since_ms = self.since_ms.load(Relaxed);
        let window_ms = now_ms.saturating_sub(since_ms);
        if window_ms < WINDOW_MS_MIN {
            return;
        }
        // Nothing at all was done: a long commit, whose window goes on, or a stall, which says nothing about the speed after.
        if window_ms <= WINDOW_MS_MAX && self.done.load(Relaxed) == 0 {
            if self.a_second().is_none() {
                // The event is being loaded, and that is not its speed.
                self.since_ms.store(now_ms, Relaxed);
            }
            return;
        }
        // One of those who come at once does it.
        if self.since_ms.compare_exchange(since_ms, now_ms, Relaxed, Relaxed).is_err() {
            return;
        }
        let done = self.done.swap(0, Relaxed);
        // There was no pressure for a part of it.
        if window_ms > WINDOW_MS_MAX {
            return;
        }
        let speed = f64::from(done) * 1e3 / window_ms as f64;
        let new = self.a_second().map_or(speed, |old| old * 0.7 + speed * 0.3);
        self.a_second.store(new.to_bits(), Relaxed);
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

    /// Ends so many commands within a second of pressure, and begins as many others.
    async fn work(admission: &Arc<Admission>, permits: &mut Vec<Permit>, a_second: usize) {
        // The first window begins with it.
        drop(admission.admit());
        for _ in 0..5 {
            tokio::time::advance(Duration::from_millis(200)).await;
            let left = permits.len().saturating_sub(a_second / 5);
            permits.truncate(left);
            let _ = admission.admit().map(|permit| permits.push(permit));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_follows_queue_and_speed() {
        let admission = admission(1000);
        let mut permits = fill(&admission, 1000);
        tokio::time::advance(Duration::from_secs(5)).await;
        work(&admission, &mut permits, 100).await;
        assert!((890..=910).contains(&permits.len()), "{}", permits.len());
        let wait = admission.admit().unwrap_err();
        assert!((Duration::from_secs(8)..=Duration::from_secs(10)).contains(&wait), "{wait:?}");
    }

    /// Otherwise a crowd that is told to come back in a second comes back in a second, all of it.
    #[tokio::test(start_paused = true)]
    async fn the_wait_follows_how_many_are_sent_away() {
        let admission = admission(1000);
        let mut permits = fill(&admission, 1000);
        tokio::time::advance(Duration::from_secs(5)).await;
        work(&admission, &mut permits, 400).await;
        let before = admission.admit().unwrap_err();
        assert!((0..4000).all(|_| admission.check().is_err()));
        tokio::time::advance(Duration::from_secs(1)).await;
        let after = admission.admit().unwrap_err();
        assert!(after > before + Duration::from_secs(8), "{before:?}, then {after:?}: 4000, 400 a second");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(admission.admit().unwrap_err() <= before, "they have had time to come");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_admitted_than_are_done_in_time() {
        let admission = admission(8192);
        let mut permits = fill(&admission, 4000);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(admission.check().is_ok(), "nothing is known of the speed");
        work(&admission, &mut permits, 500).await;
        assert!(admission.check().is_err(), "3500 at 500 a second");
        permits.truncate(450);
        assert!(admission.check().is_ok());
        // However slow it gets, some work goes on, and with it the measuring.
        let mut slow = fill(&admission, 10);
        for _ in 0..10 {
            work(&admission, &mut slow, 0).await;
        }
        permits.truncate(200);
        drop(slow);
        assert!(admission.check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_says_nothing_about_the_speed_after_it() {
        let admission = admission(8192);
        let mut permits = fill(&admission, 4000);
        tokio::time::advance(Duration::from_secs(5)).await;
        work(&admission, &mut permits, 2000).await;
        let before = admission.limit();
        for _ in 0..30 {
            tokio::time::advance(Duration::from_millis(200)).await;
            permits.extend(admission.admit());
        }
        assert!(permits.len() > 250 && admission.limit() == before, "{} was {before}", admission.limit());
    }

    /// Guards: pressure is less than what is admitted in any case.
    #[tokio::test(start_paused = true)]
    async fn what_was_slow_is_found_to_be_fast_again() {
        let admission = admission(8192);
        let mut permits = fill(&admission, 300);
        tokio::time::advance(Duration::from_secs(5)).await;
        for _ in 0..10 {
            work(&admission, &mut permits, 5).await;
        }
        permits.truncate(250);
        assert!(fill(&admission, 6).len() == 6 && admission.limit() == ADMITTED_MIN);
        for _ in 0..100 {
            // A hundred in 20 ms.
            permits.truncate(150);
            permits.extend(std::iter::from_fn(|| admission.admit().ok()).take(100));
            tokio::time::advance(Duration::from_millis(20)).await;
        }
        assert!(admission.limit() > 1000, "{}", admission.limit());
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_with_little_to_do_is_not_taken_for_a_slow_one() {
        let admission = admission(8192);
        tokio::time::advance(Duration::from_secs(5)).await;
        // A short burst begins a window.
        drop(fill(&admission, 200));
        for _ in 0..5 {
            tokio::time::advance(Duration::from_millis(100)).await;
            drop(admission.admit());
        }
        let _burst = fill(&admission, 8192);
        assert!(admission.check().is_err(), "the permits are the only limit");
    }

    #[tokio::test(start_paused = true)]
    async fn the_load_of_an_event_is_not_taken_for_its_speed() {
        let admission = admission(8192);
        let mut permits = fill(&admission, 1000);
        for _ in 0..4 {
            tokio::time::advance(Duration::from_millis(200)).await;
            permits.extend(admission.admit());
        }
        permits.truncate(900);
        tokio::time::advance(Duration::from_millis(20)).await;
        permits.extend(fill(&admission, 7000));
        assert!(admission.check().is_ok(), "nothing is known of the speed");
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
    }
}
