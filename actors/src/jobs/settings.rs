//! Bounds of doing jobs, by their kind.

use std::{collections::HashMap, time::Duration};

use domain::backoff::Backoff;

use crate::restart::RestartPolicy;

#[derive(Clone, Debug)]
pub struct JobSettings {
    /// How often the queue is looked at without a hint: for what comes due, and for what other servers have queued or left behind.
    pub poll_every: Duration,
    pub restart: RestartPolicy,
    /// Of kinds for which the usual ones do not hold.
    pub kinds: HashMap<&'static str, KindSettings>,
}

#[derive(Clone, Copy, Debug)]
pub struct KindSettings {
    /// Jobs of the kind under way at once.
    pub concurrency: u32,
    /// For one try. A job whose server dies is tried again when this is over, so it is short where somebody waits.
    pub time_limit: Duration,
    /// Waits between the tries.
    pub backoff: Backoff,
    /// One that fails when it could have been done for so long is given up.
    pub deadline: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl KindSettings {
    /// Money that is owed, and money whose fate nobody knows, are never given up lightly: a week is longer than any outage.
    fn usual(kind: &str) -> Self {
        let (concurrency, seconds, first, longest, deadline) = match kind {
            "refund" => (4, 20, Duration::from_secs(1), Duration::from_secs(600), 7 * DAY),
            "check_payment" => (8, 8, Duration::from_secs(1), Duration::from_secs(120), 7 * DAY),
            "apply_message" => (8, 10, Duration::from_millis(200), Duration::from_secs(120), 7 * DAY),
            "close_payment" => (4, 20, Duration::from_secs(1), Duration::from_secs(600), 2 * DAY),
            // A portion of an event's bookings.
            "event_changed" => (1, 20, Duration::from_secs(1), Duration::from_secs(600), 2 * DAY),
            _ => (4, 10, Duration::from_secs(1), Duration::from_secs(600), DAY),
        };
        let backoff = Backoff::doubling(first, longest);
        Self { concurrency, time_limit: Duration::from_secs(seconds), backoff, deadline }
    }
}

impl JobSettings {
    pub fn of(&self, kind: &str) -> KindSettings {
        let settings = self.kinds.get(kind).copied().unwrap_or_else(|| KindSettings::usual(kind));
        KindSettings { concurrency: settings.concurrency.max(1), ..settings }
    }
}

impl Default for JobSettings {
    fn default() -> Self {
        Self { poll_every: Duration::from_secs(1), restart: RestartPolicy::default(), kinds: HashMap::new() }
    }
}
