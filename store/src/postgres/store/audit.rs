//! Audit log, reading and verification; and acts that change nothing that is stored.

use async_trait::async_trait;
use domain::{
    audit::{AuditEntry, AuditFilter, AuditRepository, Deed, Verification, Verifier},
    repositories::{Found, Page, PageRequest},
};
use tokio_postgres::types::{ToSql, Type};

use super::{
    super::{
        audit::{entry, record, record_once, signed},
        rows::StoreError,
    },
    PgStore,
    paging::{self, page_of},
    total_of,
};

const COLUMNS: &str = "seq, at, actor_id, action, target_kind, target_id, details, address, request_id, hash";

const FILTER: &str = "($1::uuid IS NULL OR actor_id = $1) AND ($2::text IS NULL OR action = $2) \
    AND ($3::text IS NULL OR target_kind = $3) AND ($4::text IS NULL OR target_id = $4)";

/// Entries that are checked with one look at the table.
const CHECKED_AT_ONCE: i64 = 1000;

impl PgStore {
    async fn read_audit_log(
        &self,
        filter: &AuditFilter,
        request: &PageRequest<u64>,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let (from, actor) = (request.start.comes_from().map(|seq| signed(*seq)), filter.actor.map(|id| id.0));
        let filters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&actor, Type::UUID),
            (&filter.action, Type::TEXT),
            (&filter.target_kind, Type::TEXT),
            (&filter.target_id, Type::TEXT),
        ];
        let client = self.pool.get().await?;
        let total = total_of(&client, &format!("audit_log WHERE {FILTER}"), &filters).await?;
        let statement = |comparison, direction| {
            format!(
                "SELECT {COLUMNS} FROM audit_log WHERE {FILTER} AND ($5::bigint IS NULL OR seq {comparison} $5) \
                 ORDER BY seq {direction} OFFSET $6 LIMIT $7"
            )
        };
        let parameters = [&filters[..], &[(&from, Type::INT8)]].concat();
        page_of(paging::read(&client, request, true, Some(total), statement, &parameters).await?, total, entry)
    }

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

    async fn audit_entries(&self, filter: &AuditFilter, page: &PageRequest<u64>) -> Found<Page<AuditEntry>> {
        Ok(self.read_audit_log(filter, page).await?)
    }

    async fn verify_audit_log(&self) -> Found<Verification> {
        Ok(self.check_audit_log().await?)
    }
}
