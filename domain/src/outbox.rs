//! The outbox: mails are queued in the transaction of the change that causes them, and sent afterwards. So a mail is sent
//! exactly for what was committed, and nothing waits for a mail server.
//!
//! Mails are sent at least once. Between the moment when a mail server has taken a mail and the moment when that is noted,
//! a crash makes the mail be sent again, with the same `Message-ID`.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    ids::MailId,
    mail::{Message, Rank, Site},
    repositories::Found,
};

/// A queued mail, claimed by somebody who tries to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The same in each try, so that a receiver can tell a repetition.
    pub id: MailId,
    pub message: Message,
    /// When what it tells of happened.
    pub queued_at: Timestamp,
    /// Which try this is, from 1. It is counted when the mail is claimed: one that kills its sender each time is given up
    /// as well.
    pub attempt: u32,
    /// The end of the claim. No two claims of a mail have the same, so it proves whose claim is the present one.
    pub leased_until: Timestamp,
    /// Earlier tries whose text was handed over without an answer: as many copies may have arrived.
    pub unanswered: u32,
    /// What the mail tells of the site.
    pub site: Arc<Site>,
}

impl Mail {
    /// How soon it is wanted.
    pub fn rank(&self) -> Rank {
        self.message.template.rank()
    }
}

/// How many mails can be taken on now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSlots {
    /// Of any rank.
    pub all: u32,
    /// Of these so many of [`Rank::Usual`] at most.
    pub usual: u32,
}

/// How many mails may be handed over now, by the pace that the mail server allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turns {
    /// Of any rank.
    pub all: u32,
    /// Of these so many of [`Rank::Usual`].
    pub usual: u32,
    /// When there are none of one of them: how long until there is one.
    pub next: Duration,
}

impl Turns {
    /// No limit.
    pub const UNLIMITED: Self = Self { all: u32::MAX, usual: u32::MAX, next: Duration::ZERO };
}

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
    /// A mail that has waited for so long is given up, however seldom it was tried.
    pub patience: Duration,
    /// What was sent or given up is deleted after this time.
    pub retention: Duration,
}

/// Where mails wait. Several servers may take from it at once: a claimed mail is nobody else's until its lease ends.
pub trait MailQueue: Send + Sync + 'static {
    /// Claims mails that are due and have been tried less often than `attempts_max`, for the time of `lease`: as many as there
    /// is room for, those of [`Rank::Awaited`] first.
    fn claim(
        &self,
        room: FreeSlots,
        lease: Duration,
        attempts_max: u32,
    ) -> impl Future<Output = Found<Vec<Mail>>> + Send;

    /// Notes that a mail server has taken it. What it told is forgotten.
    fn sent(&self, mail: &Mail) -> impl Future<Output = Found<()>> + Send;

    /// Notes that it was not sent, and is due again after `wait`. Changes nothing if somebody else has claimed it since.
    fn again(&self, mail: &Mail, reason: &str, wait: Duration) -> impl Future<Output = Found<()>> + Send;

    /// The same of a mail whose text was handed over and not answered: a copy of it may have arrived.
    fn unanswered(&self, mail: &Mail, reason: &str, wait: Duration) -> impl Future<Output = Found<()>> + Send;

    /// Gives the claim back as if there had been none, and notes why, if there is a reason: the mail itself was not judged, so
    /// no try is counted. It is due after `wait`. Changes nothing if somebody else has claimed it since.
    fn postpone(&self, mail: &Mail, reason: Option<&str>, wait: Duration) -> impl Future<Output = Found<()>> + Send;

    /// Gives it up: a dead letter. Changes nothing if somebody else has claimed it since.
    fn give_up(&self, mail: &Mail, reason: &str) -> impl Future<Output = Found<()>> + Send;

    /// Deletes what is old, and gives up what was tried too often or has waited too long. Tells how many were given up.
    fn tidy(&self, upkeep: &Upkeep) -> impl Future<Output = Found<u64>> + Send;

    fn state(&self) -> impl Future<Output = Found<QueueState>> + Send;
}

/// Why a mail was not sent. The text is kept and shown to operators: without the recipient's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No mail server was asked, and no later try with this program and its configuration would succeed.
    #[error("{0}")]
    Impossible(String),
    /// The mail server takes no mails at all now: it can't be reached, refuses the password or the sender, or closes. Says nothing
    /// about this mail.
    #[error("{0}")]
    Unavailable(String),
    /// The mail server refuses this mail for now, or for a reason that may pass.
    #[error("{0}")]
    Deferred(String),
    /// The mail server refuses this mail for good.
    #[error("{reason}")]
    Rejected {
        reason: String,
        /// Whether it is the recipient's address that it does not like.
        address: bool,
    },
    /// The text was handed over, and no answer came: nobody knows whether it was taken.
    #[error("{0}")]
    Unanswered(String),
}

/// How far a try has come, told by who sends to who watches.
#[derive(Debug, Default)]
pub struct Handover(AtomicBool);

impl Handover {
    /// The text goes out from now on: the mail server may take it, whatever happens to us.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the mail server may have taken it.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

pub trait SendMail: Send + Sync + 'static {
    /// How many mails may be handed over now. Taken by [`SendMail::take_turn`], so that a mail is claimed when it has its turn.
    fn turns(&self) -> Turns {
        Turns::UNLIMITED
    }

    /// Takes the turn of one mail of that rank.
    fn take_turn(&self, _rank: Rank) {}

    /// Hands the mail over. May be dropped at any moment: callers have a deadline.
    fn send(&self, mail: &Mail, handover: &Handover) -> impl Future<Output = Result<(), SendError>> + Send;
}
