//! The audit log: who did what to what, from where. Each entry's hash covers the one before it, so that anyone who changes,
//! removes or inserts an entry has to change all that follow, and the last hash that somebody wrote down elsewhere.

pub mod changes;

use std::net::IpAddr;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use strum::IntoStaticStr;

use crate::{
    ids::AccountId,
    lists::{ListQuery, Page},
    repository_error::Found,
};

/// Who acts, and from where.
#[derive(Clone, Debug, Default)]
pub struct Actor {
    /// The account; nothing for who operates the server, by its command line or its operations listener.
    pub account: Option<AccountId>,
    pub address: Option<IpAddr>,
    pub request_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// An account was made by the command line.
    AccountCreated,
    /// An account's role is another one.
    RoleChanged,
    /// An account may not sign in any more.
    AccountSuspended,
    /// It may again.
    AccountReinstated,
    /// Something of the catalogue was made; of what kind, the target says.
    Created,
    /// It is another one now.
    Changed,
    /// It is there no more.
    Deleted,
    /// Cached answers were deleted by hand.
    CacheCleared,
    /// What is known of people was looked at.
    Read,
    /// It was given out, to be kept elsewhere.
    Exported,
    /// A job or a mail that was given up is tried again.
    Retried,
}

impl Action {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What is to be written down; the log adds number and hash.
#[derive(Clone, Debug)]
pub struct Deed {
    pub at: Timestamp,
    pub actor: Actor,
    pub action: Action,
    /// To what kind of thing, such as `account`.
    pub target_kind: String,
    pub target_id: String,
    /// What it was about: `{"from": …, "to": …}` and the like, and what it has changed ([`changes`]). Holds no secrets.
    pub details: Value,
}

/// An entry as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Counted from 1, without gaps.
    pub seq: u64,
    /// When, to the microsecond.
    pub at: Timestamp,
    /// Who; nothing for who operates the server.
    pub actor_id: Option<AccountId>,
    pub action: String,
    /// To what kind of thing.
    pub target_kind: String,
    pub target_id: String,
    pub details: Value,
    pub address: Option<IpAddr>,
    pub request_id: Option<String>,
    /// Covers all above, and the hash of the entry before.
    pub hash: Hash,
}

/// The hash of an entry.
pub type Hash = [u8; 32];

/// What the first entry has in place of a predecessor's hash.
pub const GENESIS: Hash = [0; 32];

impl AuditEntry {
    /// The entry for `deed` after the one with `previous`.
    pub fn after(seq: u64, previous: &Hash, deed: Deed) -> Self {
        let at = Timestamp::from_microsecond(deed.at.as_microsecond()).unwrap_or(deed.at);
        let mut entry = Self {
            seq,
            at,
            actor_id: deed.actor.account,
            action: deed.action.as_str().to_owned(),
            target_kind: deed.target_kind,
            target_id: deed.target_id,
            details: deed.details,
            address: deed.actor.address,
            request_id: deed.actor.request_id,
            hash: GENESIS,
        };
        entry.hash = entry.digest(previous);
        entry
    }

    /// The hash that this entry must have after the one with `previous`. Every field goes in with its length, so that
    /// nothing can be moved from one into the next.
    pub fn digest(&self, previous: &Hash) -> Hash {
        let optional = |value: Option<String>| value.map_or_else(|| "-".to_owned(), |text| format!("+{text}"));
        let fields = [
            self.seq.to_string(),
            self.at.as_microsecond().to_string(),
            optional(self.actor_id.map(|id| id.to_string())),
            self.action.clone(),
            self.target_kind.clone(),
            self.target_id.clone(),
            // Members in alphabetical order: the database does not keep the order they came in.
            self.details.to_string(),
            optional(self.address.map(|address| address.to_string())),
            optional(self.request_id.clone()),
        ];
        let mut hasher = Sha256::new_with_prefix(previous);
        for field in &fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        hasher.finalize().into()
    }
}

/// What came of a check of the whole log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Entries that were checked.
    pub entries: u64,
    /// The first entry that is missing or not what it was.
    pub broken_at: Option<u64>,
    /// The hash of the last one that is right. Written down elsewhere, it also proves that none is missing at the end.
    pub last_hash: Hash,
}

/// Checks entries in their order, a few at a time.
#[derive(Debug)]
pub struct Verifier(Verification);

impl Default for Verifier {
    fn default() -> Self {
        Self(Verification { entries: 0, broken_at: None, last_hash: GENESIS })
    }
}

impl Verifier {
    /// Checks the next entry; false when it is broken, and then it is of no use to go on.
    pub fn check(&mut self, entry: &AuditEntry) -> bool {
        let Verification { entries, broken_at, last_hash } = &mut self.0;
        let expected = *entries + 1;
        if entry.seq != expected || entry.hash != entry.digest(last_hash) {
            *broken_at = Some(expected);
            return false;
        }
        (*entries, *last_hash) = (expected, entry.hash);
        true
    }

    pub fn finish(self) -> Verification {
        self.0
    }
}

/// Where the log is read. It is written by the repositories, in the transaction of what they write down; or by itself, for a deed
/// that changes nothing that is stored.
#[async_trait]
pub trait AuditRepository: Send + Sync {
    /// Writes a deed down by itself.
    async fn write_down(&self, deed: Deed) -> Found<()>;

    /// The same, unless the same was done to the same thing before: for what is made once, however often it is asked for.
    async fn write_down_once(&self, deed: Deed) -> Found<()>;

    /// Entries, newest first, by their number.
    async fn audit_entries(&self, query: &ListQuery) -> Found<Page<AuditEntry>>;

    /// Checks the whole log.
    async fn verify_audit_log(&self) -> Found<Verification>;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn log(count: u64) -> Vec<AuditEntry> {
        let mut previous = GENESIS;
        (1..=count)
            .map(|seq| {
                let actor = Actor {
                    account: Some(AccountId::generate()),
                    address: Some("203.0.113.7".parse().unwrap()),
                    request_id: Some("r".to_owned()),
                };
                let details = json!({ "to": "ADMIN", "from": "USER" });
                let at = Timestamp::from_microsecond(1_790_000_000_123_456).unwrap();
                let target_id = seq.to_string();
                let action = Action::RoleChanged;
                let entry = AuditEntry::after(
                    seq,
                    &previous,
                    Deed { at, actor, action, target_kind: "account".to_owned(), target_id, details },
                );
                previous = entry.hash;
                entry
            })
            .collect()
    }

    fn verify(entries: &[AuditEntry]) -> Verification {
        let mut verifier = Verifier::default();
        let _ = entries.iter().all(|entry| verifier.check(entry));
        verifier.finish()
    }

    #[test]
    fn an_untouched_log_is_right() {
        let entries = log(5);
        let verification = verify(&entries);
        assert_eq!((verification.entries, verification.broken_at), (5, None));
        assert_eq!(verification.last_hash, entries[4].hash);
    }

    #[test]
    fn a_change_of_any_field_shows() {
        type Change = fn(&mut AuditEntry);
        let changes: [Change; 10] = [
            |entry| entry.at = Timestamp::UNIX_EPOCH,
            |entry| entry.actor_id = None,
            |entry| entry.actor_id = Some(AccountId::generate()),
            |entry| entry.action.push('x'),
            |entry| entry.target_kind = "event".to_owned(),
            |entry| entry.target_id.push('x'),
            |entry| entry.details = json!({ "to": "USER", "from": "ADMIN" }),
            |entry| entry.address = None,
            |entry| entry.request_id = None,
            |entry| entry.hash = GENESIS,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut entries = log(5);
            change(&mut entries[2]);
            assert_eq!(verify(&entries).broken_at, Some(3), "change {number}");
        }
    }

    #[test]
    fn a_missing_moved_or_repeated_entry_shows() {
        let entries = log(5);
        let mut missing = entries.clone();
        missing.remove(1);
        let mut swapped = entries.clone();
        swapped.swap(1, 2);
        let mut repeated = entries.clone();
        repeated.insert(1, entries[1].clone());
        assert_eq!(verify(&missing).broken_at, Some(2));
        assert_eq!(verify(&swapped).broken_at, Some(2));
        assert_eq!(verify(&repeated).broken_at, Some(3));
        assert_eq!(verify(&entries[..4]).last_hash, entries[3].hash, "a missing end shows in the last hash only");
    }
}
