//! What a run found.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The result of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `closed` or `open`.
    pub mode: String,
    /// Connections.
    pub connections: usize,
    /// Requests a second that were to be sent, in an open loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Length of the measured window; shorter than asked for when everything was sold.
    pub seconds: f64,
    /// Whether the run ended because nothing was left to ask for.
    pub sold_out: bool,
    /// Answers within the window.
    pub answers: u64,
    /// Finished bookings within the window.
    pub bookings: u64,
    /// Finished bookings a second.
    pub bookings_per_second: f64,
    /// Of requests begun, or due, within the window.
    pub latency: Latency,
    /// Of those who looked meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<ReadsReport>,
    /// Over the whole run, warm-up included: what the database is compared with.
    pub total: Total,
    /// Cores in use during the window, by process.
    pub cores: BTreeMap<String, f64>,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Half are at most this.
    pub p50: f64,
    /// 95 of 100 are.
    pub p95: f64,
    /// 99 of 100 are.
    pub p99: f64,
    /// 999 of 1,000 are.
    pub p999: f64,
    /// All are.
    pub max: f64,
}

/// What those found who looked while others booked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadsReport {
    /// Connections, besides those that booked.
    pub connections: usize,
    /// Requests a second that were to be sent, of both kinds together.
    pub rate: f64,
    /// What is left of a hot event.
    pub availability: ReadReport,
    /// A hot event.
    pub event: ReadReport,
}

/// Reads of one kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadReport {
    /// Answers within the window.
    pub answers: u64,
    /// Of requests due within the window.
    pub latency: Latency,
    /// Answers by status, over the whole run.
    pub statuses: BTreeMap<u16, u64>,
    /// Connections that broke, by reason, over the whole run.
    pub errors: BTreeMap<String, u64>,
    /// Requests without an answer at the end of the run's patience, also those that were due and never sent.
    pub unanswered: u64,
}

/// Counts over a whole run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Total {
    /// Bookings answered 201 for the first time.
    pub bookings: u64,
    /// Holds answered 201 for the first time.
    pub holds: u64,
    /// 201s that repeat an earlier answer.
    pub replayed: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Connections that broke, by reason. What became of their request is unknown.
    pub errors: BTreeMap<String, u64>,
    /// Requests without an answer at the end of the run's patience, also those that were due and never sent.
    pub unanswered: u64,
    /// Those of them that were never sent.
    pub unsent: u64,
}

impl Total {
    /// Requests that may or may not have booked something.
    pub fn unknown(&self) -> u64 {
        self.errors.values().sum::<u64>() + self.unanswered - self.unsent
    }

    /// Answers that a run without rivals for its places must not get.
    pub fn unexpected(&self) -> u64 {
        self.statuses.iter().filter(|(status, _)| **status != 201).map(|(_, count)| count).sum()
    }
}

impl Latency {
    /// Of microseconds.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999), max: histogram.max() as f64 / 1e3 }
    }
}
