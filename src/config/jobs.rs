//! Jobs.

use std::time::Duration;

use actors::jobs::JobSettings;

use super::{
    declare::{minutes, ms},
    sources::Layers,
};

settings! {
    /// Jobs
    /// What is done after a commit and outside of the database, such as refunds.
    "jobs" JobsConfig() {
        /// How often the queue is looked at for what comes due, and for what other servers have queued or left. Too high: it is done late.
        /// Too low: looks for nothing.
        poll: Duration = duration(JobSettings::default().poll_every, ms(10)..=minutes(1));
    }
}

impl JobsConfig {
    pub fn settings(&self) -> JobSettings {
        JobSettings { poll_every: self.poll, ..JobSettings::default() }
    }
}
