//! Messages of gateways: taken when they are verified and stored, and applied by a job.

use std::net::IpAddr;

use domain::{
    ids::PaymentId,
    payments::{
        gateway::{GatewayDispute, GatewayNews, GatewayPayment, GatewayReference, WebhookError},
        payment::Payment,
    },
    unpaid::NetworkId,
};
use jiff::Timestamp;
use metrics::counter;

use super::{PaymentError, news::apply_news};
use crate::{
    app::App,
    limits::{Limited, Rule},
    refunds::apply_refund_news,
};

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// No such gateway is used here.
    #[error("there is no such gateway")]
    NoGateway,
    /// It is not from the gateway, or nobody can say that it is.
    #[error(transparent)]
    NotVerified(WebhookError),
    /// The client has sent too many of these.
    #[error(transparent)]
    Limited(Limited),
    /// It is from the gateway, and could not be kept. It comes again.
    #[error("{0}")]
    NotKept(String),
    #[error(transparent)]
    Repository(#[from] domain::repositories::RepositoryError),
}

/// Takes a message of a gateway. When it returns, the message is durable.
pub async fn receive(
    app: &App,
    provider: &str,
    signature: impl FnOnce(&'static str) -> Option<String>,
    body: &[u8],
    from: IpAddr,
) -> Result<(), MessageError> {
    let gateway = app.payments.gateway_of(provider).ok_or(MessageError::NoGateway)?;
    let signature = signature(gateway.signature_header());
    if let Err(error) = gateway.verify(signature.as_deref(), body, Timestamp::now()) {
        count("refused");
        // Only what is not the gateway's is counted, so nobody can use up what the gateway needs.
        app.limits
            .attempt(Rule::Webhook, &format!("{provider} network {:?}", NetworkId::of(from)), from)
            .await
            .map_err(MessageError::Limited)?;
        tracing::warn!(provider, client = %from, %error, "a message that claims to be a payment gateway's is refused");
        return Err(MessageError::NotVerified(error));
    }
    let message = gateway.read(body).map_err(|error| {
        count("unreadable");
        MessageError::NotKept(format!("a verified message of {provider}: {error}"))
    })?;
    let is_new = app.store.keep_message(provider, &message.id, body).await?;
    count(if is_new { "kept" } else { "repeated" });
    app.jobs.wake();
    Ok(())
}

fn count(outcome: &'static str) {
    counter!("boxoffice_webhook_messages_total", "outcome" => outcome).increment(1);
}

/// Why news could not be applied now.
pub(super) async fn apply(app: &App, provider: &str, news: GatewayNews) -> Result<(), PaymentError> {
    match news {
        GatewayNews::Payment(news) => match attempt(app, provider, news.id, &news.reference).await? {
            Some(payment) => apply_news(app, payment.id, &news).await,
            None => foreign(&news),
        },
        GatewayNews::Refund(news) => Ok(apply_refund_news(app, provider, &news).await?),
        GatewayNews::Dispute(news) => dispute(app, provider, &news).await,
        GatewayNews::Other(_) => Ok(()),
    }
}

/// The attempt that news is about. Its id in the gateway's words is not believed when the gateway is another one.
async fn attempt(
    app: &App,
    provider: &str,
    id: Option<PaymentId>,
    reference: &GatewayReference,
) -> Result<Option<Payment>, PaymentError> {
    let named = match id {
        Some(id) => app.store.payment(id).await?.filter(|payment| payment.provider == provider),
        None => None,
    };
    match named {
        Some(payment) => Ok(Some(payment)),
        None => Ok(app.store.payment_by_reference(provider, reference).await?),
    }
}

/// The account at the gateway may be used by others as well.
fn foreign(news: &GatewayPayment) -> Result<(), PaymentError> {
    tracing::info!(reference = news.reference.0, "the gateway tells of a payment that was not begun from here");
    Ok(())
}

async fn dispute(app: &App, provider: &str, news: &GatewayDispute) -> Result<(), PaymentError> {
    let Some(payment) = app.store.payment_by_reference(provider, &news.payment).await? else { return Ok(()) };
    tracing::warn!(payment = %payment.id, booking = %payment.booking_id, state = news.state.as_str(), "a payment is disputed");
    Ok(app.store.note_dispute(&payment, news).await?)
}
