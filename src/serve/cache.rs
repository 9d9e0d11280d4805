//! The cache of answers, and what of it is shared with other nodes.

use std::sync::Arc;

use actors::{
    cache::{CacheSettings, Lifetimes, RunningCache},
    tasks::Tasks,
};
use anyhow::Context;
use domain::cache::SharedCache;
use secrecy::SecretString;

use crate::{
    config::{CacheConfig, Config},
    infrastructure::cache::{Listener, RedisCache},
};

/// What of it other nodes share, before anything is asked of it.
pub(super) struct SharedRedis(Option<(Arc<RedisCache>, SecretString)>);

impl SharedRedis {
    /// Checks what the configuration says; waits for nothing.
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        let Some(url) = config.redis.url.as_ref().filter(|_| config.cache.enabled) else { return Ok(Self(None)) };
        let redis = RedisCache::connect(url, config.cache.redis_timeout).context("REDIS_URL is not right")?;
        Listener::new(url, &redis).context("REDIS_URL is not right")?;
        Ok(Self(Some((redis, url.clone()))))
    }

    /// For its check.
    pub(super) fn cache(&self) -> Option<Arc<RedisCache>> {
        self.0.as_ref().map(|(redis, _)| redis.clone())
    }
}

/// Starts it. Waits for nothing: a Redis that is away is found when it is there.
pub(super) async fn start(
    config: &Config,
    SharedRedis(redis): SharedRedis,
    background: &mut Tasks,
) -> anyhow::Result<RunningCache> {
    let Some((redis, url)) = redis else {
        return RunningCache::start(settings(&config.cache), None).await.context("the cache can't start");
    };
    let (tended, heard) = (redis.clone(), redis.clone());
    background.add_waiting("cache-redis", move || {
        let tended = tended.clone();
        async move { tended.tend().await }
    });
    let shared: Arc<dyn SharedCache> = redis;
    let running = RunningCache::start(settings(&config.cache), Some(shared)).await.context("the cache can't start")?;
    let cache = running.cache.clone();
    // With a connection of its own at each start, which says that changes may have been missed.
    background.add_waiting("cache-listener", move || {
        let (listener, to) = (Listener::new(&url, &heard), Arc::new(cache.clone()));
        async move {
            match listener {
                Ok(listener) => listener.listen(to).await,
                Err(error) => tracing::error!(%error, "what other nodes change can't be heard"),
            }
        }
    });
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
