//! Account administration: roles and suspension.

use domain::{
    accounts::Account,
    administration::{AccountChange, ChangeAccountError},
    audit::Actor,
    ids::AccountId,
    management::Expected,
};

use super::{accounts::now, app::App};

/// Changes what an account may do, or whether it may sign in, effective at once: its access tokens are refused from now on.
pub async fn update_account(
    app: &App,
    id: AccountId,
    change: AccountChange,
    expected: Expected,
    actor: &Actor,
) -> Result<Account, ChangeAccountError> {
    let account = app.store.update_account(id, change, expected, actor, now()).await?;
    app.issuer.refuse_before(id, account.tokens_not_before);
    app.outbox.wake();
    tracing::info!(
        userId = actor.account.map(tracing::field::display),
        account = %id,
        role = account.role.as_str(),
        status = account.status.as_str(),
        "account changed by an administrator"
    );
    Ok(account)
}
