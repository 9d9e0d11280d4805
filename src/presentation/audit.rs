//! The audit log for administrators (O7). It is written by whoever does what it tells of, and changed by nobody.

pub(super) mod docs;

use std::{net::IpAddr, sync::Arc};

use domain::{
    audit::{AuditFilter, AuditRepository, Entry, Verification},
    ids::AccountId,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{browsing::List, problem::Problem, reply::Reply, request::Request};
use crate::application::app::{Adapters, App};

/// `GET /admin/audit-log`
pub async fn list<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    let mut query = request.query();
    let filter = AuditFilter {
        actor: query.value("actorId", "an account's id"),
        action: query.text("action").map(String::from),
        target_kind: query.text("targetKind").map(String::from),
        target_id: query.text("targetId").map(String::from),
    };
    let list = List::asked(&request);
    let wanted = list.page_request(&mut query);
    query.finish()?;
    let page = app.store.audit_entries(&filter, &wanted).await?;
    list.reply(&page, &wanted, |entry| entry.seq, EntryJson::from)
}

/// `GET /admin/audit-log/verification`
pub async fn verify<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
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
    /// The account; nothing for the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    actor_id: Option<AccountId>,
    action: &'a str,
    target_kind: &'a str,
    target_id: &'a str,
    /// What changed.
    #[schema(value_type = Object)]
    details: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<&'a str>,
    hash: String,
}

impl<'a> From<&'a Entry> for EntryJson<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at,
            actor_id: entry.actor_id,
            action: &entry.action,
            target_kind: &entry.target_kind,
            target_id: &entry.target_id,
            details: &entry.details,
            address: entry.address,
            request_id: entry.request_id.as_deref(),
            hash: hexadecimal(&entry.hash),
        }
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
