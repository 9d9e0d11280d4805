//! What is limited together with other nodes.

use std::sync::Arc;

use actors::tasks::Tasks;
use anyhow::Context;
use boxoffice_store::rate_limits::SharedCounts;
use uuid::Uuid;

use crate::config::Config;

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
