//! The outbox: mails are queued in the transaction of the change that causes them, and sent afterwards. So a mail is sent
//! exactly for what was committed, and nothing waits for a mail server.
//!
//! Mails are sent at least once. Between the moment when a mail server has taken a mail and the moment when that is noted,
//! a crash makes the mail be sent again, with the same `Message-ID`.

use std::{future::Future, time::Duration};

use jiff::Timestamp;

use crate::{ids::MailId, mail::Message, repositories::Found};

/// A queued mail, claimed by somebody who tries to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The same in each try, so that a receiver can tell a repetition.
    pub id: MailId,
    /// What it is.
    pub message: Message,
    /// When what it tells of happened.
    pub queued_at: Timestamp,
    /// Which try this is, from 1. It is counted when the mail is claimed: one that kills its sender each time is given up
    /// as well.
    pub attempt: u32,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct QueueState {
    /// Mails that are to be sent, those on their way included.
    pub pending: u64,
    /// Mails that were given up.
    pub dead: u64,
    /// How long the oldest one that is to be sent has waited.
    pub oldest: Duration,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Upkeep {
    /// A mail that was tried so often, without an outcome, is given up.
    pub attempts_max: u32,
    /// What was sent or given up is deleted after this time.
    pub retention: Duration,
}

/// Where mails wait. Several servers may take from it at once: a claimed mail is nobody else's until its lease ends.
pub trait MailQueue: Send + Sync + 'static {
    /// Claims up to `limit` mails that are due and have been tried less often than `attempts_max`, for the time of `lease`.
    fn claim(&self, limit: u32, lease: Duration, attempts_max: u32) -> impl Future<Output = Found<Vec<Mail>>> + Send;

    /// Notes that a mail server has taken it. What it told is forgotten.
    fn sent(&self, mail: &Mail) -> impl Future<Output = Found<()>> + Send;

    /// Notes that it was not sent, and is due again after `wait`. Changes nothing if somebody else has claimed it since.
    fn again(&self, mail: &Mail, reason: &str, wait: Duration) -> impl Future<Output = Found<()>> + Send;

    /// Gives it up: a dead letter. Changes nothing if somebody else has claimed it since.
    fn give_up(&self, mail: &Mail, reason: &str) -> impl Future<Output = Found<()>> + Send;

    /// Deletes what is old, and gives up what was tried too often. Tells how many were given up.
    fn tidy(&self, upkeep: &Upkeep) -> impl Future<Output = Found<u64>> + Send;

    /// How much waits.
    fn state(&self) -> impl Future<Output = Found<QueueState>> + Send;
}

/// Why a mail was not sent. The text is kept and shown to operators: without the recipient's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// A later try may succeed.
    #[error("{0}")]
    Transient(String),
    /// No try will.
    #[error("{0}")]
    Permanent(String),
}

/// Who sends mails.
pub trait SendMail: Send + Sync + 'static {
    /// Hands the mail over. May be dropped at any moment: whoever calls has a deadline.
    fn send(&self, mail: &Mail) -> impl Future<Output = Result<(), SendError>> + Send;
}
