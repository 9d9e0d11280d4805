//! A new password: for who knows the old one, and for who reads the mail at the account's address.

use std::{net::IpAddr, sync::Arc};

use domain::{
    accounts::{Account, Password},
    credentials::{CredentialRepository, LinkPurpose},
    ids::AccountId,
    mail::{Message, Template},
    secrets::OpaqueToken,
    sessions::Device,
    validation::FieldError,
};

use super::{
    accounts::{AccountError, link, mail_to, minutes, normalized, now, report},
    app::{Adapters, App, IssueAccess, PasswordHasher},
    limits::{LimitAttempts, Rule},
    sessions::{SignedIn, open},
};

/// Changes the password of whoever is signed in and knows it. All sessions and access tokens of the account end; the caller
/// gets new ones.
pub async fn change<A: Adapters>(
    app: &App<A>,
    id: AccountId,
    current: &str,
    new: &Password,
    device: Device,
    from: IpAddr,
) -> Result<SignedIn, AccountError> {
    app.limits.attempt(Rule::Reauthentication, &id.to_string(), from).await?;
    let (account, hash) = app.store.account_with_hash(id).await?.ok_or(AccountError::NotFound)?;
    if !app.hasher.verify(Some(&hash), current).await? {
        tracing::info!(userId = %id, "change of password refused: wrong password");
        return Err(AccountError::WrongPassword);
    }
    check_strength("newPassword", new, &account)?;
    let new_hash = app.hasher.hash(new.expose()).await?;
    let since = app.store.change_password(id, &new_hash, &changed(&account), now()).await?;
    app.issuer.refuse_before(id, since);
    app.outbox.wake();
    tracing::info!(userId = %id, "password changed");
    open(app, Account { tokens_not_before: since, ..account }, device).await
}

/// Mails a link to choose a new password, if an account has the address and may sign in. Answers before it is known whether
/// one does.
pub async fn ask_for_reset<A: Adapters>(app: &Arc<App<A>>, email: &str, from: IpAddr) -> Result<(), AccountError> {
    let email = normalized(email);
    app.limits.attempt(Rule::AccountMail, &email, from).await?;
    let app_after = Arc::clone(app);
    app.background.spawn(async move {
        let app = app_after;
        let sent = async {
            let Some((account, _)) = app.store.account_by_email(&email).await? else { return Ok(()) };
            if !account.may_sign_in() {
                return Ok(());
            }
            let (link, token) = link(LinkPurpose::ResetPassword, now(), app.auth.reset_ttl);
            let template = Template::ResetPassword {
                name: account.name.as_str().to_owned(),
                token,
                valid_minutes: minutes(app.auth.reset_ttl),
            };
            tracing::info!(userId = %account.id, "a link to choose a new password was asked for");
            app.store.send_link(account.id, &link, &mail_to(&account, template)).await
        };
        report(sent.await);
        app.outbox.wake();
    })?;
    Ok(())
}

/// Uses the link of a mail to choose a new password. All sessions and access tokens of the account end.
pub async fn reset<A: Adapters>(app: &App<A>, token: &str, new: &Password) -> Result<(), AccountError> {
    let token = OpaqueToken::parse(token).ok_or(AccountError::LinkDead)?;
    let owner = app.store.link_owner(token.hash(), LinkPurpose::ResetPassword, now()).await?;
    let account = owner.filter(Account::may_sign_in).ok_or(AccountError::LinkDead)?;
    // Before the link is used up: whoever has chosen badly may choose again.
    check_strength("password", new, &account)?;
    let new_hash = app.hasher.hash(new.expose()).await?;
    let reset = app.store.reset_password(token.hash(), &new_hash, &changed(&account), now()).await?;
    app.issuer.refuse_before(account.id, reset.ok_or(AccountError::LinkDead)?);
    app.outbox.wake();
    tracing::info!(userId = %account.id, "password reset");
    Ok(())
}

fn check_strength(field: &'static str, password: &Password, account: &Account) -> Result<(), FieldError> {
    password.check_strength(field, &[account.email.as_str(), account.name.as_str()])
}

fn changed(account: &Account) -> Message {
    mail_to(account, Template::PasswordChanged { name: account.name.as_str().to_owned() })
}
