//! Admission: mailboxes have no bound of their own, so work is counted before it enters one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Permits of one event, and the speed at which its work is done.
#[derive(Debug)]
pub struct Admission {
    limit: u32,
    in_flight: AtomicU32,
    /// Answers a second, as the bits of an `f64`; 0 until the first measurement.
    drain_rate: AtomicU64,
}

/// Right to have one command under way; given back when dropped.
#[derive(Debug)]
pub struct Permit(Arc<Admission>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    /// At most `limit` commands at a time.
    pub fn new(limit: u32) -> Arc<Self> {
        Arc::new(Self { limit, in_flight: AtomicU32::new(0), drain_rate: AtomicU64::new(0) })
    }

    /// A permit, or how long to wait before asking again.
    pub fn admit(self: &Arc<Self>) -> Result<Permit, Duration> {
        // The count may overshoot for an instant while several callers are refused; it never admits above the limit.
        if self.in_flight.fetch_add(1, Ordering::Relaxed) < self.limit {
            return Ok(Permit(self.clone()));
        }
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        Err(self.retry_after())
    }

    /// How many commands are under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Tells that `answers` were given in `elapsed`. Smoothed, so that one slow commit does not send everybody away for
    /// long.
    pub fn drained(&self, answers: usize, elapsed: Duration) {
        let rate = answers as f64 / elapsed.as_secs_f64().max(1e-6);
        let old = f64::from_bits(self.drain_rate.load(Ordering::Relaxed));
        let new = if old == 0.0 { rate } else { old * 0.8 + rate * 0.2 };
        self.drain_rate.store(new.to_bits(), Ordering::Relaxed);
    }

    /// The time in which what is queued now will be done: 1 to 30 s.
    pub fn retry_after(&self) -> Duration {
        let rate = f64::from_bits(self.drain_rate.load(Ordering::Relaxed)).max(1.0);
        Duration::from_secs_f64((f64::from(self.in_flight()) / rate).clamp(1.0, 30.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_and_permits_return() {
        let admission = Admission::new(2);
        let first = admission.admit().unwrap();
        let _second = admission.admit().unwrap();
        assert!(admission.admit().is_err());
        drop(first);
        assert!(admission.admit().is_ok());
    }

    #[test]
    fn the_wait_follows_queue_and_speed() {
        let admission = Admission::new(1000);
        let _permits: Vec<_> = (0..1000).map(|_| admission.admit().unwrap()).collect();
        admission.drained(100, Duration::from_secs(1));
        assert_eq!(admission.admit().unwrap_err(), Duration::from_secs(10));
    }
}
