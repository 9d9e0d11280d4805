//! Whether the ledger answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// How long the ledger has owed an answer to those that call it all the time: the writers, the look-ups of keys, and the renewal of
/// the session, which calls every few seconds even if nobody books.
#[derive(Debug)]
pub struct LedgerPulse {
    born: Instant,
    /// For each caller since when it waits, in milliseconds from `born`; 0 when it does not.
    waits_since_ms: Box<[AtomicU64]>,
    /// Since when calls fail; 0 once one succeeds.
    fails_since_ms: AtomicU64,
}

impl LedgerPulse {
    /// For so many callers, each of which makes one call at a time.
    pub(crate) fn new(callers: usize) -> Arc<Self> {
        let waits_since_ms = (0..callers).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { born: Instant::now(), waits_since_ms, fails_since_ms: AtomicU64::new(0) })
    }

    pub(crate) fn caller(self: &Arc<Self>, place: usize) -> PulseCaller {
        PulseCaller { pulse: self.clone(), place }
    }

    /// For how long the oldest call has had no answer, or calls have failed without one that succeeded since. 0 when all is well.
    pub fn unanswered_for(&self) -> Duration {
        let since = self.waits_since_ms.iter().chain([&self.fails_since_ms]);
        let oldest = since.map(|since| since.load(Relaxed)).filter(|since| *since > 0).min();
        oldest.map_or(Duration::ZERO, |since| Duration::from_millis(self.now_ms().saturating_sub(since)))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

/// One that calls the ledger. By default nobody is told of it.
#[derive(Clone, Debug)]
pub(crate) struct PulseCaller {
    pulse: Arc<LedgerPulse>,
    place: usize,
}

impl Default for PulseCaller {
    fn default() -> Self {
        LedgerPulse::new(1).caller(0)
    }
}

impl PulseCaller {
    /// A call begins.
    pub(crate) fn asks(&self) {
        if let Some(since) = self.pulse.waits_since_ms.get(self.place) {
            since.store(self.pulse.now_ms(), Relaxed);
        }
    }

    /// It has ended: with an answer, be that a refusal, or without.
    pub(crate) fn was_told(&self, answered: bool) {
        if let Some(since) = self.pulse.waits_since_ms.get(self.place) {
            since.store(0, Relaxed);
        }
        if answered {
            self.pulse.fails_since_ms.store(0, Relaxed);
        } else {
            let now_ms = self.pulse.now_ms();
            let _ = self.pulse.fails_since_ms.compare_exchange(0, now_ms, Relaxed, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_oldest_call_without_an_answer_counts() {
        let pulse = LedgerPulse::new(2);
        let (writer, probe) = (pulse.caller(0), pulse.caller(1));
        assert_eq!(pulse.unanswered_for(), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(1)).await;
        writer.asks();
        tokio::time::advance(Duration::from_secs(2)).await;
        probe.asks();
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(pulse.unanswered_for(), Duration::from_secs(5));
        writer.was_told(false);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(pulse.unanswered_for(), Duration::from_secs(4), "the other one waits still");
        probe.was_told(true);
        assert_eq!(pulse.unanswered_for(), Duration::ZERO);
        writer.was_told(false);
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(pulse.unanswered_for(), Duration::from_secs(7), "none has succeeded since");
    }
}
