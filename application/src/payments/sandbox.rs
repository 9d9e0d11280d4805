//! The page of a payer in the sandbox.

use domain::{
    audit::{Action, Deed, changes::AuditedChange, changes::AuditedChanges},
    ids::{AccountId, PaymentId},
    payments::{attempt::PaymentState, payment::Payment, sandbox::ActionOutcome},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{PaymentError, asking::ask, news::apply_news};
use crate::{acting, app::App};

/// What a payer does about a payment of theirs that waits for it. The payment as it is then.
pub async fn act(
    app: &App,
    account: AccountId,
    id: PaymentId,
    outcome: ActionOutcome,
) -> Result<Payment, PaymentError> {
    let page = app.payments.sandbox.as_ref().ok_or(PaymentError::NotFound)?;
    let before = app.store.payment_of(account, id).await?.ok_or(PaymentError::NotFound)?;
    let gateway = app.payments.gateway_of(&before.provider).ok_or(PaymentError::NotFound)?;
    let waits = before.reference.as_ref().filter(|_| before.state == PaymentState::RequiresAction);
    let reference = waits.ok_or(PaymentError::NothingToPay("the payment waits for no action"))?;
    let is_done = page.act(reference, outcome).await.map_err(|error| PaymentError::Unavailable {
        reason: error.to_string(),
        retry_after: std::time::Duration::from_secs(1),
    })?;
    if !is_done {
        return Err(PaymentError::NothingToPay("the payment waits for no action"));
    }
    // A message tells of it as well. Who waits for this answer need not wait for that.
    match ask(app, 1, gateway.payment(reference)).await {
        Ok(Some(news)) => apply_news(app, id, &news).await?,
        Ok(None) => {}
        Err(error) => tracing::debug!(payment = %id, %error, "what was done on the sandbox's page is applied later"),
    }
    let after = app.store.payment(id).await?.ok_or(PaymentError::NotFound)?;
    write_down(app, &before, &after).await?;
    Ok(after)
}

/// Writes down what an administrator did, as a payer.
async fn write_down(app: &App, before: &Payment, after: &Payment) -> Result<(), PaymentError> {
    let Some(actor) = acting::administrator() else { return Ok(()) };
    let values = |payment: &Payment| match json!({ "state": payment.state.as_str() }) {
        Value::Object(values) => Some(values),
        _ => None,
    };
    let (kind, id) = ("payment".to_owned(), after.id.to_string());
    let change = AuditedChange { kind: kind.clone(), id: id.clone(), before: values(before), after: values(after) };
    let details = json!({ "booking": after.booking_id });
    let deed = Deed { at: Timestamp::now(), actor, action: Action::Changed, target_kind: kind, target_id: id, details };
    Ok(app.store.write_down(deed.with(&AuditedChanges::of([change], 0))).await?)
}
