//! The clock by which an inventory decides.

use domain::ledger::LoadedInventory;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The database's clock as it was when the inventory was loaded, carried on by the monotonic clock: a wall clock that
/// jumps neither expires a hold early nor keeps it, and all nodes agree.
#[derive(Clone, Copy, Debug)]
pub struct LedgerClock {
    base: Timestamp,
    at: Instant,
}

impl LedgerClock {
    /// A clock that shows the database's time.
    pub fn of(loaded: &LoadedInventory) -> Self {
        Self { base: loaded.now, at: Instant::now() }
    }

    /// The present instant in whole microseconds, which is what the database keeps.
    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.at.elapsed()).unwrap_or(SignedDuration::MAX);
        let now = self.base.saturating_add(elapsed).unwrap_or(Timestamp::MAX);
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// When this clock will show `timestamp`; now, when it has passed.
    pub fn instant(&self, timestamp: Timestamp) -> Instant {
        let ahead = timestamp.duration_since(self.base);
        self.at + std::time::Duration::try_from(ahead).unwrap_or_default()
    }
}
