//! Promo codes that people name, and the guard against guessing them: a code that there is not counts in the tier `auth`, as trying to sign in
//! does, and nothing else does. Who has nothing left there is not told whether there is a code.

use std::net::IpAddr;

use domain::{
    ids::EventId,
    promo_codes::{CodeName, PromoCode, PromoCodeError},
    repositories::RepositoryError,
};

use super::{
    app::App,
    limits::{Limited, Tier},
};

/// Why a code that somebody names is of no use.
#[derive(Debug, thiserror::Error)]
pub enum NamingError {
    #[error(transparent)]
    PromoCode(#[from] PromoCodeError),
    /// Too many codes were guessed.
    #[error(transparent)]
    Limited(#[from] Limited),
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// Whether a client at `from` may name a code. To be asked before it is looked for.
pub fn may_name(app: &App, from: IpAddr) -> Result<(), Limited> {
    app.limits.has_left(Tier::Auth, from)
}

/// Counts a code that there is not.
pub async fn missed(app: &App, from: IpAddr) -> Result<(), Limited> {
    app.limits.charge(Tier::Auth, from).await
}

/// The event's code of that name, unless it was used as often as it may be.
pub(super) async fn named(app: &App, from: IpAddr, event: EventId, name: &CodeName) -> Result<PromoCode, NamingError> {
    may_name(app, from)?;
    let Some(found) = app.store.promo_code_named(event, name).await? else {
        missed(app, from).await?;
        return Err(PromoCodeError::Unknown.into());
    };
    // Whose uses they are is for the inventory to say.
    found.code.check_uses(found.used, 0)?;
    Ok(found.code)
}
