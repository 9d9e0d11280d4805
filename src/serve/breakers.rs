//! The circuit breakers, and what of them is shared with other nodes.

use std::sync::Arc;

use actors::{
    breakers::{Breakers, RunningBreakers, Service},
    tasks::Tasks,
};
use anyhow::Context;
use boxoffice_store::{breakers::RedisBreakers, rate_limits::SharedCounts};
use domain::breakers::{SharedBreakers, WatchedService};
use uuid::Uuid;

use super::cache::SharedRedis;
use crate::config::Config;

/// Starts them. Waits for nothing: without Redis this node decides alone.
pub(super) async fn start(
    config: &Config,
    installation: Uuid,
    redis: &SharedRedis,
    counts: Option<&Arc<SharedCounts>>,
    background: &mut Tasks,
) -> anyhow::Result<RunningBreakers> {
    let breakers = Breakers::new(config.breakers.settings, |service| match service {
        Service::Email => config.mail.outbox.concurrency,
        _ => config.breakers.concurrency,
    });
    let mut shared: Option<Arc<dyn SharedBreakers>> = None;
    let mut watched: Option<Arc<dyn WatchedService>> = None;
    if let (Some(url), Some(cache), Some(counts)) = (&config.redis.url, redis.cache(), counts) {
        let redis = RedisBreakers::connect(url, installation).context("REDIS_URL is not right")?;
        watched = Some(Arc::new(redis.connections(&cache, counts)));
        shared = Some(redis.clone());
        background.add_waiting("breakers-redis", move || {
            let tended = redis.clone();
            async move { tended.tend().await }
        });
    }
    RunningBreakers::start(breakers, shared, watched).await.context("the circuit breakers can't start")
}
