//! What readiness depends on.

use std::{future::Future, pin::Pin};

use deadpool_postgres::Pool;

use crate::{infrastructure::postgres::rows::StoreError, presentation::operations::HealthCheck};

/// The database answers.
pub(super) struct DatabaseCheck(pub(super) Pool);

impl HealthCheck for DatabaseCheck {
    fn name(&self) -> &'static str {
        "database"
    }

    fn check(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async {
            let why = |error: StoreError| error.to_string();
            let client = self.0.get().await.map_err(|error| why(error.into()))?;
            client.query_typed("SELECT 1", &[]).await.map(drop).map_err(|error| why(error.into()))
        })
    }
}
