//! What readiness depends on, and what operators want to know besides.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::{
    infrastructure::{
        limits::SharedCounts,
        postgres::{connection::RequestPool, rows::StoreError},
    },
    presentation::operations::HealthCheck,
};

/// All of them.
pub(super) fn all(pool: RequestPool, shared: Option<Arc<SharedCounts>>) -> Vec<Arc<dyn HealthCheck>> {
    let mut checks: Vec<Arc<dyn HealthCheck>> = vec![Arc::new(DatabaseCheck(pool))];
    if let Some(shared) = shared {
        checks.push(Arc::new(RedisCheck(shared)));
    }
    checks
}

/// The database answers.
struct DatabaseCheck(RequestPool);

impl HealthCheck for DatabaseCheck {
    fn name(&self) -> &'static str {
        "database"
    }

    fn check(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async {
            let why = |error: StoreError| error.to_string();
            let client = self.0.get().await.map_err(why)?;
            client.query_typed("SELECT 1", &[]).await.map(drop).map_err(why)
        })
    }
}

/// Redis answers. The server sells without it.
struct RedisCheck(Arc<SharedCounts>);

impl HealthCheck for RedisCheck {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn is_required(&self) -> bool {
        false
    }

    fn check(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        let reachable = self.0.is_reachable();
        Box::pin(async move { reachable.then_some(()).ok_or_else(|| "it does not answer".to_owned()) })
    }
}
