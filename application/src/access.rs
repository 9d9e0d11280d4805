//! Authentication: the port that turns a bearer token into a caller.

use domain::{
    accounts::Role,
    ids::{AccountId, SessionId},
};

/// The caller that a verified access token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub account: AccountId,
    /// What it may do, as of the moment the token was issued.
    pub role: Role,
    /// The session that the token was issued in; those of load tests were issued in none.
    pub session: Option<SessionId>,
}

/// Why an access token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of ours: broken, tampered with, signed by another key or for another purpose.
    #[error("the access token is not valid")]
    Bad,
    /// Was ours and genuine, but its time is over.
    #[error("the access token has expired")]
    Expired,
    /// Was ours and genuine, but its session has ended, or its account has a new password, another role or another status since,
    /// or is in other hands.
    #[error("the access token was revoked")]
    Revoked,
}

/// Verifies access tokens. Called once for every request to a route that is not public, on an async thread:
/// implementations compute, they never wait.
pub trait VerifyAccess: Send + Sync {
    /// The caller that `token` speaks for.
    fn verify(&self, token: &str) -> Result<Caller, TokenError>;
}
