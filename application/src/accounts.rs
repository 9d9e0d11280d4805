//! Accounts: registration, verification of the address, profile.

use std::{net::IpAddr, sync::Arc, time::Duration};

use domain::{
    accounts::{Account, EmailAddress, Registration, Role},
    credentials::{Link, LinkPurpose, Registered},
    ids::AccountId,
    mail::{LinkToken, Locale, Message, Template},
    repositories::{ProfileChange, RepositoryError},
    secrets::OpaqueToken,
    validation::FieldError,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    app::{App, HashingError},
    background::Busy,
    limits::{Limited, Rule},
};

/// Why an operation on an account failed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// No account has this address with this password.
    #[error("wrong e-mail address or password")]
    WrongCredentials,
    /// The password that should prove who is asking is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// An administrator has suspended the account.
    #[error("the account is suspended")]
    Suspended,
    /// There is no session, or it is over.
    #[error("the session is over")]
    SessionOver,
    /// The link was used already, has run out, or never was one.
    #[error("the link does not work any more")]
    LinkDead,
    /// What was sent can't be taken.
    #[error("{} is not valid", .0.field)]
    Invalid(FieldError),
    /// The account was changed again and again meanwhile.
    #[error("the account has changed meanwhile")]
    Overtaken,
    #[error(transparent)]
    Limited(#[from] Limited),
    /// The account of the token is gone.
    #[error("there is no such account")]
    NotFound,
    /// A token could not be signed.
    #[error("no token could be issued: {0}")]
    Token(String),
    /// Passwords can't be hashed now.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// Nothing more can be taken on now.
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl From<FieldError> for AccountError {
    fn from(error: FieldError) -> Self {
        Self::Invalid(error)
    }
}

/// Adds an account of a person who books, and mails a link to verify its address.
///
/// Whether the address is known already is told to nobody but its owner: the answer is the same, and a mail says that somebody
/// tried, though not again and again. The account that is given is then stored nowhere.
pub async fn register(app: &App, new: Registration, locale: Locale, from: IpAddr) -> Result<Account, AccountError> {
    app.hasher.check_strength("password", &new.password, new.own_words()).await??;
    let password_hash = app.hasher.hash(new.password.expose()).await?;
    let now = now();
    let account = Account::new(&new, Role::User, locale, now);
    let (link, mail) = verification(app, &account, now);
    // Refused it is silent: anybody can name any address.
    let may_tell = app.limits.attempt(Rule::AccountMail, account.email.as_str(), from).await.is_ok();
    match app.store.register(&account, &password_hash, &link, &mail, may_tell.then_some(already_registered)).await? {
        Registered::New => tracing::info!(userId = %account.id, "account registered"),
        Registered::Taken => tracing::info!("registration with an address that is taken"),
    }
    app.outbox.wake();
    Ok(account)
}

fn already_registered(owner: &Account) -> Message {
    mail_to(owner, Template::AlreadyRegistered { name: owner.name.as_str().to_owned() })
}

/// Mails another link to verify the address, if an account has it, has not verified it, and has no young one. Answers before it
/// is known whether one does.
pub async fn resend_verification(app: &Arc<App>, email: &str) -> Result<(), AccountError> {
    let email = normalized(email);
    let app_after = Arc::clone(app);
    app.background.spawn(async move {
        let app = app_after;
        let sent = async {
            match app.store.account_by_email(&email).await? {
                Some((account, _)) if account.email_verified_at.is_none() => send_verification(&app, &account).await,
                _ => Ok(()),
            }
        };
        report(sent.await);
    })?;
    Ok(())
}

/// Mails the owner of an account another link to verify the address, after the answer, unless there is a young one.
pub(super) fn remind_to_verify(app: &Arc<App>, account: Account) {
    let app_after = Arc::clone(app);
    let reminded = app.background.spawn(async move { report(send_verification(&app_after, &account).await) });
    if let Err(error) = reminded {
        tracing::warn!(%error, "a mail that would help is not sent");
    }
}

async fn send_verification(app: &App, account: &Account) -> Result<(), RepositoryError> {
    let (link, mail) = verification(app, account, now());
    if app.store.send_link(account.id, &link, &mail).await? {
        app.outbox.wake();
    }
    Ok(())
}

/// Uses the link of a mail: its reader has the address.
pub async fn verify_email(app: &App, token: &str) -> Result<(), AccountError> {
    let token = OpaqueToken::parse(token).ok_or(AccountError::LinkDead)?;
    let account = app.store.verify_email(token.hash(), now()).await?.ok_or(AccountError::LinkDead)?;
    tracing::info!(userId = %account, "e-mail address verified");
    Ok(())
}

/// The account that is signed in.
pub async fn profile(app: &App, id: AccountId) -> Result<Account, AccountError> {
    app.store.account(id).await?.ok_or(AccountError::NotFound)
}

/// Changes what is given of the profile.
pub async fn update_profile(app: &App, id: AccountId, change: &ProfileChange) -> Result<Account, AccountError> {
    app.store.update_profile(id, change).await?.ok_or(AccountError::NotFound)
}

fn verification(app: &App, account: &Account, now: Timestamp) -> (Link, Message) {
    let (link, token) = link(LinkPurpose::VerifyEmail, now, app.auth.verification_ttl);
    let template = Template::VerifyEmail {
        name: account.name.as_str().to_owned(),
        token,
        valid_minutes: minutes(app.auth.verification_ttl),
    };
    (link, mail_to(account, template))
}

/// A link that works for `ttl`, and what belongs into its mail.
pub(super) fn link(purpose: LinkPurpose, now: Timestamp, ttl: Duration) -> (Link, LinkToken) {
    let token = OpaqueToken::from_random(rand::random());
    let ttl = SignedDuration::try_from(ttl).unwrap_or(SignedDuration::ZERO);
    let expires_at = now.checked_add(ttl).unwrap_or(Timestamp::MAX);
    (Link { hash: token.hash(), purpose, created_at: now, expires_at }, LinkToken::new(token.expose()))
}

pub(super) fn minutes(ttl: Duration) -> u32 {
    u32::try_from(ttl.as_secs() / 60).unwrap_or(u32::MAX)
}

/// A mail to the owner of an account.
pub(super) fn mail_to(account: &Account, template: Template) -> Message {
    Message { to: account.email.clone(), locale: account.locale, template }
}

/// An address as accounts have it; what is none is found nowhere.
pub(super) fn normalized(email: &str) -> String {
    EmailAddress::normalised(email)
}

/// Nobody waits for work that is done after its answer, so its failure goes to the log.
pub(super) fn report(result: Result<(), RepositoryError>) {
    if let Err(error) = result {
        tracing::warn!(%error, "a mail that was asked for can't be queued");
    }
}

/// The present instant with the precision that the database keeps.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
