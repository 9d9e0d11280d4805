//! Limits of what this server asks of other services, at the rate that they allow.

use std::time::Duration;

use domain::rate_limit::{Gcra, Rate};
use metrics::{Counter, counter};
use parking_lot::Mutex;
use tokio::time::Instant;

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

    /// How many calls may be made now; if none, how long until one may.
    pub fn turns(&self) -> Result<u32, Duration> {
        let (arrival, now) = (*self.arrival.lock(), self.now());
        match self.gcra.wait(arrival, now) {
            0 => Ok(self.gcra.remaining(arrival, now)),
            wait => {
                self.refusals.increment(1);
                Err(Duration::from_nanos(wait))
            }
        }
    }

    /// Takes the turn of one call. One that is taken although there is none makes all further ones later.
    pub fn take(&self) {
        let now = self.now();
        let mut arrival = self.arrival.lock();
        *arrival = (*arrival).max(now).saturating_add(self.gcra.interval);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_whole_count_goes_at_once_and_then_one_after_the_other() {
        let limit = OutboundLimit::new("test", Rate::new(10, Duration::from_secs(1)).unwrap());
        for left in (1..=10).rev() {
            assert_eq!(limit.turns(), Ok(left), "asking takes nothing");
            limit.take();
        }
        for _ in 0..25 {
            assert_eq!(limit.turns(), Err(Duration::from_millis(100)));
            tokio::time::advance(Duration::from_millis(99)).await;
            assert_eq!(limit.turns(), Err(Duration::from_millis(1)));
            tokio::time::advance(Duration::from_millis(1)).await;
            assert_eq!(limit.turns(), Ok(1));
            limit.take();
        }
        limit.take();
        assert_eq!(limit.turns(), Err(Duration::from_millis(200)), "what was taken too early is owed");
    }
}
