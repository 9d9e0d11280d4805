//! Sessions: sign in, refresh, sign out (A1, A2).

use std::net::IpAddr;

use domain::{
    accounts::Account,
    credentials::CredentialRepository,
    ids::{AccountId, SessionId},
    secrets::OpaqueToken,
    sessions::{Device, Refreshed, Session, SessionRepository},
};
use jiff::Timestamp;
use metrics::counter;

use super::{
    accounts::{AccountError, normalized, now},
    app::{Adapters, App, IssueAccess, PasswordHasher},
    limits::{LimitAttempts, Rule},
};

/// What keeps a session up: only its owner has it.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    /// The session.
    pub session: SessionId,
    /// The secret, good for one use.
    pub secret: OpaqueToken,
}

/// A session as its owner gets it.
#[derive(Debug)]
pub struct SignedIn {
    /// Whose.
    pub account: Account,
    /// Proves it, for a while.
    pub access_token: String,
    /// Gives the next access token.
    pub refresh_token: RefreshToken,
    /// When the session ends unless it is refreshed.
    pub expires_at: Timestamp,
}

/// Signs in. Unknown addresses and wrong passwords take the same time and get the same answer.
///
/// Attempts are limited for the address, wherever they come `from`: whoever guesses has many networks.
pub async fn sign_in<A: Adapters>(
    app: &App<A>,
    email: &str,
    password: &str,
    device: Device,
    from: IpAddr,
) -> Result<SignedIn, AccountError> {
    let email = normalized(email);
    app.limits.attempt(Rule::SignIn, &email, from).await?;
    let found = app.store.account_by_email(&email).await?;
    let right = app.hasher.verify(found.as_ref().map(|(_, hash)| hash.as_str()), password).await?;
    let whose = found.as_ref().map(|(account, _)| account.id);
    let Some((account, hash)) = found.filter(|_| right) else {
        sign_ins("wrong_credentials");
        // The address itself is personal and stays out of the log.
        let account = whose.map(tracing::field::display);
        tracing::info!(client = %from, account, "sign-in refused: wrong address or password");
        return Err(AccountError::WrongCredentials);
    };
    // Said to nobody but who knows the password.
    if !account.may_sign_in() {
        sign_ins("suspended");
        tracing::info!(client = %from, userId = %account.id, "sign-in refused: the account is suspended");
        return Err(AccountError::Suspended);
    }
    if app.auth.require_verified_email && account.email_verified_at.is_none() {
        sign_ins("unverified");
        tracing::info!(client = %from, userId = %account.id, "sign-in refused: the address is not verified");
        return Err(AccountError::Unverified);
    }
    if app.hasher.is_outdated(&hash) {
        upgrade_hash(app, account.id, &hash, password).await;
    }
    sign_ins("signed_in");
    tracing::info!(userId = %account.id, "signed in");
    open(app, account, device).await
}

/// Replaces a hash that is weaker than those made now. There will be another sign-in to try it again.
async fn upgrade_hash<A: Adapters>(app: &App<A>, id: AccountId, old: &str, password: &str) {
    let upgraded = match app.hasher.hash(password).await {
        Ok(new) => app.store.upgrade_hash(id, old, &new).await.map_err(AccountError::from),
        Err(error) => Err(error.into()),
    };
    match upgraded {
        Ok(()) => tracing::info!(userId = %id, "the hash of a password was made stronger"),
        Err(error) => tracing::warn!(userId = %id, %error, "the hash of a password stays as weak as it is"),
    }
}

/// Begins a session of an account that has proved who it is.
pub(super) async fn open<A: Adapters>(
    app: &App<A>,
    account: Account,
    device: Device,
) -> Result<SignedIn, AccountError> {
    let now = now();
    let secret = OpaqueToken::from_random(rand::random());
    let session = Session {
        id: SessionId::generate(),
        account_id: account.id,
        user_agent: device.user_agent,
        address: device.address,
        created_at: now,
        last_used_at: now,
        expires_at: app.auth.sessions.expires_at(now, now),
    };
    app.store.open_session(&session, secret.hash()).await?;
    signed_in(app, account, RefreshToken { session: session.id, secret }, session.expires_at)
}

/// Uses a refresh token for another one and a new access token. A token that was used before ends its session: somebody else
/// has it.
pub async fn refresh<A: Adapters>(
    app: &App<A>,
    token: &RefreshToken,
    device: &Device,
) -> Result<SignedIn, AccountError> {
    let (successor, now) = (OpaqueToken::from_random(rand::random()), now());
    let limits = &app.auth.sessions;
    let refreshed =
        app.store.refresh_session(token.session, token.secret.hash(), successor.hash(), device, now, limits).await?;
    let outcome = match &refreshed {
        Refreshed::Rotated(..) => "rotated",
        Refreshed::Stolen(_) => "stolen",
        Refreshed::Dead => "dead",
    };
    counter!("boxoffice_session_refreshes_total", "outcome" => outcome).increment(1);
    match refreshed {
        Refreshed::Rotated(account, expires_at) => {
            let token = RefreshToken { session: token.session, secret: successor };
            signed_in(app, *account, token, expires_at)
        }
        Refreshed::Stolen(account) => {
            app.issuer.refuse_before(account.id, account.tokens_not_before);
            tracing::warn!(userId = %account.id, session = %token.session, "a refresh token was used twice: session ended");
            Err(AccountError::SessionOver)
        }
        Refreshed::Dead => Err(AccountError::SessionOver),
    }
}

/// Ends the session of a refresh token, if there is one. Its access token lives on for its minutes.
pub async fn sign_out<A: Adapters>(app: &App<A>, token: &RefreshToken) -> Result<(), AccountError> {
    let account = app.store.end_session_of_token(token.session, token.secret.hash(), now()).await?;
    if let Some(account) = account {
        tracing::info!(userId = %account, "signed out");
    }
    Ok(())
}

/// The live sessions of an account, the one used last first.
pub async fn list<A: Adapters>(app: &App<A>, account: AccountId) -> Result<Vec<Session>, AccountError> {
    Ok(app.store.sessions_of(account, now()).await?)
}

/// Ends one session of an account.
pub async fn end<A: Adapters>(app: &App<A>, account: AccountId, id: SessionId) -> Result<(), AccountError> {
    if !app.store.end_session(account, id, now()).await? {
        return Err(AccountError::NotFound);
    }
    tracing::info!(userId = %account, session = %id, "session ended by its owner");
    Ok(())
}

/// Ends all sessions of an account, and refuses all its access tokens.
pub async fn end_all<A: Adapters>(app: &App<A>, account: AccountId) -> Result<(), AccountError> {
    let since = app.store.end_sessions(account, now()).await?;
    app.issuer.refuse_before(account, since);
    tracing::info!(userId = %account, "all sessions ended by their owner");
    Ok(())
}

fn sign_ins(outcome: &'static str) {
    counter!("boxoffice_sign_ins_total", "outcome" => outcome).increment(1);
}

fn signed_in<A: Adapters>(
    app: &App<A>,
    account: Account,
    refresh_token: RefreshToken,
    expires_at: Timestamp,
) -> Result<SignedIn, AccountError> {
    let issued_at = account.tokens_issued_at(Timestamp::now());
    let token = app.issuer.issue(account.id, account.role, issued_at, app.auth.access_ttl);
    let access_token = token.map_err(AccountError::Token)?;
    Ok(SignedIn { account, access_token, refresh_token, expires_at })
}
