//! What the sandbox remembers: documents by id.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentKind {
    Intent,
    Refund,
    /// To the webhook.
    Message,
}

impl DocumentKind {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Refund => "refund",
            Self::Message => "message",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Intent, Self::Refund, Self::Message].into_iter().find(|kind| kind.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub id: String,
    pub kind: DocumentKind,
    pub created_at: Timestamp,
    /// When there is something to do about it.
    pub due_at: Option<Timestamp>,
    pub body: Value,
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("the sandbox's store is away: {0}")]
pub struct StoreError(pub String);

/// Several servers may share one.
#[async_trait]
pub trait SandboxStore: Send + Sync + 'static {
    /// Adds or replaces all of these, or none. When it returns, they survive the end of the process.
    async fn save(&self, documents: Vec<Document>) -> Result<(), StoreError>;

    async fn find(&self, id: &str) -> Result<Option<Document>, StoreError>;

    /// Those of a kind that were made in that time, newest first.
    async fn list(&self, kind: DocumentKind, made: RangeInclusive<Timestamp>) -> Result<Vec<Document>, StoreError>;

    /// Those that were due at `now` or before, at most `limit`, the longest due first.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Document>, StoreError>;
}

/// A store for tests.
#[derive(Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Document>>);

impl MemoryStore {
    fn read<T>(&self, with: impl FnOnce(&BTreeMap<String, Document>) -> T) -> T {
        with(&self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[async_trait]
impl SandboxStore for MemoryStore {
    async fn save(&self, documents: Vec<Document>) -> Result<(), StoreError> {
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.extend(documents.into_iter().map(|document| (document.id.clone(), document)));
        Ok(())
    }

    async fn find(&self, id: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.read(|all| all.get(id).cloned()))
    }

    async fn list(&self, kind: DocumentKind, made: RangeInclusive<Timestamp>) -> Result<Vec<Document>, StoreError> {
        let is_wanted = |document: &&Document| document.kind == kind && made.contains(&document.created_at);
        let mut found: Vec<Document> = self.read(|all| all.values().filter(is_wanted).cloned().collect());
        found.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(found)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Document>, StoreError> {
        let is_due = |document: &&Document| document.due_at.is_some_and(|at| at <= now);
        let mut found: Vec<Document> = self.read(|all| all.values().filter(is_due).cloned().collect());
        found.sort_by_key(|document| document.due_at);
        found.truncate(limit);
        Ok(found)
    }
}
