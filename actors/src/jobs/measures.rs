//! Metric handles of a kind of jobs, and the numbers that are counted in the queue.

use std::{sync::Arc, time::Duration};

use domain::jobs::{JobPayload, JobQueue, KindState};
use metrics::{Counter, Histogram, counter, gauge, histogram};
use tokio::time::sleep;

use crate::tasks::SignOfLife;

/// How often the queue is counted.
const COUNT_EVERY: Duration = Duration::from_secs(15);

pub(super) struct KindMeasures {
    pub(super) done: Counter,
    pub(super) failed: Counter,
    pub(super) postponed: Counter,
    pub(super) dead: Counter,
    pub(super) seconds: Histogram,
}

impl KindMeasures {
    /// Makes every series at zero: an alert on an increase misses a series that begins at one.
    pub(super) fn of(kind: &'static str) -> Self {
        let tries = |outcome| {
            let counter = counter!("boxoffice_job_tries_total", "kind" => kind, "outcome" => outcome);
            counter.increment(0);
            counter
        };
        Self {
            done: tries("done"),
            failed: tries("failed"),
            postponed: tries("postponed"),
            dead: tries("dead"),
            seconds: histogram!("boxoffice_job_duration_seconds", "kind" => kind),
        }
    }
}

/// Counts what is in the queue, for ever.
pub async fn watch(queue: Arc<dyn JobQueue>, life: SignOfLife) {
    loop {
        match queue.state().await {
            Ok(states) => {
                JobPayload::KINDS.iter().for_each(|kind| publish(kind, &states));
                life.give();
            }
            Err(error) => tracing::debug!(%error, "jobs can't be counted now"),
        }
        sleep(COUNT_EVERY).await;
    }
}

fn publish(kind: &'static str, states: &[KindState]) {
    let state = states.iter().find(|state| state.kind == kind);
    let (pending, dead, oldest) =
        state.map_or((0, 0, Duration::ZERO), |state| (state.pending, state.dead, state.oldest));
    gauge!("boxoffice_jobs_pending", "kind" => kind).set(pending as f64);
    gauge!("boxoffice_jobs_dead", "kind" => kind).set(dead as f64);
    gauge!("boxoffice_jobs_oldest_seconds", "kind" => kind).set(oldest.as_secs_f64());
}
