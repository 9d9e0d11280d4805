//! The audit log for administrators. It is written by whoever does what it tells of, and changed by nobody.

pub(crate) mod endpoints;

use std::{net::IpAddr, sync::Arc};

use application::app::App;
use boxoffice_http::{lists::ListRequest, problem::Problem, reply::Reply, request::Request};
use domain::{
    audit::{AuditEntry, Verification, changes},
    ids::AccountId,
    lists::declared,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// `GET /admin/audit-log`
pub async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let list = ListRequest::read(&request, &declared::AUDIT_LOG)?;
    list.reply(&app.store.audit_entries(&list.query).await?, EntryJson::from)
}

/// `GET /admin/audit-log/verification`
pub async fn verify(app: Arc<App>, _: Request) -> Result<Reply, Problem> {
    let verification = app.store.verify_audit_log().await?;
    if let Some(seq) = verification.broken_at {
        tracing::error!(seq, "the audit log was tampered with");
    }
    Reply::ok(&VerificationJson::from(verification))
}

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
#[serde(rename_all = "camelCase")]
struct EntryJson<'a> {
    seq: u64,
    at: Timestamp,
    /// The account; nothing for who operates the server, by its command line or its operations listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    actor_id: Option<AccountId>,
    action: &'a str,
    target_kind: &'a str,
    target_id: &'a str,
    /// What it was about.
    #[schema(value_type = Object)]
    details: Value,
    /// The values before and after. Passwords and the like are never among them, and long texts are cut.
    changes: Vec<ChangeJson<'a>>,
    /// How many more things were changed than are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    changes_left_out: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<&'a str>,
    hash: String,
}

impl<'a> From<&'a AuditEntry> for EntryJson<'a> {
    fn from(entry: &'a AuditEntry) -> Self {
        let mut details = entry.details.clone();
        if let Some(members) = details.as_object_mut() {
            members.remove(changes::MEMBER);
            members.remove(changes::LEFT_OUT);
        }
        let told = entry.details.get(changes::MEMBER).and_then(Value::as_array);
        Self {
            changes: told.into_iter().flatten().filter_map(ChangeJson::of).collect(),
            changes_left_out: entry.details.get(changes::LEFT_OUT).and_then(Value::as_u64),
            seq: entry.seq,
            at: entry.at,
            actor_id: entry.actor_id,
            action: &entry.action,
            target_kind: &entry.target_kind,
            target_id: &entry.target_id,
            details,
            address: entry.address,
            request_id: entry.request_id.as_deref(),
            hash: hexadecimal(&entry.hash),
        }
    }
}

/// What became of one thing: of one that was changed, what of it is different; of one that was made or deleted, all of it.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditChange)]
struct ChangeJson<'a> {
    /// What kind of thing, such as `ticket-type`.
    kind: &'a str,
    id: &'a str,
    /// There unless it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    before: Option<&'a Value>,
    /// There unless it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    after: Option<&'a Value>,
}

impl<'a> ChangeJson<'a> {
    fn of(change: &'a Value) -> Option<Self> {
        let text = |name| change.get(name).and_then(Value::as_str);
        Some(Self { kind: text("kind")?, id: text("id")?, before: change.get("before"), after: change.get("after") })
    }
}

/// What came of a check of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditVerification)]
#[serde(rename_all = "camelCase")]
struct VerificationJson {
    /// Whether all entries are as they were written.
    intact: bool,
    entries: u64,
    /// The first entry that is missing or not what it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    broken_at: Option<u64>,
    /// Of the last entry that is right: kept elsewhere, it also shows when entries are missing at the end.
    last_hash: String,
}

impl From<Verification> for VerificationJson {
    fn from(verification: Verification) -> Self {
        Self {
            intact: verification.broken_at.is_none(),
            entries: verification.entries,
            broken_at: verification.broken_at,
            last_hash: hexadecimal(&verification.last_hash),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
