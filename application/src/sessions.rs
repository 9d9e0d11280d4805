//! Sessions: beginning, refreshing, signing out.

use std::net::IpAddr;

use domain::{
    accounts::Account,
    ids::{AccountId, SessionId},
    secrets::OpaqueToken,
    sessions::{Device, NewSession, Refreshed, Session},
};
use jiff::Timestamp;
use metrics::counter;

use super::{
    accounts::{AccountError, now},
    app::App,
};

/// What keeps a session up: only its owner has it.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    pub session: SessionId,
    /// The secret, good for one use.
    pub secret: OpaqueToken,
}

/// From where somebody signs in.
#[derive(Clone, Debug)]
pub struct Origin {
    /// What is shown of it to its owner.
    pub device: Device,
    /// What the device was given when somebody signed in there.
    pub known_as: Option<OpaqueToken>,
    /// Where the client is.
    pub address: IpAddr,
}

/// A session as its owner gets it.
#[derive(Debug)]
pub struct SignedIn {
    pub account: Account,
    /// Proves it, for a while.
    pub access_token: String,
    /// Gives the next access token.
    pub refresh_token: RefreshToken,
    /// When the session ends unless it is refreshed.
    pub expires_at: Timestamp,
    /// By what the device is known from now on, if somebody has signed in there just now.
    pub device: Option<OpaqueToken>,
}

/// A session that is about to begin, with the secrets that its device gets.
pub(super) struct Beginning {
    pub(super) new: NewSession,
    token: RefreshToken,
    device: OpaqueToken,
}

impl Beginning {
    /// Of `account`, now.
    pub(super) fn of(app: &App, account: AccountId, origin: &Origin) -> Self {
        let (now, id) = (now(), SessionId::generate());
        let secret = OpaqueToken::from_random(rand::random());
        let device = origin.known_as.clone().unwrap_or_else(|| OpaqueToken::from_random(rand::random()));
        let session = Session {
            id,
            account_id: account,
            user_agent: origin.device.user_agent.clone(),
            address: origin.device.address,
            created_at: now,
            last_used_at: now,
            expires_at: app.auth.sessions.expires_at(now, now),
        };
        let new = NewSession { session, token: secret.hash(), device: device.hash() };
        Self { new, token: RefreshToken { session: id, secret }, device }
    }

    /// What its owner gets, once it is stored.
    pub(super) fn signed_in(self, app: &App, account: Account) -> Result<SignedIn, AccountError> {
        let Session { created_at, expires_at, .. } = self.new.session;
        Ok(SignedIn { device: Some(self.device), ..signed_in(app, account, self.token, expires_at, created_at)? })
    }
}

/// Uses a refresh token for another one and a new access token. A token that was used before, or a sibling of which was, ends its
/// session: somebody else has it.
pub async fn refresh(app: &App, token: &RefreshToken, device: &Device) -> Result<SignedIn, AccountError> {
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
            signed_in(app, *account, token, expires_at, now)
        }
        Refreshed::Stolen(account) => {
            app.issuer.refuse_before(account.id, account.tokens_not_before);
            tracing::warn!(userId = %account.id, session = %token.session, "a refresh token was used twice: session ended");
            Err(AccountError::SessionOver)
        }
        Refreshed::Dead => Err(AccountError::SessionOver),
    }
}

/// Ends the session of a refresh token, if there is one, and its access tokens.
pub async fn sign_out(app: &App, token: &RefreshToken) -> Result<(), AccountError> {
    let now = now();
    let account = app.store.end_session_of_token(token.session, token.secret.hash(), now).await?;
    if let Some(account) = account {
        app.issuer.refuse_session(token.session, now);
        tracing::info!(userId = %account, "signed out");
    }
    Ok(())
}

/// The live sessions of an account, the one used last first.
pub async fn list(app: &App, account: AccountId) -> Result<Vec<Session>, AccountError> {
    Ok(app.store.sessions_of(account, now()).await?)
}

/// Ends one session of an account, and its access tokens.
pub async fn end(app: &App, account: AccountId, id: SessionId) -> Result<(), AccountError> {
    let now = now();
    if !app.store.end_session(account, id, now).await? {
        return Err(AccountError::NotFound);
    }
    app.issuer.refuse_session(id, now);
    tracing::info!(userId = %account, session = %id, "session ended by its owner");
    Ok(())
}

/// Ends all sessions of an account, and refuses all its access tokens.
pub async fn end_all(app: &App, account: AccountId) -> Result<(), AccountError> {
    let since = app.store.end_sessions(account, now()).await?;
    app.issuer.refuse_before(account, since);
    tracing::info!(userId = %account, "all sessions ended by their owner");
    Ok(())
}

/// `now` is a moment before the account was read: what changes it later refuses the token that is issued here.
fn signed_in(
    app: &App,
    account: Account,
    refresh_token: RefreshToken,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<SignedIn, AccountError> {
    let (issued_at, session) = (account.tokens_issued_at(now), refresh_token.session);
    let token = app.issuer.issue_in(session, account.id, account.role, issued_at, app.auth.access_ttl);
    let access_token = token.map_err(AccountError::Token)?;
    Ok(SignedIn { account, access_token, refresh_token, expires_at, device: None })
}
