//! Metric handles of the engine, looked up once: a look-up by name costs ten times an increment.

use std::sync::OnceLock;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// See each field's metric name.
#[derive(Debug)]
pub(crate) struct EngineMetrics {
    pub(crate) applied: Counter,
    pub(crate) replayed: Counter,
    pub(crate) refused: Counter,
    pub(crate) too_late: Counter,
    pub(crate) shed: Counter,
    pub(crate) batch_entries: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) commit_failures: Counter,
    pub(crate) culprits: Counter,
    pub(crate) queued_entries: Gauge,
    pub(crate) active_inventories: Gauge,
    pub(crate) queue_depth: Gauge,
    pub(crate) drift_places: Gauge,
    pub(crate) drifts: Counter,
    pub(crate) pauses: Counter,
    pub(crate) reloads: Counter,
    pub(crate) streams: Gauge,
    pub(crate) stream_deltas: Counter,
    pub(crate) streams_dropped: Counter,
}

/// The handles of the installed recorder. Install it before the engine starts: handles made earlier count nothing.
pub(crate) fn engine() -> &'static EngineMetrics {
    static METRICS: OnceLock<EngineMetrics> = OnceLock::new();
    METRICS.get_or_init(|| EngineMetrics {
        applied: counter!("boxoffice_inventory_decisions_total", "outcome" => "applied"),
        replayed: counter!("boxoffice_inventory_decisions_total", "outcome" => "replayed"),
        refused: counter!("boxoffice_inventory_decisions_total", "outcome" => "refused"),
        too_late: counter!("boxoffice_inventory_decisions_total", "outcome" => "too_late"),
        shed: counter!("boxoffice_inventory_decisions_total", "outcome" => "shed"),
        batch_entries: histogram!("boxoffice_ledger_batch_entries"),
        commit_seconds: histogram!("boxoffice_ledger_commit_duration_seconds"),
        commit_failures: counter!("boxoffice_ledger_commit_failures_total"),
        culprits: counter!("boxoffice_ledger_culprits_total"),
        queued_entries: gauge!("boxoffice_ledger_queued_entries"),
        active_inventories: gauge!("boxoffice_inventory_active"),
        queue_depth: gauge!("boxoffice_inventory_queue_depth"),
        drift_places: gauge!("boxoffice_inventory_drift_places"),
        drifts: counter!("boxoffice_inventory_drifts_total"),
        pauses: counter!("boxoffice_inventory_pauses_total"),
        reloads: counter!("boxoffice_inventory_reloads_total"),
        streams: gauge!("boxoffice_streams"),
        stream_deltas: counter!("boxoffice_stream_deltas_total"),
        streams_dropped: counter!("boxoffice_streams_dropped_total"),
    })
}

/// Makes every series of the engine, at zero: an alert on an increase misses a series that begins at one.
pub(crate) fn register(actors: impl IntoIterator<Item = &'static str>) {
    let EngineMetrics { pauses, reloads, .. } = engine();
    for counter in [pauses, reloads] {
        counter.increment(0);
    }
    register_actors(actors);
}

pub(crate) fn register_actors(actors: impl IntoIterator<Item = &'static str>) {
    for actor in actors {
        counter!("boxoffice_actor_restarts_total", "actor" => actor).increment(0);
        counter!("boxoffice_actor_give_ups_total", "actor" => actor).increment(0);
    }
}

/// Counts a restart of an actor of that kind.
pub(crate) fn count_restart(actor: &'static str) {
    counter!("boxoffice_actor_restarts_total", "actor" => actor).increment(1);
}

/// Counts that an actor of that kind failed too often to be started again at once.
pub(crate) fn count_give_up(actor: &'static str) {
    counter!("boxoffice_actor_give_ups_total", "actor" => actor).increment(1);
}

/// See each field's metric name.
#[derive(Debug)]
pub(crate) struct OutboxMetrics {
    pub(crate) sent: Counter,
    pub(crate) failed: Counter,
    pub(crate) postponed: Counter,
    pub(crate) dead: Counter,
    pub(crate) send_seconds: Histogram,
    pub(crate) queue_depth: Gauge,
    pub(crate) dead_letters: Gauge,
    pub(crate) oldest_seconds: Gauge,
}

pub(crate) fn outbox() -> &'static OutboxMetrics {
    static METRICS: OnceLock<OutboxMetrics> = OnceLock::new();
    METRICS.get_or_init(|| OutboxMetrics {
        sent: counter!("boxoffice_mail_attempts_total", "outcome" => "sent"),
        failed: counter!("boxoffice_mail_attempts_total", "outcome" => "failed"),
        postponed: counter!("boxoffice_mail_attempts_total", "outcome" => "postponed"),
        dead: counter!("boxoffice_mail_attempts_total", "outcome" => "dead"),
        send_seconds: histogram!("boxoffice_mail_send_duration_seconds"),
        queue_depth: gauge!("boxoffice_mail_queue_depth"),
        dead_letters: gauge!("boxoffice_mail_dead_letters"),
        oldest_seconds: gauge!("boxoffice_mail_oldest_seconds"),
    })
}

/// Makes every series of the outbox, at zero.
pub(crate) fn register_outbox() {
    let OutboxMetrics { sent, failed, postponed, dead, .. } = outbox();
    for counter in [sent, failed, postponed, dead] {
        counter.increment(0);
    }
    register_actors(["outbox"]);
}
