//! What is limited together with other nodes.

use std::sync::Arc;

use actors::tasks::Tasks;
use anyhow::Context;
use boxoffice_store::rate_limits::{LimiterSettings, SharedCounts};
use uuid::Uuid;

use crate::config::{Config, RateLimitConfig};

/// The counts of this installation in Redis, when there is one. Waits for nothing.
pub(super) fn shared_counts(
    config: &Config,
    installation: Uuid,
    background: &mut Tasks,
) -> anyhow::Result<Option<Arc<SharedCounts>>> {
    let Some(url) = &config.redis.url else { return Ok(None) };
    let shared = SharedCounts::connect(url, config.rate_limit.redis_timeout, installation);
    let shared = shared.context("REDIS_URL is not right")?;
    let tended = Arc::clone(&shared);
    background.add_waiting("limits-redis", move || {
        let tended = Arc::clone(&tended);
        async move { tended.tend().await }
    });
    Ok(Some(shared))
}

impl From<&RateLimitConfig> for LimiterSettings {
    fn from(config: &RateLimitConfig) -> Self {
        Self {
            tiers: [config.auth, config.bookings, config.api, config.public],
            attempts: config.auth,
            trusted: config.trusted.clone(),
            backoff_max: config.backoff_max,
            clients_max: config.max_clients,
        }
    }
}
