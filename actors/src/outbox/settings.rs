//! Bounds of sending mails.

use std::time::Duration;

use domain::outbox::Upkeep;

use super::Backoff;
use crate::restart::RestartPolicy;

/// Bounds of sending.
#[derive(Clone, Copy, Debug)]
pub struct OutboxSettings {
    /// Mails on their way at once. Too high: the mail server refuses the connections. Too low: one that is slow holds up
    /// the others. A quarter of it, if there is more than one, is kept for mails that somebody waits for at a screen.
    pub concurrency: usize,
    /// For one mail to be taken by the mail server.
    pub send_timeout: Duration,
    /// How often the queue is looked at without a hint: for retries, and for what other servers have left behind.
    pub poll_every: Duration,
    /// Waits between the tries.
    pub backoff: Backoff,
    /// When to give up, and how long to keep what is done.
    pub upkeep: Upkeep,
    /// Time between two rounds of deleting and counting.
    pub tidy_every: Duration,
    /// Bounds of restarting.
    pub restart: RestartPolicy,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            concurrency: 4,
            send_timeout: Duration::from_secs(30),
            poll_every: Duration::from_secs(5),
            backoff: Backoff::default(),
            upkeep: Upkeep {
                attempts_max: 8,
                patience: Duration::from_secs(3 * 24 * 3600),
                retention: Duration::from_secs(14 * 24 * 3600),
            },
            tidy_every: Duration::from_secs(15),
            restart: RestartPolicy::default(),
        }
    }
}
