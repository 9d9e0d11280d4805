//! The cache of answers, and what of it is shared with other nodes.

use std::sync::Arc;

use actors::{cache::RunningCache, tasks::Tasks};
use anyhow::Context;
use boxoffice_store::{
    cache::{Listener, RedisCache},
    postgres::{changes::PgChanges, connection::RequestPool},
};
use domain::cache::{HearChanges, SharedCache, WrittenChanges};
use uuid::Uuid;

use crate::config::Config;

/// What of it other nodes share, before anything is asked of it. Also of a node that keeps no answers itself: others have to know what
/// it changes.
pub(super) struct SharedRedis(Option<(Arc<RedisCache>, Arc<Listener>)>);

/// Checks what the configuration says of Redis; waits for nothing.
pub(super) fn check(config: &Config) -> anyhow::Result<()> {
    config.redis.url.as_ref().map_or(Ok(()), |url| RedisCache::check(url).context("REDIS_URL is not right"))
}

impl SharedRedis {
    /// What this installation has there. Waits for nothing.
    pub(super) fn new(config: &Config, installation: Uuid) -> anyhow::Result<Self> {
        let Some(url) = &config.redis.url else { return Ok(Self(None)) };
        let cache = &config.cache;
        let redis = RedisCache::connect(url, cache.redis_timeout, installation, cache.redis_max_bytes);
        let redis = redis.context("REDIS_URL is not right")?;
        let listener = Listener::new(url, &redis).context("REDIS_URL is not right")?;
        Ok(Self(Some((redis, Arc::new(listener)))))
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
    pool: &RequestPool,
    background: &mut Tasks,
) -> anyhow::Result<RunningCache> {
    let settings = config.cache.settings;
    let Some((redis, listener)) = redis else {
        return RunningCache::start(settings, None, None).await.context("the cache can't start");
    };
    let shared: Arc<dyn SharedCache> = redis.clone();
    let written: Arc<dyn WrittenChanges> = Arc::new(PgChanges::new(pool.clone()));
    let running = RunningCache::start(settings, Some(shared), Some(written)).await.context("the cache can't start")?;
    let hears: Arc<dyn HearChanges> = Arc::new(running.cache.clone());
    let (tended, watched, told) = (redis.clone(), redis, hears.clone());
    background.add_waiting("cache-redis", move || {
        let tended = tended.clone();
        async move { tended.tend().await }
    });
    background.add_waiting("cache-watch", move || {
        let (watched, told) = (watched.clone(), told.clone());
        async move { watched.watch(told).await }
    });
    // With a connection of its own at each start, which says that changes may have been missed.
    background.add_waiting("cache-listener", move || {
        let (listener, hears) = (listener.clone(), hears.clone());
        async move { listener.listen(hears).await }
    });
    Ok(running)
}
