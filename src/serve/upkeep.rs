//! What goes on for ever beside requests.

use std::{sync::Arc, time::Duration};

use actors::{cache::Cache, inventories::Inventories, tasks::Tasks, upkeep::RunningUpkeep};
use anyhow::Context;
use boxoffice_store::postgres::{connection::RequestPool, payment_figures, pool, store::PgStore, usage};
use telemetry::metrics::Metrics;

use super::{database::Pools, mail::Mail};

/// How often is looked for events that are to be published, and for bookings of cancelled ones, without a hint.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);

pub(super) fn keep_metrics(metrics: &Metrics, background: &mut Tasks) {
    let metrics = metrics.clone();
    background.add("metrics", move |life| {
        let metrics = metrics.clone();
        async move { metrics.keep_up(move || life.give()).await }
    });
}

pub(super) fn tend_pools(pools: &Pools, min_idle: usize, background: &mut Tasks) {
    let (pool, ledger) = (pools.requests.plain().clone(), pools.ledger.clone());
    background.add("pool", move |life| pool::tend(pool.clone(), min_idle, ledger.clone(), move || life.give()));
    let pool = pools.requests.clone();
    background.add("usage", move |life| usage::watch(pool.clone(), move || life.give()));
}

pub(super) fn watch_payments(pool: &RequestPool, stuck_after: Duration, background: &mut Tasks) {
    let pool = pool.clone();
    background.add("payments", move |life| payment_figures::watch(pool.clone(), stuck_after, move || life.give()));
}

pub(super) async fn start(
    pool: &RequestPool,
    inventories: Inventories,
    mail: &Mail,
    cache: Cache,
) -> anyhow::Result<RunningUpkeep> {
    let events = Arc::new(PgStore::new(pool.clone()));
    let upkeep = RunningUpkeep::start(events, inventories, mail.running.outbox.clone(), cache, UPKEEP_EVERY);
    upkeep.await.context("the upkeep of events can't start")
}
