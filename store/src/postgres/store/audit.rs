//! Audit log, reading and verification; and acts that change nothing that is stored.

use async_trait::async_trait;
use domain::{
    audit::{AuditEntry, AuditRepository, Deed, Verification, Verifier},
    lists::{ListQuery, Page},
    repositories::Found,
};
use tokio_postgres::types::Type;

use super::{
    super::{
        audit::{entry, record, record_once},
        rows::StoreError,
    },
    PgStore,
    lists::{
        self,
        table::{TableList, sql},
    },
};

const COLUMNS: &str = "seq, at, actor_id, action, target_kind, target_id, details, address, request_id, hash";

/// Entries that are checked with one look at the table.
const CHECKED_AT_ONCE: i64 = 1000;

impl PgStore {
    async fn record_alone(&self, deed: Deed) -> Result<(), StoreError> {
        let deed = &deed;
        self.pool.transaction(|transaction| async move { record(&transaction, deed.clone()).await }).await
    }

    async fn record_alone_once(&self, deed: Deed) -> Result<(), StoreError> {
        let deed = &deed;
        self.pool.transaction(|transaction| async move { record_once(&transaction, deed.clone()).await }).await
    }

    async fn check_audit_log(&self) -> Result<Verification, StoreError> {
        let client = self.pool.get().await?;
        let statement = format!("SELECT {COLUMNS} FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2");
        let mut verifier = Verifier::default();
        let mut after = 0_i64;
        loop {
            let rows = client.query_typed(&statement, &[(&after, Type::INT8), (&CHECKED_AT_ONCE, Type::INT8)]).await?;
            let Some(last) = rows.last() else { return Ok(verifier.finish()) };
            after = last.try_get("seq")?;
            for row in &rows {
                if !verifier.check(&entry(row)?) {
                    return Ok(verifier.finish());
                }
            }
        }
    }
}

#[async_trait]
impl AuditRepository for PgStore {
    async fn write_down(&self, deed: Deed) -> Found<()> {
        Ok(self.record_alone(deed).await?)
    }

    async fn write_down_once(&self, deed: Deed) -> Found<()> {
        Ok(self.record_alone_once(deed).await?)
    }

    async fn audit_entries(&self, query: &ListQuery) -> Found<Page<AuditEntry>> {
        let (columns, conditions) = (sql(COLUMNS), sql("true"));
        let log = TableList { query, from: "audit_log", of: "", joined: "", columns, conditions };
        Ok(lists::read(&self.pool.get().await?, &log, query).await?.entries(entry)?)
    }

    async fn verify_audit_log(&self) -> Found<Verification> {
        Ok(self.check_audit_log().await?)
    }
}
