//! The states of a breaker, when it changes them, and how it is shown.

use std::time::Duration;

use jiff::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    Closed,
    Open,
    HalfOpen,
}

impl BreakerState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
        }
    }
}

/// When a breaker opens and closes.
#[derive(Clone, Copy, Debug)]
pub struct BreakerSettings {
    /// Failures within `window` that open it.
    pub failures: u32,
    pub window: Duration,
    /// How long it stays open, up to a twentieth longer by chance.
    pub open_for: Duration,
    /// How long it probes at most.
    pub half_open_for: Duration,
    /// Calls that must succeed, one after the other, before it closes.
    pub probes: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 5,
            window: Duration::from_secs(60),
            open_for: Duration::from_secs(60),
            half_open_for: Duration::from_secs(30),
            probes: 3,
        }
    }
}

/// How a breaker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerStatus {
    pub name: &'static str,
    pub state: BreakerState,
    /// Failures within the window; of an open or half-open breaker those that opened it.
    pub failures: u32,
    /// When it entered its state.
    pub since: Timestamp,
    /// When it is half-open, if that is known.
    pub retry_at: Option<Timestamp>,
}
