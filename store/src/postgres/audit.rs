//! Audit log, writing: an entry is written in the transaction of the change that it tells of, one after the other, for
//! each entry's hash covers the one before. Triggers have noted what the transaction changed
//! (`migrations/0005_operations.up.sql`), when it was begun for an administrator.

use domain::{
    audit::{
        Actor, AuditEntry, Deed, GENESIS, Hash,
        changes::{AuditedChange, AuditedChanges},
    },
    ids::AccountId,
};
use jiff::Timestamp;
use serde_json::json;
use tokio_postgres::{
    Row,
    types::{Json, Type},
};

use super::{connection::Statements, rows::StoreError};

/// Writers of the log take this advisory lock, and with it their turn, until their transaction ends. So a transaction writes its
/// entry last.
const TURN: &str = "SELECT pg_advisory_xact_lock(hashtext('boxoffice audit log'))";

const LAST: &str = "SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1";

const INSERT: &str = "INSERT INTO audit_log (seq, at, actor_id, action, target_kind, target_id, details, address, request_id, \
    hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const IS_WRITTEN: &str = "SELECT 1 FROM audit_log WHERE target_kind = $1 AND target_id = $2 AND action = $3 LIMIT 1";

/// In this order: what is there, and then its end.
const TAKE_CHANGES: &str = "SELECT coalesce(current_setting('boxoffice.changes', true), ''), \
    coalesce(nullif(current_setting('boxoffice.changes_left_out', true), ''), '0')::bigint, \
    set_config('boxoffice.changes', '', true), set_config('boxoffice.changes_left_out', '', true)";

/// What the transaction has changed and no entry tells of yet; nothing unless it was begun for an administrator.
pub(super) async fn take_changes(client: &impl Statements) -> Result<AuditedChanges, StoreError> {
    let rows = client.query_typed(TAKE_CHANGES, &[]).await?;
    let Some(row) = rows.first() else { return Ok(AuditedChanges::default()) };
    let steps = row.try_get::<_, &str>(0)?.lines().map(serde_json::from_str::<AuditedChange>);
    let steps = steps.collect::<Result<Vec<_>, _>>().map_err(|error| StoreError::Row(format!("a change: {error}")))?;
    Ok(AuditedChanges::of(steps, u64::try_from(row.try_get::<_, i64>(1)?).unwrap_or(0)))
}

/// Writes a deed down with all that the transaction has changed so far. Call it last: others wait until that transaction ends.
pub(super) async fn record(client: &impl Statements, deed: Deed) -> Result<(), StoreError> {
    let changes = take_changes(client).await?;
    write(client, deed.with(&changes)).await
}

/// The same, unless the same was done to the same thing before.
pub(super) async fn record_once(client: &impl Statements, deed: Deed) -> Result<(), StoreError> {
    client.query_typed(TURN, &[]).await?;
    let action = deed.action.as_str();
    let parameters =
        [(&deed.target_kind as _, Type::TEXT), (&deed.target_id as _, Type::TEXT), (&action as _, Type::TEXT)];
    if client.query_typed(IS_WRITTEN, &parameters).await?.is_empty() {
        record(client, deed).await?;
    }
    Ok(())
}

/// Writes down what the transaction of an administrator has changed and nobody has said a word about, after the first of the things.
pub(super) async fn record_rest(client: &impl Statements, actor: Actor) -> Result<(), StoreError> {
    let changes = take_changes(client).await?;
    let Some(first) = changes.first() else { return Ok(()) };
    let (action, target_kind, target_id) = (first.action(), first.kind.clone(), first.id.clone());
    let deed = Deed { at: Timestamp::now(), actor, action, target_kind, target_id, details: json!({}) };
    write(client, deed.with(&changes)).await
}

/// Writes a deed down as it is.
pub(super) async fn write(client: &impl Statements, deed: Deed) -> Result<(), StoreError> {
    client.query_typed(TURN, &[]).await?;
    let (seq, previous) = match client.query_typed(LAST, &[]).await?.first() {
        Some(row) => (number(row)? + 1, hash(row)?),
        None => (1, GENESIS),
    };
    let entry = AuditEntry::after(seq, &previous, deed);
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

pub(super) fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn number(row: &Row) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<_, i64>("seq")?).map_err(|error| StoreError::Row(format!("seq: {error}")))
}

fn hash(row: &Row) -> Result<Hash, StoreError> {
    let bytes: &[u8] = row.try_get("hash")?;
    bytes.try_into().map_err(|_| StoreError::Row("a hash of the audit log".to_owned()))
}

/// An entry from a row of the log.
pub(super) fn entry(row: &Row) -> Result<AuditEntry, StoreError> {
    let Json(details) = row.try_get("details")?;
    Ok(AuditEntry {
        seq: number(row)?,
        at: row.try_get("at")?,
        actor_id: row.try_get::<_, Option<uuid::Uuid>>("actor_id")?.map(AccountId),
        action: row.try_get("action")?,
        target_kind: row.try_get("target_kind")?,
        target_id: row.try_get("target_id")?,
        details,
        address: row.try_get("address")?,
        request_id: row.try_get("request_id")?,
        hash: hash(row)?,
    })
}
