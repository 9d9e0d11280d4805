//! What proves who somebody is besides a session: the password, and links in mails (P4, A3).

use std::future::Future;

use jiff::Timestamp;

use crate::{accounts::Account, ids::AccountId, mail::Message, repositories::Found, secrets::TokenHash};

/// What a link in a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Proves that somebody reads the mail at their address.
    VerifyEmail,
    /// Lets them choose a new password.
    ResetPassword,
}

impl LinkPurpose {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            LinkPurpose::VerifyEmail => "VERIFY_EMAIL",
            LinkPurpose::ResetPassword => "RESET_PASSWORD",
        }
    }
}

/// A link that works once.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// What is kept of its token.
    pub hash: TokenHash,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops to work.
    pub expires_at: Timestamp,
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
pub trait CredentialRepository {
    /// Adds an account with a link to verify its address, and queues the mail with it. If another account has the address,
    /// queues what `to_owner` says for that one instead, after as much work.
    fn register(
        &self,
        account: &Account,
        password_hash: &str,
        link: &Link,
        mail: &Message,
        to_owner: fn(&Account) -> Message,
    ) -> impl Future<Output = Found<Registered>> + Send;

    /// The account with that address, and the hash of its password.
    fn account_by_email(&self, email: &str) -> impl Future<Output = Found<Option<(Account, String)>>> + Send;

    /// The account with that id, and the hash of its password.
    fn account_with_hash(&self, id: AccountId) -> impl Future<Output = Found<Option<(Account, String)>>> + Send;

    /// Replaces the hash of a password by a stronger one of the same password, unless there is another password by now.
    fn upgrade_hash(&self, id: AccountId, old: &str, new: &str) -> impl Future<Output = Found<()>> + Send;

    /// Sets a new password: ends all sessions, refuses access tokens and links from before, and queues the mail. Since when
    /// tokens are good again.
    fn change_password(
        &self,
        id: AccountId,
        password_hash: &str,
        mail: &Message,
        now: Timestamp,
    ) -> impl Future<Output = Found<Timestamp>> + Send;

    /// Replaces the account's link for the same purpose, and queues the mail with it.
    fn send_link(&self, id: AccountId, link: &Link, mail: &Message) -> impl Future<Output = Found<()>> + Send;

    /// Whose link it is, as long as it works.
    fn link_owner(
        &self,
        hash: TokenHash,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> impl Future<Output = Found<Option<Account>>> + Send;

    /// Uses a link up: its owner reads the mail at the account's address. Whose link it was, if it worked.
    fn verify_email(&self, hash: TokenHash, now: Timestamp) -> impl Future<Output = Found<Option<AccountId>>> + Send;

    /// Uses a link up, with all that [`CredentialRepository::change_password`] does; the link also proves the address. Nothing if
    /// it does not work any more.
    fn reset_password(
        &self,
        hash: TokenHash,
        password_hash: &str,
        mail: &Message,
        now: Timestamp,
    ) -> impl Future<Output = Found<Option<Timestamp>>> + Send;
}
