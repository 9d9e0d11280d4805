//! Sessions: a sign-in on one device, kept up by refresh tokens of which each is good for one use.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::{
    accounts::{Account, AccountStatus},
    ids::{AccountId, SessionId},
    repositories::Found,
    secrets::TokenHash,
};

/// Longest user agent that is kept, in characters.
const USER_AGENT_CHARS_MAX: usize = 300;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub account_id: AccountId,
    /// The program, as it calls itself.
    pub user_agent: Option<String>,
    /// Where it was used last.
    pub address: Option<IpAddr>,
    pub created_at: Timestamp,
    /// When it was refreshed last.
    pub last_used_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
}

/// Access tokens that are refused before their time is over.
#[derive(Clone, Copy, Debug)]
pub enum Revocation {
    /// Those of an account that were issued before this instant.
    Account(AccountId, Timestamp),
    /// Those of a session that ended at this instant.
    Session(SessionId, Timestamp),
}

/// From where somebody signs in.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// The program, as it calls itself.
    pub user_agent: Option<String>,
    pub address: Option<IpAddr>,
}

impl Device {
    /// Keeps what can be shown of a user agent.
    pub fn new(user_agent: Option<&str>, address: Option<IpAddr>) -> Self {
        let shown = |text: &str| text.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS_MAX).collect();
        Self { user_agent: user_agent.map(shown), address }
    }
}

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Without a refresh.
    pub idle: Duration,
    /// In all, however often it is refreshed.
    pub age_max: Duration,
    /// How long a used refresh token may be used once more, because its answer was lost or two tabs refreshed at once.
    pub grace: Duration,
}

impl SessionLimits {
    /// When a session that began at `created_at` and is used now ends.
    pub fn expires_at(&self, created_at: Timestamp, now: Timestamp) -> Timestamp {
        later(now, self.idle).min(later(created_at, self.age_max))
    }
}

fn later(instant: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| instant.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}

/// What is known about a refresh token that somebody sent.
///
/// Within the grace a token may get several successors. They are siblings, of which one lives: the first use of one ends the
/// others. So nobody keeps a session up beside its owner without one of the two being noticed.
#[derive(Clone, Copy, Debug)]
pub struct Presented {
    /// When it was used first.
    pub used_at: Option<Timestamp>,
    /// Whether a sibling of it was used.
    pub sibling_used: bool,
    /// When its session ends.
    pub expires_at: Timestamp,
    /// Whether its session was ended.
    pub revoked: bool,
    pub status: AccountStatus,
}

/// What to do with a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Give another one for it.
    Rotate,
    /// It, or a sibling of it, was used before: somebody else has it. Its session ends, for the thief and for the owner.
    Stolen,
    /// It is good for nothing any more.
    Dead,
}

impl Presented {
    pub fn judge(&self, now: Timestamp, limits: &SessionLimits) -> Verdict {
        if self.revoked || self.expires_at <= now || self.status != AccountStatus::Active {
            return Verdict::Dead;
        }
        match self.used_at {
            _ if self.sibling_used => Verdict::Stolen,
            // Two who come at once may both have looked at the clock before the other's use.
            Some(used_at) if limits.grace.is_zero() || later(used_at, limits.grace) < now => Verdict::Stolen,
            _ => Verdict::Rotate,
        }
    }
}

/// What became of a refresh token.
#[derive(Debug)]
pub enum Refreshed {
    /// Its successor is stored; this is its account, and when the session ends unless it is refreshed again.
    Rotated(Box<Account>, Timestamp),
    /// It had been used before; the session is over, and so are the account's access tokens.
    Stolen(Box<Account>),
    /// There is no such token, or it is over.
    Dead,
}

/// A session that begins, with what its device gets.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub session: Session,
    /// Its first refresh token.
    pub token: TokenHash,
    /// By what the device will be known as one that has signed in to the account.
    pub device: TokenHash,
}

/// What a sign-in has looked at. Checking a password takes its time, and all of it may have changed by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The hash that the password was checked against.
    pub password_hash: String,
    /// [`Account::tokens_not_before`], which moves with a new password, role or status, and when all sessions are ended.
    pub tokens_not_before: Timestamp,
}

/// Most devices of an account that are remembered: those that signed in last.
pub const DEVICES_MAX: u32 = 20;

#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Begins a session, and remembers the device, if the account is still what was checked, and active. Whether it is: a
    /// change of it is either seen here, or sees the session and ends it.
    async fn open_session(&self, new: &NewSession, checked: &Checked) -> Found<bool>;

    /// Whether somebody has signed in on this device to the account with this address, and is one of its last
    /// [`DEVICES_MAX`].
    async fn is_known_device(&self, email: &str, device: TokenHash) -> Found<bool>;

    /// Uses a refresh token of a session and stores its successor, in one transaction.
    async fn refresh_session(
        &self,
        id: SessionId,
        token: TokenHash,
        successor: TokenHash,
        device: &Device,
        now: Timestamp,
        limits: &SessionLimits,
    ) -> Found<Refreshed>;

    /// The live sessions of an account, the hundred used last, the latest first.
    async fn sessions_of(&self, account: AccountId, now: Timestamp) -> Found<Vec<Session>>;

    /// Ends the session of a refresh token, if that is one of its tokens. Whose it was, if it was live.
    async fn end_session_of_token(&self, id: SessionId, token: TokenHash, now: Timestamp) -> Found<Option<AccountId>>;

    /// Ends a session of an account; whether there was a live one.
    async fn end_session(&self, account: AccountId, id: SessionId, now: Timestamp) -> Found<bool>;

    /// Ends all sessions of an account, and refuses its access tokens issued until now. Since when they are good again.
    async fn end_sessions(&self, account: AccountId, now: Timestamp) -> Found<Timestamp>;
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SessionLimits = SessionLimits {
        idle: Duration::from_secs(100),
        age_max: Duration::from_secs(250),
        grace: Duration::from_secs(10),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn presented() -> Presented {
        Presented {
            used_at: None,
            sibling_used: false,
            expires_at: at(100),
            revoked: false,
            status: AccountStatus::Active,
        }
    }

    #[test]
    fn a_token_is_good_once_and_for_a_short_grace() {
        assert_eq!(presented().judge(at(99), &LIMITS), Verdict::Rotate);
        let used = Presented { used_at: Some(at(20)), ..presented() };
        assert_eq!(used.judge(at(30), &LIMITS), Verdict::Rotate, "its answer may have been lost");
        assert_eq!(used.judge(at(31), &LIMITS), Verdict::Stolen);
    }

    #[test]
    fn of_siblings_the_first_that_is_used_is_good() {
        let late = Presented { sibling_used: true, ..presented() };
        assert_eq!(late.judge(at(1), &LIMITS), Verdict::Stolen, "no grace: it is the other one that its owner has");
    }

    #[test]
    fn what_is_over_is_dead_and_no_theft() {
        let used = Presented { used_at: Some(at(1)), sibling_used: true, ..presented() };
        for dead in [
            Presented { revoked: true, ..used },
            Presented { expires_at: at(50), ..used },
            Presented { status: AccountStatus::Suspended, ..used },
        ] {
            assert_eq!(dead.judge(at(50), &LIMITS), Verdict::Dead, "{dead:?}");
        }
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
        assert_eq!(LIMITS.expires_at(at(0), at(0)), at(100));
        assert_eq!(LIMITS.expires_at(at(0), at(90)), at(190));
        assert_eq!(LIMITS.expires_at(at(0), at(180)), at(250));
    }

    #[test]
    fn a_user_agent_is_shortened_and_has_no_control_characters() {
        let device = Device::new(Some(&format!("a\u{1b}[31m{}", "x".repeat(400))), None);
        let shown = device.user_agent.unwrap();
        assert!(shown.starts_with("a[31mx") && shown.chars().count() == 300, "{shown}");
    }
}
