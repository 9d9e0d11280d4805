//! Jobs: what is done after a commit and outside of the database. They are queued in the transaction that causes them, so each is done exactly
//! if that was committed; and more than once, if a worker dies between doing it and noting that, so each is idempotent.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{BookingId, EventId, JobId, PaymentId, RefundId, VenueId},
    repository_error::{Found, RepositoryError},
};

/// What is to be done. In JSON, `kind` names the variant; what was once queued must stay readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobPayload {
    /// Ask the gateway to give money back.
    Refund { refund_id: RefundId },
    /// Tell the gateway to take no money for an attempt any more.
    ClosePayment { payment_id: PaymentId },
    /// Ask the gateway what has become of an attempt that is open.
    CheckPayment { payment_id: PaymentId },
    /// Apply a message of a gateway that is stored.
    ApplyMessage { provider: String, message_id: String },
    /// Tell the buyer by mail.
    Notify { booking_id: BookingId, notice: Notice },
    /// Tell all who have booked an event that it is at another time or place now.
    EventChanged {
        event_id: EventId,
        /// As they know it.
        was: EventDate,
        /// All bookings up to this one are told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<BookingId>,
    },
}

/// When and where an event is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDate {
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub venue_id: VenueId,
    /// What the venue is called.
    pub venue: String,
}

/// What a buyer is told of a booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    Confirmed,
    /// Some or all of its places were given back.
    Cancelled,
    PaymentFailed {
        payment_id: PaymentId,
    },
    ExpiringSoon,
    /// The money came too late, or twice, and goes back.
    MoneyReturned {
        refund_id: RefundId,
    },
    Refunded {
        refund_id: RefundId,
    },
}

impl JobPayload {
    /// The names of all kinds that this version can do. An older server leaves a newer one's to it.
    pub const KINDS: [&str; 6] =
        ["refund", "close_payment", "check_payment", "apply_message", "notify", "event_changed"];

    /// The name of the kind in the database.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refund { .. } => "refund",
            Self::ClosePayment { .. } => "close_payment",
            Self::CheckPayment { .. } => "check_payment",
            Self::ApplyMessage { .. } => "apply_message",
            Self::Notify { .. } => "notify",
            Self::EventChanged { .. } => "event_changed",
        }
    }

    /// Jobs of one key are done one after the other.
    pub fn key(&self) -> String {
        match self {
            Self::Refund { refund_id } => format!("refund:{refund_id}"),
            Self::ClosePayment { payment_id } | Self::CheckPayment { payment_id } => format!("payment:{payment_id}"),
            Self::ApplyMessage { provider, message_id } => format!("message:{provider}:{message_id}"),
            Self::Notify { booking_id, .. } => format!("booking:{booking_id}"),
            Self::EventChanged { event_id, .. } => format!("event:{event_id}"),
        }
    }
}

/// A job that somebody has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub payload: JobPayload,
    pub queued_at: Timestamp,
    /// Since when it could have been done: it was first due then, or a dead letter was queued anew.
    pub waits_since: Timestamp,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// Tries just before this one whose worker did not live to tell what became of them.
    pub lost: u32,
    /// The end of the claim. No two claims of a job have the same, so it proves whose claim is the present one.
    pub leased_until: Timestamp,
}

/// Why a job is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It was not judged: what it needs is away, or its time has not come. No try is counted.
    #[error("{reason}")]
    Postponed { reason: String, wait: Duration },
    /// It may succeed later.
    #[error("{0}")]
    Failed(String),
    /// It will never succeed.
    #[error("{0}")]
    Hopeless(String),
}

/// When what is away is tried again.
const AWAY: Duration = Duration::from_secs(5);

impl From<RepositoryError> for JobError {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Unavailable(_) | RepositoryError::RolledBack(_) => {
                Self::Postponed { reason: error.to_string(), wait: AWAY }
            }
            RepositoryError::Data(_) | RepositoryError::Broken(_) => Self::Failed(error.to_string()),
        }
    }
}

/// Does jobs.
#[async_trait]
pub trait HandleJob: Send + Sync + 'static {
    async fn handle(&self, job: &Job) -> Result<(), JobError>;
}

/// How the jobs of a kind stand.
#[derive(Clone, Debug, PartialEq)]
pub struct KindState {
    pub kind: String,
    /// That are to be done, those under way and those that are not due yet included.
    pub pending: u64,
    /// That were given up.
    pub dead: u64,
    /// How long the oldest one could have been done; nothing of one that is not due yet for the first time.
    pub oldest: Duration,
}

/// Where jobs wait. Several servers may take from it at once: a claimed job is nobody else's until its lease ends.
#[async_trait]
pub trait JobQueue: Send + Sync + 'static {
    /// Claims jobs of a kind that are due, at most `limit`: no two of a key at once, and those of a key in the order in which they were
    /// queued. One that is due later, and was not tried yet, holds up none.
    async fn claim(&self, kind: &str, limit: u32, lease: Duration) -> Found<Vec<Job>>;

    /// It is done: it is forgotten.
    async fn done(&self, job: &Job) -> Found<()>;

    /// It is due again after `wait`. Changes nothing if somebody else has claimed it since. The try counts if `counted`.
    async fn again(&self, job: &Job, reason: &str, wait: Duration, counted: bool) -> Found<()>;

    /// Gives it up: a dead letter. Changes nothing if somebody else has claimed it since.
    async fn give_up(&self, job: &Job, reason: &str) -> Found<()>;

    /// Of each kind that has any.
    async fn state(&self) -> Found<Vec<KindState>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<JobPayload> {
        let (booking_id, payment_id, refund_id) = (BookingId::generate(), PaymentId::generate(), RefundId::generate());
        let venue_id = VenueId::generate();
        let now = Timestamp::UNIX_EPOCH;
        vec![
            JobPayload::Refund { refund_id },
            JobPayload::ClosePayment { payment_id },
            JobPayload::CheckPayment { payment_id },
            JobPayload::ApplyMessage { provider: "stripe".to_owned(), message_id: "evt_1".to_owned() },
            JobPayload::Notify { booking_id, notice: Notice::PaymentFailed { payment_id } },
            JobPayload::EventChanged {
                event_id: EventId::generate(),
                was: EventDate { starts_at: now, ends_at: now, venue_id, venue: "Opera".to_owned() },
                after: None,
            },
        ]
    }

    /// Guards: what SQL writes by hand and older servers have queued.
    #[test]
    fn a_payload_is_read_as_it_was_written_and_named_by_its_kind() {
        for (payload, kind) in all().into_iter().zip(JobPayload::KINDS) {
            let json = serde_json::to_value(&payload).unwrap();
            assert_eq!((json["kind"].as_str(), payload.kind()), (Some(kind), kind));
            assert_eq!(serde_json::from_value::<JobPayload>(json).unwrap(), payload);
        }
        let booking_id = BookingId::generate();
        let written = format!(r#"{{"kind":"notify","booking_id":"{booking_id}","notice":{{"notice":"confirmed"}}}}"#);
        let read: JobPayload = serde_json::from_str(&written).unwrap();
        assert_eq!(read, JobPayload::Notify { booking_id, notice: Notice::Confirmed });
    }

    /// Guards: that what closes a payment and what asks about it take turns.
    #[test]
    fn jobs_about_one_thing_have_one_key() {
        let keys: Vec<_> = all().iter().map(JobPayload::key).collect();
        assert_eq!(keys[1], keys[2]);
        assert_eq!(keys.iter().collect::<std::collections::HashSet<_>>().len(), keys.len() - 1);
    }
}
