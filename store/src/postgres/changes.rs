//! Cache invalidation, durable: changes that transactions have recorded, see `migrations/0005_operations.up.sql`.

use std::time::Duration;

use domain::cache::{Change, Reading, WRITTEN_MAX, Written, WrittenChanges};
use tokio_postgres::types::Type;

use super::{connection::RequestPool, errors::StoreError};

const UNTOLD: &str = "SELECT id, tags FROM untold_changes WHERE at <= clock_timestamp() - make_interval(secs => $1) \
    ORDER BY at LIMIT $2";
/// Those that another server is deleting are passed over.
const TOLD: &str = "DELETE FROM untold_changes WHERE id IN ( \
    SELECT id FROM untold_changes WHERE id = ANY($1) FOR UPDATE SKIP LOCKED)";

/// See [`WrittenChanges`].
pub struct PgChanges {
    pool: RequestPool,
}

impl PgChanges {
    pub fn new(pool: RequestPool) -> Self {
        Self { pool }
    }

    async fn read(&self, age: Duration) -> Result<Vec<Written>, StoreError> {
        let (age, most) = (age.as_secs_f64(), i64::try_from(WRITTEN_MAX).unwrap_or(i64::MAX));
        let client = self.pool.get().await?;
        let found = client.query_typed(UNTOLD, &[(&age, Type::FLOAT8), (&most, Type::INT8)]).await?;
        let written = found.iter().map(|row| {
            let names: Vec<String> = row.try_get("tags")?;
            Ok(Written { id: row.try_get("id")?, change: Change::of_names(names.iter().map(String::as_str)) })
        });
        written.collect()
    }

    async fn delete(&self, ids: &[i64]) -> Result<(), StoreError> {
        self.pool.get().await?.execute_typed(TOLD, &[(&ids, Type::INT8_ARRAY)]).await?;
        Ok(())
    }
}

impl WrittenChanges for PgChanges {
    fn untold<'a>(&'a self, age: Duration) -> Reading<'a, Vec<Written>> {
        Box::pin(async move { Ok(self.read(age).await?) })
    }

    fn told<'a>(&'a self, ids: &'a [i64]) -> Reading<'a, ()> {
        Box::pin(async move { Ok(self.delete(ids).await?) })
    }
}
