//! The Prometheus recorder: one a process, rendered by the operations listener.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

/// Upper bounds in seconds, from half a millisecond to the ten seconds after which clients have given up.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of numbers of things, for batches and queues.
const COUNTS: [f64; 13] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];
/// How often histogram samples are folded into buckets. Less often means more memory between two scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The recorder belongs to the process, and tests run several servers in one: the first install decides.
static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

/// The process's metrics.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    process: Collector,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

/// Installs the recorder, or returns the one that is installed. Fails when another library has installed its own.
pub fn install() -> Result<Metrics, BuildError> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(metrics) = &*installed {
        return Ok(metrics.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &COUNTS)?
        .install_recorder()?;
    describe();
    let process = Collector::default();
    process.describe();
    let metrics = Metrics { handle, process };
    *installed = Some(metrics.clone());
    Ok(metrics)
}

impl Metrics {
    /// Everything, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.process.collect();
        self.handle.render()
    }

    /// Folds samples into buckets for as long as the server lives; without it memory grows until the next scrape.
    pub async fn keep_up(&self) {
        let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            self.handle.run_upkeep();
        }
    }
}

/// What the metrics of this crate mean. Those of the actors are described where they are recorded.
fn describe() {
    describe_counter!("boxoffice_http_requests_total", "Requests answered, by route template, method and status");
    describe_histogram!(
        "boxoffice_http_request_duration_seconds",
        Unit::Seconds,
        "From the parsed head of a request to its complete answer, by route template and method"
    );
    describe_gauge!("boxoffice_http_connections", "Open connections");
    describe_gauge!("boxoffice_http_requests_in_flight", "Requests that have no answer yet");
    describe_counter!("boxoffice_http_refused_connections_total", "Connections over the limit, refused");
    describe_counter!("boxoffice_log_lines_dropped_total", "Log lines lost because standard output was too slow");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_install_shares_the_first_recorder() {
        let first = install().unwrap();
        let second = install().unwrap();
        metrics::counter!("boxoffice_test_total").increment(3);
        metrics::histogram!("boxoffice_test_seconds").record(0.003);
        for metrics in [first, second] {
            let text = metrics.render();
            assert!(text.contains("boxoffice_test_total 3"), "{text}");
            assert!(text.contains(r#"boxoffice_test_seconds_bucket{le="0.005"} 1"#), "{text}");
            assert!(text.contains(r#"boxoffice_test_seconds_bucket{le="0.0025"} 0"#), "{text}");
            assert!(text.contains("process_"), "{text}");
        }
    }
}
