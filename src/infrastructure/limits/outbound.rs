//! Limits of what this server asks of other services (C4), at the rate that they allow.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::rate_limit::{Gcra, Rate};
use metrics::{Counter, counter};
use tokio::time::Instant;

/// The service would be asked too often until the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service may be asked again in {} ms", retry_after.as_millis())]
pub struct Saturated {
    /// When it would have been this call's turn.
    pub retry_after: Duration,
}

/// How often this node asks one service. Each node has its own: give each its part of what the service allows.
///
/// After a pause the whole count goes at once, then one after the other. So over any window there can be twice the count, once:
/// for a service that counts strictly, give it half.
#[derive(Debug)]
pub struct OutboundLimit {
    gcra: Gcra,
    epoch: Instant,
    arrival: Mutex<u64>,
    refusals: Counter,
}

impl OutboundLimit {
    /// Of the service of this name in metrics.
    pub fn new(service: &'static str, rate: Rate) -> Self {
        let refusals = counter!("boxoffice_outbound_limit_refusals_total", "service" => service);
        refusals.increment(0);
        Self { gcra: Gcra::new(rate, 1_000_000_000), epoch: Instant::now(), arrival: Mutex::new(0), refusals }
    }

    /// Waits for this call's turn, in the order of asking. Refuses at once, without taking a turn, when that comes after
    /// `deadline`. Who stops waiting has used the turn up.
    pub async fn acquire(&self, deadline: Instant) -> Result<(), Saturated> {
        let turn = self.turn(deadline)?;
        tokio::time::sleep_until(turn).await;
        Ok(())
    }

    fn turn(&self, deadline: Instant) -> Result<Instant, Saturated> {
        let now = Instant::now();
        let clock = u64::try_from(now.duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX / 2);
        // Nothing panics while holding the lock.
        let mut arrival = self.arrival.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = self.gcra.wait(*arrival, clock);
        let retry_after = Duration::from_nanos(wait);
        if now + retry_after > deadline {
            self.refusals.increment(1);
            return Err(Saturated { retry_after });
        }
        // By the clock of the turn there is one, so this admits.
        let _ = self.gcra.admit(&mut arrival, clock + wait);
        Ok(now + retry_after)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn limit() -> OutboundLimit {
        OutboundLimit::new("test", Rate::new(10, Duration::from_secs(1)).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn calls_wait_for_their_turns_and_keep_the_rate() {
        let (limit, began) = (Arc::new(limit()), Instant::now());
        let deadline = began + Duration::from_secs(60);
        let calls = (0..35).map(|_| {
            let limit = Arc::clone(&limit);
            tokio::spawn(async move { limit.acquire(deadline).await.map(|()| began.elapsed()) })
        });
        let calls: Vec<_> = calls.collect();
        let mut turns = Vec::new();
        for call in calls {
            turns.push(call.await.unwrap().unwrap());
        }
        turns.sort_unstable();
        assert!(turns[..10].iter().all(|turn| turn.is_zero()), "{turns:?}");
        for (later, turn) in turns[10..].iter().enumerate() {
            let due = Duration::from_millis(100 * (later as u64 + 1));
            // The timer's resolution is a millisecond.
            assert!(*turn >= due && *turn <= due + Duration::from_millis(2), "{turns:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_would_be_too_late_is_refused_at_once_and_takes_no_turn() {
        let (limit, began) = (limit(), Instant::now());
        for _ in 0..10 {
            limit.acquire(began).await.unwrap();
        }
        for _ in 0..100 {
            let refused = limit.acquire(began + Duration::from_millis(99)).await.unwrap_err();
            assert_eq!(refused.retry_after, Duration::from_millis(100));
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        limit.acquire(began + Duration::from_millis(100)).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(100));
    }
}
