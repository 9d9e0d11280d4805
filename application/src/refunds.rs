//! Money that goes back: asking the gateway for it, and what is heard of it.
//!
//! A refund is stored, with a job, in the transaction of its cause. The job asks the gateway until it answers, under one idempotency key, and
//! looks after a refund that the gateway is still at; what the gateway tells by itself comes through the same door.

use std::{sync::LazyLock, time::Duration};

use actors::breakers::{CallError, Service};
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
use metrics::{Counter, counter};

use super::app::App;

/// How long the gateway may take to answer.
const GATEWAY_MAX: Duration = Duration::from_secs(20);
/// When a gateway that is at a refund is asked about it: after as long as it has been at it, within these bounds. It tells by itself as well.
const LOOK_MIN: Duration = Duration::from_secs(10);
const LOOK_MAX: Duration = Duration::from_secs(6 * 3600);
/// When a gateway is asked again that takes too many calls.
const FULL_WAIT: Duration = Duration::from_secs(1);

/// Counts refunds by what became of them.
static SUCCEEDED: LazyLock<Counter> = LazyLock::new(|| counter!("boxoffice_refunds_total", "outcome" => "succeeded"));
static FAILED: LazyLock<Counter> = LazyLock::new(|| counter!("boxoffice_refunds_total", "outcome" => "failed"));

impl From<RepositoryError> for JobFailure {
    fn from(error: RepositoryError) -> Self {
        Self(JobError::Failed(error.to_string()))
    }
}

/// So that `?` takes trouble with the database.
struct JobFailure(JobError);

/// The job: has the gateway give the money back, or asks what has become of it.
pub async fn make(app: &App, gateway: Option<&dyn PaymentGateway>, id: RefundId) -> Result<(), JobError> {
    make_with(app, gateway, id).await.map_err(|JobFailure(error)| error)
}

async fn make_with(app: &App, gateway: Option<&dyn PaymentGateway>, id: RefundId) -> Result<(), JobFailure> {
    let Some(order) = app.store.order_refund(id).await? else {
        return Err(JobFailure(JobError::Hopeless("there is no such refund".to_owned())));
    };
    if order.state != RefundState::Pending {
        return Ok(());
    }
    if order.by_hand {
        let news = RefundNews { state: RefundState::Succeeded, reference: None, failure: None };
        return Ok(note(app, id, &news).await?);
    }
    let gateway = gateway.filter(|gateway| gateway.provider() == order.provider);
    let Some(gateway) = gateway else {
        let reason = format!("the payment gateway {} is not configured here", order.provider);
        return Err(JobFailure(JobError::Failed(reason)));
    };
    let answer = match ask(app, gateway, id, &order).await {
        Ok(answer) => answer,
        // It will not change its mind: the organizer has to decide what else can be done.
        Err(Trouble::Refused(failure)) => {
            tracing::warn!(refund = %id, failure, "the payment gateway refuses a refund");
            let news = RefundNews { state: RefundState::Failed, reference: None, failure: Some(failure) };
            return Ok(note(app, id, &news).await?);
        }
        Err(Trouble::Later(error)) => return Err(JobFailure(error)),
    };
    let news = news(&answer);
    note(app, id, &news).await?;
    if news.state == RefundState::Pending {
        let age = Duration::try_from(Timestamp::now().duration_since(order.created_at)).unwrap_or_default();
        let reason = "the payment gateway is at it".to_owned();
        return Err(JobFailure(JobError::Postponed { reason, wait: age.clamp(LOOK_MIN, LOOK_MAX) }));
    }
    Ok(())
}

/// Why there is no answer about a refund.
enum Trouble {
    Refused(String),
    Later(JobError),
}

async fn ask(
    app: &App,
    gateway: &dyn PaymentGateway,
    id: RefundId,
    order: &RefundOrder,
) -> Result<GatewayRefund, Trouble> {
    let later = |reason: &str| Trouble::Later(JobError::Failed(reason.to_owned()));
    let Some(payment) = order.payment.clone() else { return Err(later("the gateway has no name for the payment yet")) };
    let request = RefundRequest { id, payment, amount: order.amount, repeated: order.was_asked };
    let work = async {
        let known = match &order.reference {
            Some(reference) => gateway.refund_state(reference).await?,
            None => None,
        };
        match known {
            Some(refund) => Ok(refund),
            None => gateway.refund(&request).await,
        }
    };
    let error = match app.breakers.of(Service::Payment).call(GATEWAY_MAX, work).await {
        Ok(refund) => return Ok(refund),
        Err(error) => error,
    };
    let reason = error.to_string();
    Err(match error {
        CallError::Failed(GatewayError::Refused { message, .. }) => Trouble::Refused(message),
        // It was not asked.
        CallError::Open { retry_after } => Trouble::Later(JobError::Postponed { reason, wait: retry_after }),
        CallError::Full => Trouble::Later(JobError::Postponed { reason, wait: FULL_WAIT }),
        CallError::TimedOut | CallError::Failed(_) => Trouble::Later(JobError::Failed(reason)),
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
        Some((RefundState::Succeeded, RefundState::Pending)) => SUCCEEDED.increment(1),
        Some((RefundState::Failed, before)) if before != RefundState::Failed => {
            FAILED.increment(1);
            tracing::error!(refund = %id, failure, "a refund has failed: its organizer has to make it again");
        }
        _ => {}
    }
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
