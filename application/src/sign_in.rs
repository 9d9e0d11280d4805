//! Sign-in: checks the password, and limits attempts.

mod attempt;

use std::{net::IpAddr, sync::Arc};

use domain::{accounts::Account, secrets::OpaqueToken, sessions::Checked};
use metrics::counter;

use self::attempt::Attempt;
use super::{
    accounts::{AccountError, normalized, remind_to_verify},
    app::App,
    sessions::{Beginning, Origin, SignedIn},
};

/// So often a sign-in begins again because its account has changed meanwhile.
pub(super) const TRIES_MAX: u32 = 3;

/// Signs in. Unknown addresses and wrong passwords take the same time and get the same answer, and so do addresses that are not
/// verified where that is required.
///
/// Failures are limited for the account with the network they come from, and in a wider measure for the account alone: anyone who
/// guesses has many networks. A device on which somebody has signed in to the account is not concerned by the latter, so that
/// strangers keep no owner out.
pub async fn sign_in(app: &Arc<App>, email: &str, password: &str, origin: &Origin) -> Result<SignedIn, AccountError> {
    let email = normalized(email);
    let found = app.store.account_by_email(&email).await?;
    let hash = found.as_ref().map(|(_, hash)| hash.as_str());
    let attempt = Attempt::count(app, &email, hash, known_device(app, &email, origin).await?, origin.address).await?;
    let outcome = tries(app, &email, found, password, origin).await;
    // Held against those only whose password was judged.
    if !matches!(outcome, Err(AccountError::WrongCredentials | AccountError::Suspended)) {
        attempt.give_back(app).await;
    }
    outcome
}

async fn tries(
    app: &Arc<App>,
    email: &str,
    mut found: Option<(Account, String)>,
    password: &str,
    origin: &Origin,
) -> Result<SignedIn, AccountError> {
    for _ in 0..TRIES_MAX {
        let (account, hash) = judge(app, found, password, origin.address).await?;
        let id = account.id;
        let beginning = Beginning::of(app, id, origin);
        let checked = Checked { password_hash: hash, tokens_not_before: account.tokens_not_before };
        if app.store.open_session(&beginning.new, &checked).await? {
            sign_ins("signed_in");
            tracing::info!(userId = %id, "signed in");
            return beginning.signed_in(app, account);
        }
        tracing::info!(userId = %id, "the account has changed during a sign-in");
        found = app.store.account_by_email(email).await?;
    }
    Err(AccountError::Overtaken)
}

/// The device, if somebody has signed in there to the account with this address.
async fn known_device<'o>(app: &App, email: &str, origin: &'o Origin) -> Result<Option<&'o OpaqueToken>, AccountError> {
    let Some(device) = &origin.known_as else { return Ok(None) };
    Ok(app.store.is_known_device(email, device.hash()).await?.then_some(device))
}

/// The account, if this is its password and it may sign in, with the hash that says so.
async fn judge(
    app: &Arc<App>,
    found: Option<(Account, String)>,
    password: &str,
    client: IpAddr,
) -> Result<(Account, String), AccountError> {
    let whose = found.as_ref().map(|(account, _)| account.id);
    let right = app.hasher.verify(found.as_ref().map(|(_, hash)| hash.as_str()), password).await?;
    let Some((account, hash)) = found.filter(|_| right) else {
        sign_ins("wrong_credentials");
        // The address itself is personal and stays out of the log.
        let account = whose.map(tracing::field::display);
        tracing::info!(%client, account, "sign-in refused: wrong address or password");
        return Err(AccountError::WrongCredentials);
    };
    // Said to nobody but who knows the password.
    if !account.may_sign_in() {
        sign_ins("suspended");
        tracing::info!(%client, userId = %account.id, "sign-in refused: the account is suspended");
        return Err(AccountError::Suspended);
    }
    if app.auth.require_verified_email && account.email_verified_at.is_none() {
        sign_ins("unverified");
        tracing::info!(%client, userId = %account.id, "sign-in refused: the address is not verified");
        // As with a wrong password: anyone who has registered with an address would learn whether it was known before. Only who reads
        // its mail is told what is missing.
        remind_to_verify(app, account);
        return Err(AccountError::WrongCredentials);
    }
    let hash = if app.hasher.is_outdated(&hash) { upgraded(app, &account, hash, password).await } else { hash };
    Ok((account, hash))
}

/// Replaces a hash that is weaker than those made now. There will be another sign-in to try it again.
async fn upgraded(app: &App, account: &Account, old: String, password: &str) -> String {
    let upgraded = match app.hasher.hash(password).await {
        Ok(new) => app.store.upgrade_hash(account.id, &old, &new).await.map(|done| done.then_some(new)),
        Err(error) => {
            tracing::warn!(userId = %account.id, %error, "the hash of a password stays as weak as it is");
            return old;
        }
    };
    match upgraded {
        Ok(Some(new)) => {
            tracing::info!(userId = %account.id, "the hash of a password was made stronger");
            new
        }
        // Somebody else was faster, which will be seen.
        Ok(None) => old,
        Err(error) => {
            tracing::warn!(userId = %account.id, %error, "the hash of a password stays as weak as it is");
            old
        }
    }
}

fn sign_ins(outcome: &'static str) {
    counter!("boxoffice_sign_ins_total", "outcome" => outcome).increment(1);
}
