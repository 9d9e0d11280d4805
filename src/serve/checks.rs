//! What readiness depends on, and what operators want to know besides.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use actors::ledger::pulse::LedgerPulse;
use boxoffice_api::operations::HealthCheck;
use boxoffice_store::{
    cache::RedisCache,
    postgres::{connection::RequestPool, rows::StoreError},
    rate_limits::SharedCounts,
};
use deadpool_postgres::Pool;
use tokio::{runtime::Handle, task::JoinSet};

use super::database::Pools;

type Checking<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// The ledger is taken for away once it has owed an answer for so long: longer than a commit that waits for a lock, shorter than
/// the time limit of a call.
const UNANSWERED_MAX: Duration = Duration::from_secs(3);

/// All of them. The ledger's connections live on the engine's threads.
pub(super) fn all(
    pools: &Pools,
    engine: &Handle,
    pulse: Arc<LedgerPulse>,
    counts: Option<Arc<SharedCounts>>,
    cache: Option<Arc<RedisCache>>,
) -> Vec<Arc<dyn HealthCheck>> {
    let mut checks: Vec<Arc<dyn HealthCheck>> = vec![
        Arc::new(DatabaseCheck(pools.checks.clone())),
        Arc::new(LedgerCheck { pool: pools.ledger.reads.clone(), engine: engine.clone(), pulse }),
    ];
    if counts.is_some() || cache.is_some() {
        checks.push(Arc::new(RedisCheck { counts, cache }));
    }
    checks
}

/// The database answers and can be written to. On a connection of its own: what requests do to theirs says nothing about it.
struct DatabaseCheck(RequestPool);

impl HealthCheck for DatabaseCheck {
    fn name(&self) -> &'static str {
        "database"
    }

    fn check(&self) -> Checking<'_> {
        Box::pin(async {
            let is_read_only = ask_read_only(&self.0).await.map_err(|error| error.to_string())?;
            if is_read_only {
                Err("it is read-only: a standby, or default_transaction_read_only".to_owned())
            } else {
                Ok(())
            }
        })
    }
}

async fn ask_read_only(pool: &RequestPool) -> Result<bool, StoreError> {
    const READ_ONLY: &str = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool";
    Ok(pool.get().await?.query_typed_one(READ_ONLY, &[]).await?.try_get(0)?)
}

/// A connection of the ledger answers: without one nothing is sold, however well the database is.
struct LedgerCheck {
    pool: Pool,
    engine: Handle,
    /// What the writers, look-ups of keys and the session's renewal see of it.
    pulse: Arc<LedgerPulse>,
}

impl HealthCheck for LedgerCheck {
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn check(&self) -> Checking<'_> {
        // A connection that does not answer is taken out of the pool when the check is given up.
        let pool = RequestPool::new(self.pool.clone(), Duration::ZERO);
        let mut asked = JoinSet::new();
        asked.spawn_on(async move { pool.get().await?.query_typed("SELECT 1", &[]).await.map(drop) }, &self.engine);
        let unanswered = self.pulse.unanswered_for();
        Box::pin(async move {
            if unanswered > UNANSWERED_MAX {
                return Err(format!("it has not answered for {unanswered:.1?}"));
            }
            match asked.join_next().await {
                Some(Ok(answer)) => answer.map_err(|error: StoreError| error.to_string()),
                _ => Err("the engine's threads have ended".to_owned()),
            }
        })
    }
}

/// Redis answers, to the rate limiter and to the cache. The server sells without it.
struct RedisCheck {
    counts: Option<Arc<SharedCounts>>,
    cache: Option<Arc<RedisCache>>,
}

impl HealthCheck for RedisCheck {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn is_required(&self) -> bool {
        false
    }

    fn check(&self) -> Checking<'_> {
        let counts = async {
            let Some(counts) = &self.counts else { return Ok(()) };
            counts.ping().await.map_err(|error| format!("limits: {error}"))
        };
        let cache = async {
            let Some(cache) = &self.cache else { return Ok(()) };
            cache.ping().await.map_err(|error| format!("cache: {error}"))
        };
        Box::pin(async {
            let (counts, cache) = tokio::join!(counts, cache);
            counts.and(cache)
        })
    }
}
