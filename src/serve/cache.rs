//! The cache of answers, and what of it is shared with other nodes.

use std::sync::Arc;

use actors::cache::{CacheSettings, Lifetimes, RunningCache};
use anyhow::Context;
use domain::cache::SharedCache;
use tokio::task::JoinSet;

use crate::{
    config::{CacheConfig, Config},
    infrastructure::cache::{Listener, RedisCache},
};

/// Starts it. Waits for nothing: a Redis that is away is found when it is there.
pub(super) async fn start(config: &Config, background: &mut JoinSet<()>) -> anyhow::Result<RunningCache> {
    let url = config.redis.url.as_ref().filter(|_| config.cache.enabled);
    let Some(url) = url else {
        return RunningCache::start(settings(&config.cache), None).await.context("the cache can't start");
    };
    let redis = RedisCache::connect(url, config.cache.redis_timeout).context("REDIS_URL is not right")?;
    let listener = Listener::new(url, &redis).context("REDIS_URL is not right")?;
    let tended = redis.clone();
    background.spawn(async move { tended.tend().await });
    let shared: Arc<dyn SharedCache> = redis;
    let running = RunningCache::start(settings(&config.cache), Some(shared)).await.context("the cache can't start")?;
    background.spawn(listener.listen(Arc::new(running.cache.clone())));
    Ok(running)
}

fn settings(config: &CacheConfig) -> CacheSettings {
    CacheSettings {
        enabled: config.enabled,
        bytes_max: config.max_bytes,
        fresh: config.fresh,
        stale: config.stale,
        lifetimes: Lifetimes { listing: config.listing_ttl, fixed: config.static_ttl },
        ..CacheSettings::default()
    }
}
