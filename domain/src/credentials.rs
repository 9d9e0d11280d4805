//! What proves who somebody is besides a session: the password, and links in mails.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use strum::IntoStaticStr;

use crate::{
    accounts::Account, ids::AccountId, mail::Message, repositories::Found, secrets::TokenHash, sessions::NewSession,
};

/// A link that was mailed so short a time ago is not followed by another: anybody can ask for one for any address.
pub const LINK_EVERY: Duration = Duration::from_secs(5 * 60);
/// So many links for one purpose work at once, the latest: a mail that somebody else has asked for does not make useless the one
/// that its reader is about to follow.
pub const LINKS_MAX: u32 = 2;

/// What a link in a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum LinkPurpose {
    /// Proves that somebody reads the mail at their address.
    VerifyEmail,
    /// Lets them choose a new password.
    ResetPassword,
}

impl LinkPurpose {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A link that works once.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// What is kept of its token.
    pub hash: TokenHash,
    pub purpose: LinkPurpose,
    pub created_at: Timestamp,
    /// When it stops to work.
    pub expires_at: Timestamp,
}

impl Link {
    /// A link that was made after this instant is young: while it works, this one is not mailed.
    pub fn young_since(&self) -> Timestamp {
        let before =
            SignedDuration::try_from(LINK_EVERY).ok().and_then(|young| self.created_at.checked_sub(young).ok());
        before.unwrap_or(Timestamp::MIN)
    }
}

/// A password that takes the place of one that somebody has shown to know.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'c> {
    pub account: AccountId,
    /// The hash that the old one was checked against.
    pub checked: &'c str,
    /// The hash of the new one.
    pub new: &'c str,
}

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// There is a new account.
    New,
    /// Another account has the address; its owner is told.
    Taken,
}

/// Where passwords and links are stored. Mails are queued in the transaction of the change that they tell of.
#[async_trait]
pub trait CredentialRepository: Send + Sync {
    /// Adds an account with a link to verify its address, and queues the mail with it. If another account has the address,
    /// queues what `to_owner` says for that one instead, if anything, after as much work.
    async fn register(
        &self,
        account: &Account,
        password_hash: &str,
        link: &Link,
        mail: &Message,
        to_owner: Option<for<'a> fn(&'a Account) -> Message>,
    ) -> Found<Registered>;

    /// The account with that address, and the hash of its password.
    async fn account_by_email(&self, email: &str) -> Found<Option<(Account, String)>>;

    /// The account with that id, and the hash of its password.
    async fn account_with_hash(&self, id: AccountId) -> Found<Option<(Account, String)>>;

    /// Replaces the hash of a password by a stronger one of the same password, unless there is another password by now. Whether
    /// it did.
    async fn upgrade_hash(&self, id: AccountId, old: &str, new: &str) -> Found<bool>;

    /// Sets a new password, if the account is active and the old one is still what was checked: ends all sessions and forgets all
    /// devices, refuses access tokens and links from before, begins the session `new`, and queues the mail. Since when tokens
    /// are good again; nothing when the account is not as it was.
    async fn change_password(
        &self,
        change: PasswordChange<'_>,
        new: &NewSession,
        mail: &Message,
    ) -> Found<Option<Timestamp>>;

    /// Adds a link of an active account, and queues the mail with it, unless the account has a young one for the same purpose that
    /// works. [`LINKS_MAX`] of them work on. Whether there is a mail.
    async fn send_link(&self, id: AccountId, link: &Link, mail: &Message) -> Found<bool>;

    /// Whose link it is, as long as it works, and the hash of the account's password.
    async fn link_owner(
        &self,
        hash: TokenHash,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> Found<Option<(Account, String)>>;

    /// Uses a link up, and all others to verify the address: its owner reads the mail there. Whose link it was, if it worked.
    async fn verify_email(&self, hash: TokenHash, now: Timestamp) -> Found<Option<AccountId>>;

    /// Uses a link of an active account up, with all that [`CredentialRepository::change_password`] does, but a new session; the
    /// link also proves the address. Nothing if it does not work any more.
    async fn reset_password(
        &self,
        hash: TokenHash,
        password_hash: &str,
        mail: &Message,
        now: Timestamp,
    ) -> Found<Option<Timestamp>>;
}
