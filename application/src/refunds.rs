//! Money that goes back: asking the gateway for it, and what is heard of it.
//!
//! A refund is stored, with a job, in the transaction of its cause. The job asks the gateway until it answers, under one idempotency key, and
//! looks after a refund that the gateway is still at; what the gateway tells by itself comes through the same door.

use std::time::Duration;

use actors::breakers::CallError;
use domain::{
    ids::RefundId,
    jobs::JobError,
    payments::{
        books::{ForeignRefund, RefundNews, RefundOrder},
        gateway::{GatewayError, GatewayReference, GatewayRefund, PaymentGateway, RefundRequest},
        refund::RefundState,
    },
    repositories::RepositoryError,
};
use jiff::Timestamp;
use metrics::counter;

use super::{
    app::App,
    payments::{
        asking::ask,
        retries::{WRONG, unanswered},
    },
};

/// When a gateway that is at a refund is asked about it: after as long as it has been at it, within these bounds. It tells by itself as well.
const LOOK_MIN: Duration = Duration::from_secs(10);
const LOOK_MAX: Duration = Duration::from_secs(6 * 3600);

/// The job: has the gateway give the money back, or asks what has become of it.
pub async fn make(app: &App, id: RefundId) -> Result<(), JobError> {
    let Some(order) = app.store.order_refund(id).await? else {
        return Err(JobError::Hopeless("there is no such refund".to_owned()));
    };
    if order.state != RefundState::Pending {
        return Ok(());
    }
    if order.by_hand {
        let news = RefundNews { state: RefundState::Succeeded, reference: None, failure: None };
        return Ok(note(app, id, &news).await?);
    }
    let Some(gateway) = app.payments.gateway_of(&order.provider) else {
        return Err(JobError::Postponed { reason: format!("{} is not the gateway now", order.provider), wait: WRONG });
    };
    let answer = match refunded(app, &**gateway, id, &order).await {
        Ok(answer) => answer,
        // It will not change its mind: the organizer has to decide what else can be done.
        Err(Trouble::Refused(failure)) => {
            tracing::warn!(refund = %id, failure, "the payment gateway refuses a refund");
            let news = RefundNews { state: RefundState::Failed, reference: None, failure: Some(failure) };
            return Ok(note(app, id, &news).await?);
        }
        Err(Trouble::Later(error)) => return Err(error),
    };
    let news = news(&answer);
    note(app, id, &news).await?;
    if news.state == RefundState::Pending {
        let age = Duration::try_from(Timestamp::now().duration_since(order.created_at)).unwrap_or_default();
        let reason = "the payment gateway is at it".to_owned();
        return Err(JobError::Postponed { reason, wait: age.clamp(LOOK_MIN, LOOK_MAX) });
    }
    Ok(())
}

/// Why there is no answer about a refund.
enum Trouble {
    Refused(String),
    Later(JobError),
}

async fn refunded(
    app: &App,
    gateway: &dyn PaymentGateway,
    id: RefundId,
    order: &RefundOrder,
) -> Result<GatewayRefund, Trouble> {
    let Some(payment) = order.payment.clone() else {
        let reason = "the gateway has no name for the payment yet".to_owned();
        return Err(Trouble::Later(JobError::Failed(reason)));
    };
    let request = RefundRequest { id, payment, amount: order.amount, repeated: order.was_asked };
    let work = async {
        let Some(reference) = &order.reference else { return gateway.refund(&request).await };
        // Not made again: it has told of this one, and money that is going back already would go back twice.
        let lost = || GatewayError::OutcomeUnknown("it does not know the refund that it has told of".to_owned());
        gateway.refund_state(reference).await?.ok_or_else(lost)
    };
    ask(app, 3, work).await.map_err(|error| match error {
        CallError::Failed(GatewayError::Refused { message, .. }) => Trouble::Refused(message),
        error => Trouble::Later(unanswered(error)),
    })
}

fn news(of: &GatewayRefund) -> RefundNews {
    RefundNews { state: of.state, reference: Some(of.reference.clone()), failure: of.failure.clone() }
}

async fn note(app: &App, id: RefundId, news: &RefundNews) -> Result<(), RepositoryError> {
    let noted = app.store.note_refund_news(id, news).await?;
    counted(id, noted, news.failure.as_deref());
    Ok(())
}

/// Counts a refund that has come to an end, which it may do twice: a bank may return what was sent.
fn counted(id: RefundId, noted: Option<(RefundState, RefundState)>, failure: Option<&str>) {
    match noted {
        Some((state @ RefundState::Succeeded, RefundState::Pending)) => count(state),
        Some((state @ RefundState::Failed, before)) if before != state => {
            count(state);
            tracing::error!(refund = %id, failure, "a refund has failed: its organizer has to make it again");
        }
        _ => {}
    }
}

fn count(state: RefundState) {
    let outcome = if state == RefundState::Succeeded { "succeeded" } else { "failed" };
    counter!("boxoffice_refunds_total", "outcome" => outcome).increment(1);
}

/// What a gateway tells of a refund by itself; late, repeated and out of order.
pub async fn apply_refund_news(app: &App, provider: &str, of: &GatewayRefund) -> Result<(), RepositoryError> {
    let news = news(of);
    if let Some(id) = of.id {
        let noted = app.store.note_refund_news(id, &news).await?;
        if noted.is_some() {
            counted(id, noted, news.failure.as_deref());
            return Ok(());
        }
    }
    let GatewayReference(reference) = &of.reference;
    let foreign = ForeignRefund { provider: provider.to_owned(), payment: of.payment.clone(), amount: of.amount, news };
    match app.store.note_foreign_refund(&foreign).await? {
        None => tracing::info!(provider, reference, "news of a refund of a payment that was not begun from here"),
        Some((after, before)) if after != before => {
            tracing::warn!(provider, reference, "money was given back on the pages of the payment gateway");
        }
        Some(_) => {}
    }
    Ok(())
}
