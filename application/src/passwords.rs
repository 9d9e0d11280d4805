//! Password change and reset: with the old password, or with a link from a mail.

use std::sync::Arc;

use domain::{
    accounts::{Account, Password},
    credentials::{LinkPurpose, PasswordChange},
    ids::AccountId,
    mail::{Message, Template},
    secrets::OpaqueToken,
    validation::FieldError,
};

use super::{
    accounts::{AccountError, link, mail_to, minutes, normalized, now, report},
    app::App,
    limits::Rule,
    sessions::{Beginning, Origin, SignedIn},
    sign_in::TRIES_MAX,
};

/// Changes the password of a signed-in account, by the old one. All sessions and access tokens of the account end; the caller
/// gets new ones. Failures are limited for the account.
pub async fn change(
    app: &App,
    id: AccountId,
    current: &str,
    new: &Password,
    origin: &Origin,
) -> Result<SignedIn, AccountError> {
    let subject = id.to_string();
    app.limits.attempt(Rule::Reauthentication, &subject, origin.address).await?;
    let outcome = change_judged(app, id, current, new, origin).await;
    // Held against those only whose password was judged.
    if !matches!(outcome, Err(AccountError::WrongPassword | AccountError::Suspended | AccountError::NotFound)) {
        app.limits.forgive(Rule::Reauthentication, &subject, origin.address).await;
    }
    outcome
}

async fn change_judged(
    app: &App,
    id: AccountId,
    current: &str,
    new: &Password,
    origin: &Origin,
) -> Result<SignedIn, AccountError> {
    for _ in 0..TRIES_MAX {
        let (account, hash) = app.store.account_with_hash(id).await?.ok_or(AccountError::NotFound)?;
        if !app.hasher.verify(Some(&hash), current).await? {
            tracing::info!(userId = %id, "change of password refused: wrong password");
            return Err(AccountError::WrongPassword);
        }
        if !account.may_sign_in() {
            return Err(AccountError::Suspended);
        }
        judge_new(app, "newPassword", new, &account, &hash).await?;
        let new_hash = app.hasher.hash(new.expose()).await?;
        let beginning = Beginning::of(app, id, origin);
        let change = PasswordChange { account: id, checked: &hash, new: &new_hash };
        let since = app.store.change_password(change, &beginning.new, &changed(&account)).await?;
        if let Some(since) = since {
            app.issuer.refuse_before(id, since);
            app.outbox.wake();
            tracing::info!(userId = %id, "password changed");
            return beginning.signed_in(app, Account { tokens_not_before: since, ..account });
        }
        tracing::info!(userId = %id, "the account has changed during a change of its password");
    }
    Err(AccountError::Overtaken)
}

/// Mails a link to choose a new password, if an account has the address, may sign in, and has no young link. Answers before it is
/// known whether one does.
pub async fn ask_for_reset(app: &Arc<App>, email: &str) -> Result<(), AccountError> {
    let email = normalized(email);
    let app_after = Arc::clone(app);
    app.background.spawn(async move {
        let app = app_after;
        let sent = async {
            let Some((account, _)) = app.store.account_by_email(&email).await? else { return Ok(()) };
            let (link, token) = link(LinkPurpose::ResetPassword, now(), app.auth.reset_ttl);
            let template = Template::ResetPassword {
                name: account.name.as_str().to_owned(),
                token,
                valid_minutes: minutes(app.auth.reset_ttl),
            };
            if app.store.send_link(account.id, &link, &mail_to(&account, template)).await? {
                tracing::info!(userId = %account.id, "a link to choose a new password was asked for");
                app.outbox.wake();
            }
            Ok(())
        };
        report(sent.await);
    })?;
    Ok(())
}

/// Uses the link of a mail to choose a new password. All sessions and access tokens of the account end.
pub async fn reset(app: &App, token: &str, new: &Password) -> Result<(), AccountError> {
    let token = OpaqueToken::parse(token).ok_or(AccountError::LinkDead)?;
    let owner = app.store.link_owner(token.hash(), LinkPurpose::ResetPassword, now()).await?;
    let (account, hash) = owner.filter(|(account, _)| account.may_sign_in()).ok_or(AccountError::LinkDead)?;
    // Before the link is used up: anyone who has chosen badly may choose again.
    judge_new(app, "password", new, &account, &hash).await?;
    let new_hash = app.hasher.hash(new.expose()).await?;
    let reset = app.store.reset_password(token.hash(), &new_hash, &changed(&account), now()).await?;
    app.issuer.refuse_before(account.id, reset.ok_or(AccountError::LinkDead)?);
    app.outbox.wake();
    tracing::info!(userId = %account.id, "password reset");
    Ok(())
}

/// Refuses a new password that is easy to guess, or the present one: who changes it has a reason.
async fn judge_new(
    app: &App,
    field: &'static str,
    new: &Password,
    account: &Account,
    present: &str,
) -> Result<(), AccountError> {
    app.hasher.check_strength(field, new, account.own_words()).await??;
    if app.hasher.verify(Some(present), new.expose()).await? {
        return Err(FieldError::new(field, "SAME_PASSWORD", "is the present password: choose another one").into());
    }
    Ok(())
}

fn changed(account: &Account) -> Message {
    mail_to(account, Template::PasswordChanged { name: account.name.as_str().to_owned() })
}
