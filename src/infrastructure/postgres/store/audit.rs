//! The audit log. Entries are written in the transaction of what they tell of, one after the other: each covers the one before.

use std::net::IpAddr;

use domain::{
    audit::{AuditFilter, AuditRepository, Deed, Entry, GENESIS, Hash, Verification, Verifier},
    ids::AccountId,
    repositories::{Found, Page, PageRequest},
};
use tokio_postgres::{
    Row,
    types::{Json, ToSql, Type},
};

use super::{
    super::{connection::Statements, rows::StoreError},
    PgStore,
    paging::{Steps, page_of},
    total_of,
};

/// Writers of the log take this advisory lock, and with it their turn, until their transaction ends. So whoever writes down a
/// deed does it last.
const TURN: &str = "SELECT pg_advisory_xact_lock(hashtext('boxoffice audit log'))";

const LAST: &str = "SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1";

const INSERT: &str = "INSERT INTO audit_log (seq, at, actor_id, action, target_kind, target_id, details, address, request_id, \
    hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const COLUMNS: &str = "seq, at, actor_id, action, target_kind, target_id, details, address, request_id, hash";

const FILTER: &str = "($1::uuid IS NULL OR actor_id = $1) AND ($2::text IS NULL OR action = $2) \
    AND ($3::text IS NULL OR target_kind = $3) AND ($4::text IS NULL OR target_id = $4)";

/// Entries that are checked with one look at the table.
const CHECKED_AT_ONCE: i64 = 1000;

/// Writes a deed down, in the transaction of the change. Call it last: others wait until that transaction ends.
pub(super) async fn record(client: &impl Statements, deed: Deed) -> Result<(), StoreError> {
    client.query_typed(TURN, &[]).await?;
    let (seq, previous) = match client.query_typed(LAST, &[]).await?.first() {
        Some(row) => (number(row)? + 1, hash(row)?),
        None => (1, GENESIS),
    };
    let entry = Entry::after(seq, &previous, deed);
    let seq = signed(entry.seq);
    client
        .execute_typed(
            INSERT,
            &[
                (&seq, Type::INT8),
                (&entry.at, Type::TIMESTAMPTZ),
                (&entry.actor_id.map(|id| id.0), Type::UUID),
                (&entry.action, Type::TEXT),
                (&entry.target_kind, Type::TEXT),
                (&entry.target_id, Type::TEXT),
                (&Json(&entry.details), Type::JSONB),
                (&entry.address, Type::INET),
                (&entry.request_id, Type::TEXT),
                (&entry.hash.as_slice(), Type::BYTEA),
            ],
        )
        .await?;
    Ok(())
}

fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn number(row: &Row) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<_, i64>("seq")?).map_err(|error| StoreError::Row(format!("seq: {error}")))
}

fn hash(row: &Row) -> Result<Hash, StoreError> {
    let bytes: &[u8] = row.try_get("hash")?;
    bytes.try_into().map_err(|_| StoreError::Row("a hash of the audit log".to_owned()))
}

fn entry(row: &Row) -> Result<Entry, StoreError> {
    let Json(details) = row.try_get("details")?;
    Ok(Entry {
        seq: number(row)?,
        at: row.try_get("at")?,
        actor_id: row.try_get::<_, Option<uuid::Uuid>>("actor_id")?.map(AccountId),
        action: row.try_get("action")?,
        target_kind: row.try_get("target_kind")?,
        target_id: row.try_get("target_id")?,
        details,
        address: row.try_get::<_, Option<IpAddr>>("address")?,
        request_id: row.try_get("request_id")?,
        hash: hash(row)?,
    })
}

impl PgStore {
    async fn read_audit_log(
        &self,
        filter: &AuditFilter,
        request: &PageRequest<u64>,
    ) -> Result<Page<Entry>, StoreError> {
        let Steps { from, comparison, direction, offset, rows } = Steps::to(request, true);
        let (from, actor) = (from.map(|seq| signed(*seq)), filter.actor.map(|id| id.0));
        let filters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&actor, Type::UUID),
            (&filter.action, Type::TEXT),
            (&filter.target_kind, Type::TEXT),
            (&filter.target_id, Type::TEXT),
        ];
        let client = self.pool.get().await?;
        let total = total_of(&client, &format!("audit_log WHERE {FILTER}"), &filters).await?;
        let statement = format!(
            "SELECT {COLUMNS} FROM audit_log WHERE {FILTER} AND ($5::bigint IS NULL OR seq {comparison} $5) \
             ORDER BY seq {direction} OFFSET $6 LIMIT $7"
        );
        let place: [(&(dyn ToSql + Sync), Type); 3] = [(&from, Type::INT8), (&offset, Type::INT8), (&rows, Type::INT8)];
        let parameters: Vec<_> = filters.into_iter().chain(place).collect();
        let rows = client.query_typed(&statement, &parameters).await?;
        page_of(rows, request, total, entry)
    }

    async fn record_alone(&self, deed: Deed) -> Result<(), StoreError> {
        let deed = &deed;
        self.pool.transaction(|transaction| async move { record(&transaction, deed.clone()).await }).await
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

impl AuditRepository for PgStore {
    async fn write_down(&self, deed: Deed) -> Found<()> {
        Ok(self.record_alone(deed).await?)
    }

    async fn audit_entries(&self, filter: &AuditFilter, page: &PageRequest<u64>) -> Found<Page<Entry>> {
        Ok(self.read_audit_log(filter, page).await?)
    }

    async fn verify_audit_log(&self) -> Found<Verification> {
        Ok(self.check_audit_log().await?)
    }
}
