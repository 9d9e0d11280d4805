//! Dead letters: jobs and mails that were given up, and wait for somebody who looks after them.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    lists::{ListQuery, Page},
    repository_error::Found,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: Uuid,
    /// Which job it is, such as `REFUND`, or which mail, such as `RESET_PASSWORD`.
    pub kind: String,
    /// What it is about: of a job the thing, such as `refund:0198…`, of a mail its recipient, masked.
    pub subject: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was given up.
    pub last_error: Option<String>,
    /// When what it is about happened.
    pub created_at: Timestamp,
    /// When it was given up.
    pub ended_at: Timestamp,
}

/// Some of the dead letters; all of them by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhichDead {
    /// Of this kind.
    pub kind: Option<String>,
    /// Given up at that time or later.
    pub since: Option<Timestamp>,
}

#[async_trait]
pub trait DeadLetters: Send + Sync {
    async fn dead_letters(&self, query: &ListQuery) -> Found<Page<DeadLetter>>;

    /// Queues one again, with all its tries. `false` when there is no such dead letter.
    async fn retry_dead_letter(&self, id: Uuid) -> Found<bool>;

    /// Queues all of these again. How many they are.
    async fn retry_dead_letters(&self, which: &WhichDead) -> Found<u64>;
}
