//! The Prometheus recorder: one a process, rendered by the operations listener.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use super::memory;

/// Upper bounds in seconds, from half a millisecond to the ten seconds after which clients have given up. Close around the 100 ms that are
/// promised for 99 of 100 bookings: a percentile is known no better than the bucket that it is in.
const SECONDS: [f64; 18] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Counters that begin with their first event otherwise, with their label and its values: an alert on an increase misses a series
/// that begins at one. All others are made where they are counted, at the start.
const FROM_THE_START: &[(&str, &[(&str, &str)])] = &[
    ("boxoffice_http_stalled_connections_total", &[]),
    ("boxoffice_csp_reports_total", &[]),
    ("boxoffice_streams_network_refused_total", &[]),
    ("boxoffice_pool_connections_abandoned_total", &[]),
    ("boxoffice_transaction_retries_total", &[]),
    (
        "boxoffice_sign_ins_total",
        &[
            ("outcome", "signed_in"),
            ("outcome", "wrong_credentials"),
            ("outcome", "suspended"),
            ("outcome", "unverified"),
        ],
    ),
    (
        "boxoffice_payments_total",
        &[
            ("state", "REQUIRES_ACTION"),
            ("state", "PROCESSING"),
            ("state", "SUCCEEDED"),
            ("state", "FAILED"),
            ("state", "CANCELLED"),
        ],
    ),
    ("boxoffice_payments_returned_total", &[]),
    (
        "boxoffice_webhook_messages_total",
        &[("outcome", "kept"), ("outcome", "repeated"), ("outcome", "refused"), ("outcome", "unreadable")],
    ),
    ("boxoffice_refunds_total", &[("outcome", "succeeded"), ("outcome", "failed")]),
    ("boxoffice_session_refreshes_total", &[("outcome", "rotated"), ("outcome", "dead"), ("outcome", "stolen")]),
];
/// Upper bounds of numbers of things: the decisions of one commit, 1 to 4096.
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
        .set_buckets_for_metric(Matcher::Suffix("_entries".to_owned()), &COUNTS)?
        .install_recorder()?;
    describe();
    begin_at_zero();
    let process = Collector::default();
    process.describe();
    gauge!("boxoffice_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    if let Some(bytes) = memory::limit_bytes() {
        gauge!("boxoffice_memory_limit_bytes").set(bytes as f64);
    }
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

    /// Folds samples into buckets for as long as the server lives; without it memory grows until the next scrape. Says `done` each time.
    pub async fn keep_up(&self, done: impl Fn()) {
        let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            self.handle.run_upkeep();
            done();
        }
    }
}

/// How a metric is described.
#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

/// What every metric means, those of the actors included; `docs/operations.md` says what normal looks like. A test finds
/// names that are recorded somewhere and missing here or there.
const DESCRIPTIONS: &[(Kind, &str, Option<Unit>, &str)] = &[
    (Counter, "boxoffice_http_requests_total", None, "Requests answered, by route template, method and status"),
    (
        Histogram,
        "boxoffice_http_request_duration_seconds",
        Some(Unit::Seconds),
        "From the parsed head of a request to its complete answer, by route template and method",
    ),
    (Gauge, "boxoffice_http_connections", None, "Open connections"),
    (
        Gauge,
        "boxoffice_http_dormant_connections",
        None,
        "Open connections between two requests that have given their buffers back",
    ),
    (Gauge, "boxoffice_http_requests_in_flight", None, "Requests that have no answer yet"),
    (Counter, "boxoffice_http_refused_connections_total", None, "Connections over the limit, refused"),
    (Gauge, "boxoffice_http_unsent_bytes", Some(Unit::Bytes), "Bytes of answers that clients have not taken yet"),
    (Counter, "boxoffice_http_unsent_refusals_total", None, "Requests refused because too much is unsent, by bound"),
    (
        Counter,
        "boxoffice_http_network_refused_connections_total",
        None,
        "Connections over their network's limit, refused",
    ),
    (
        Counter,
        "boxoffice_http_stalled_connections_total",
        None,
        "Connections closed because the client took nothing, or too little, of its answer",
    ),
    (
        Counter,
        "boxoffice_csp_reports_total",
        None,
        "Reports of browsers that the content security policy of a page was violated",
    ),
    (
        Counter,
        "boxoffice_rate_limit_refusals_total",
        None,
        "Requests and attempts refused because there were too many, by limit",
    ),
    (
        Counter,
        "boxoffice_rate_limit_redis_failures_total",
        None,
        "Questions about limits that Redis did not answer in time; they were decided by the node alone",
    ),
    (
        Counter,
        "boxoffice_rate_limit_forgotten_total",
        None,
        "Clients forgotten for lack of room before they had regained all of their limit",
    ),
    (
        Counter,
        "boxoffice_outbound_limit_refusals_total",
        None,
        "Calls of other services given up because it would have been their turn too late, by service",
    ),
    (
        Counter,
        "boxoffice_cache_lookups_total",
        None,
        "Looks for an answer, by level (local: in this process, shared: in Redis), outcome and namespace",
    ),
    (Counter, "boxoffice_cache_loads_total", None, "Reads from the database for the cache, by outcome and namespace"),
    (Gauge, "boxoffice_cache_answers", None, "Answers kept in this process, by namespace"),
    (Gauge, "boxoffice_cache_bytes", Some(Unit::Bytes), "What they take, about, by namespace"),
    (Gauge, "boxoffice_cache_bytes_limit", Some(Unit::Bytes), "What they may take"),
    (
        Counter,
        "boxoffice_cache_renewals_total",
        None,
        "Answers read again before or just after their time was over, by outcome: done, failed, dropped",
    ),
    (Gauge, "boxoffice_cache_renewal_queue", None, "Answers that wait to be read again"),
    (
        Counter,
        "boxoffice_cache_invalidations_total",
        None,
        "Changes that ended answers, by origin: here, elsewhere, hand, missed",
    ),
    (Gauge, "boxoffice_cache_untold", None, "1 while Redis has still to be told of a change that this node knows of"),
    (
        Gauge,
        "boxoffice_cache_changes_seen_age_seconds",
        Some(Unit::Seconds),
        "Since this node last saw which changes nobody has told Redis",
    ),
    (Counter, "boxoffice_cache_redis_failures_total", None, "Questions of the cache that Redis did not answer in time"),
    (Gauge, "boxoffice_streams", None, "Open live streams"),
    (Counter, "boxoffice_streams_network_refused_total", None, "Live streams over their network's limit, refused"),
    (
        Counter,
        "boxoffice_stream_deltas_total",
        None,
        "Changes of events with live streams, each made once for all of them",
    ),
    (Counter, "boxoffice_streams_dropped_total", None, "Live streams that ended because their client was too slow"),
    (
        Counter,
        "boxoffice_inventory_decisions_total",
        None,
        "Commands to inventories, by outcome: applied, replayed, refused by a rule, too_late, shed",
    ),
    (Gauge, "boxoffice_inventory_active", None, "Inventories in memory"),
    (
        Gauge,
        "boxoffice_inventory_queue_depth",
        None,
        "Commands under way in all inventories, sampled every ten seconds",
    ),
    (
        Gauge,
        "boxoffice_inventory_drift_places",
        None,
        "Places by which memory and ledger differed in the last comparison; anything but 0 is a fault",
    ),
    (Counter, "boxoffice_inventory_drifts_total", None, "Comparisons in which memory and ledger of an event differed"),
    (Counter, "boxoffice_inventory_pauses_total", None, "Pauses of inventories for a change of what an event sells"),
    (Counter, "boxoffice_inventory_reloads_total", None, "Times that a running inventory has read its plan again"),
    (
        Gauge,
        "boxoffice_ledger_mismatch_places",
        None,
        "Places by which counters of the ledger differ from holds, bookings and seat claims",
    ),
    (
        Counter,
        "boxoffice_ledger_mismatches_total",
        None,
        "Events found whose counters differ from their holds, bookings and seat claims",
    ),
    (Histogram, "boxoffice_ledger_batch_entries", None, "Decisions in one commit"),
    (
        Histogram,
        "boxoffice_ledger_commit_duration_seconds",
        Some(Unit::Seconds),
        "From handing a group of decisions to the ledger to its answer, retries included",
    ),
    (Counter, "boxoffice_ledger_commit_failures_total", None, "Groups whose outcome is failure or unknown"),
    (Counter, "boxoffice_ledger_culprits_total", None, "Decisions that the ledger refused or knew already"),
    (Gauge, "boxoffice_ledger_queued_entries", None, "Decisions that wait for a ledger writer"),
    (Counter, "boxoffice_actor_restarts_total", None, "Actors that failed and were started again, by kind of actor"),
    (Counter, "boxoffice_actor_give_ups_total", None, "Actors that failed too often to be started again at once"),
    (
        Gauge,
        "boxoffice_task_last_success_timestamp_seconds",
        Some(Unit::Seconds),
        "When a task that goes on for ever last did its work, by task",
    ),
    (Counter, "boxoffice_swept_rows_total", None, "Rows deleted because they were over, by kind"),
    (
        Gauge,
        "boxoffice_upkeep_last_success_timestamp_seconds",
        Some(Unit::Seconds),
        "When a chore in the background was last done with all that there was, by chore",
    ),
    (
        Counter,
        "boxoffice_sign_ins_total",
        None,
        "Attempts to sign in, by outcome: signed_in, wrong_credentials, suspended, unverified",
    ),
    (
        Counter,
        "boxoffice_session_refreshes_total",
        None,
        "Refresh tokens presented, by outcome: rotated, dead, stolen (used before, so the session was ended)",
    ),
    (
        Gauge,
        "boxoffice_breaker_state",
        None,
        "1 for the state that the circuit breaker of a service is in, 0 for the others: closed, open, half_open",
    ),
    (
        Counter,
        "boxoffice_breaker_transitions_total",
        None,
        "State changes of a circuit breaker, by service and new state",
    ),
    (
        Counter,
        "boxoffice_breaker_failures_total",
        None,
        "Calls of a service that failed by its fault, by kind: error, timeout",
    ),
    (
        Counter,
        "boxoffice_breaker_rejected_calls_total",
        None,
        "Calls of a service that were not made, by reason: open, or full: too many under way",
    ),
    (
        Histogram,
        "boxoffice_breaker_call_duration_seconds",
        Some(Unit::Seconds),
        "How long calls of a service took, by service, those that failed or took too long included",
    ),
    (
        Counter,
        "boxoffice_breaker_redis_failures_total",
        None,
        "Questions about other nodes' breakers that Redis did not answer in time",
    ),
    (Counter, "boxoffice_mail_attempts_total", None, "Tries to send a mail, by outcome: sent, failed, postponed, dead"),
    (
        Histogram,
        "boxoffice_mail_send_duration_seconds",
        Some(Unit::Seconds),
        "From handing a mail to the mail server to its answer",
    ),
    (Gauge, "boxoffice_mail_queue_depth", None, "Mails that are to be sent, of all servers"),
    (Gauge, "boxoffice_mail_dead_letters", None, "Mails that were given up, of all servers"),
    (
        Gauge,
        "boxoffice_mail_oldest_seconds",
        Some(Unit::Seconds),
        "How long the oldest mail that is to be sent has waited",
    ),
    (Counter, "boxoffice_payments_total", None, "Attempts to pay that came into a state"),
    (Counter, "boxoffice_payments_returned_total", None, "Payments whose money paid for nothing and goes back"),
    (Gauge, "boxoffice_payments_stuck", None, "Attempts to pay that have been processed for too long"),
    (
        Gauge,
        "boxoffice_paid_without_booking",
        None,
        "Payments whose booking is not confirmed and whose money does not go back",
    ),
    (Counter, "boxoffice_webhook_messages_total", None, "Messages to the webhook of the payment gateway, by outcome"),
    (Gauge, "boxoffice_refunds_pending", None, "Refunds that have not come to an end, of all servers"),
    (
        Gauge,
        "boxoffice_refunds_oldest_seconds",
        Some(Unit::Seconds),
        "How long the oldest refund that has not come to an end has been asked for",
    ),
    (Counter, "boxoffice_refunds_total", None, "Refunds that came to an end, by outcome"),
    (
        Counter,
        "boxoffice_job_tries_total",
        None,
        "Tries to do a job, by kind and outcome: done, failed, postponed, dead",
    ),
    (Histogram, "boxoffice_job_duration_seconds", Some(Unit::Seconds), "How long a try to do a job takes, by kind"),
    (Gauge, "boxoffice_jobs_pending", None, "Jobs that are to be done, of all servers, by kind"),
    (Gauge, "boxoffice_jobs_dead", None, "Jobs that were given up, of all servers, by kind"),
    (
        Gauge,
        "boxoffice_jobs_oldest_seconds",
        Some(Unit::Seconds),
        "How long the oldest job that is to be done could have been done, by kind",
    ),
    (Gauge, "boxoffice_pool_connections", None, "Connections of the pool to PostgreSQL, idle ones included"),
    (Gauge, "boxoffice_pool_idle_connections", None, "Connections of the pool that nobody uses"),
    (Gauge, "boxoffice_pool_waiting", None, "Tasks that wait for a connection of the pool"),
    (Gauge, "boxoffice_pool_connections_limit", None, "Most connections the pool may have"),
    (Gauge, "boxoffice_index_scans", None, "Reads by an index, of all servers, as the database counts them"),
    (Gauge, "boxoffice_table_scans", None, "Reads of a whole table, of all servers, as the database counts them"),
    (Gauge, "boxoffice_dependency_up", None, "1 while the last check of the dependency succeeded, otherwise 0"),
    (
        Gauge,
        "boxoffice_dependency_check_seconds",
        Some(Unit::Seconds),
        "How long the last check of the dependency took",
    ),
    (
        Gauge,
        "boxoffice_memory_limit_bytes",
        Some(Unit::Bytes),
        "Memory this process may use: its control group's limit or the machine's",
    ),
    (
        Counter,
        "boxoffice_pool_connections_abandoned_total",
        None,
        "Connections closed because nobody waited for the end of their statement or transaction",
    ),
    (Counter, "boxoffice_transaction_retries_total", None, "Transactions outside of the ledger that were run again"),
    (Gauge, "boxoffice_build_info", None, "Always 1; the release is the label version"),
    (Counter, "boxoffice_log_lines_dropped_total", None, "Log lines lost because standard output was too slow"),
    (
        Counter,
        "boxoffice_log_lines_left_out_total",
        None,
        "Warnings and refusals not written because too many were alike",
    ),
];

fn begin_at_zero() {
    for (name, labels) in FROM_THE_START {
        if labels.is_empty() {
            counter!(*name).increment(0);
        }
        for (label, value) in *labels {
            counter!(*name, *label => *value).increment(0);
        }
    }
}

fn describe() {
    for &(kind, name, unit, meaning) in DESCRIPTIONS {
        match (kind, unit) {
            (Counter, _) => describe_counter!(name, meaning),
            (Gauge, None) => describe_gauge!(name, meaning),
            (Gauge, Some(unit)) => describe_gauge!(name, unit, meaning),
            (Histogram, None) => describe_histogram!(name, meaning),
            (Histogram, Some(unit)) => describe_histogram!(name, unit, meaning),
        }
    }
}

#[cfg(test)]
mod tests;
