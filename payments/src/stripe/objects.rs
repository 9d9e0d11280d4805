//! Objects of Stripe's API, as far as they are read here. Members that are not named are left alone: new ones appear without a new version.

use domain::{
    money::{Currency, Money},
    payments::{
        gateway::{
            ClientSecret, GatewayDispute, GatewayError, GatewayMessage, GatewayNews, GatewayPayment, GatewayReference,
            GatewayRefund, GatewayState, PaymentFailure, WebhookError,
        },
        refund::RefundState,
        statement::DisputeState,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// What we told Stripe to remember.
#[derive(Default, Deserialize)]
pub(super) struct Metadata {
    pub payment_id: Option<String>,
    pub refund_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub data: Vec<T>,
    pub has_more: bool,
}

/// What lists are walked by.
pub(super) trait Listed: DeserializeOwned + Send {
    fn id(&self) -> &str;
}

#[derive(Deserialize)]
pub(super) struct Intent {
    id: String,
    amount: i64,
    amount_received: Option<i64>,
    currency: String,
    status: String,
    client_secret: Option<String>,
    next_action: Option<NextAction>,
    last_payment_error: Option<LastError>,
    #[serde(default)]
    pub metadata: Metadata,
}

#[derive(Deserialize)]
struct NextAction {
    redirect_to_url: Option<RedirectToUrl>,
}

#[derive(Deserialize)]
struct RedirectToUrl {
    url: Option<String>,
}

#[derive(Deserialize)]
struct LastError {
    code: Option<String>,
    message: Option<String>,
}

impl Listed for Intent {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Intent {
    pub(super) fn payment(self) -> Result<GatewayPayment, GatewayError> {
        let state = match (self.status.as_str(), self.last_payment_error) {
            ("succeeded", _) => GatewayState::Succeeded,
            ("canceled", _) => GatewayState::Cancelled,
            ("requires_payment_method", Some(error)) => GatewayState::Failed(PaymentFailure {
                code: error.code.unwrap_or_else(|| "payment_failed".to_owned()),
                message: error.message.unwrap_or_else(|| "The payment failed.".to_owned()),
            }),
            ("requires_payment_method" | "requires_confirmation" | "requires_action", _) => {
                GatewayState::ActionRequired
            }
            // It is at it, or does what this version does not know.
            _ => GatewayState::Processing,
        };
        let amount = match (&state, self.amount_received) {
            (GatewayState::Succeeded, Some(received)) => received,
            _ => self.amount,
        };
        Ok(GatewayPayment {
            reference: GatewayReference(self.id),
            id: self.metadata.payment_id.and_then(|id| id.parse().ok()),
            amount: money(amount, &self.currency)?,
            state,
            client_secret: self.client_secret.map(ClientSecret),
            redirect_url: self.next_action.and_then(|action| action.redirect_to_url?.url),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Refund {
    id: String,
    amount: i64,
    currency: String,
    payment_intent: Option<String>,
    status: Option<String>,
    failure_reason: Option<String>,
    #[serde(default)]
    pub metadata: Metadata,
}

impl Listed for Refund {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Refund {
    pub(super) fn refund(self) -> Result<GatewayRefund, GatewayError> {
        let state = match self.status.as_deref() {
            Some("succeeded") => RefundState::Succeeded,
            Some("failed" | "canceled") => RefundState::Failed,
            _ => RefundState::Pending,
        };
        Ok(GatewayRefund {
            reference: GatewayReference(self.id),
            id: self.metadata.refund_id.and_then(|id| id.parse().ok()),
            payment: GatewayReference(self.payment_intent.unwrap_or_default()),
            amount: money(self.amount, &self.currency)?,
            state,
            failure: self.failure_reason,
        })
    }
}

#[derive(Deserialize)]
struct Dispute {
    id: String,
    amount: i64,
    currency: String,
    payment_intent: Option<String>,
    reason: String,
    status: String,
}

impl Dispute {
    /// Nothing of a bank's inquiry, which takes no money yet.
    fn dispute(self) -> Result<Option<GatewayDispute>, GatewayError> {
        let state = match self.status.as_str() {
            status if status.starts_with("warning_") => return Ok(None),
            "won" | "prevented" => DisputeState::Won,
            "lost" => DisputeState::Lost,
            _ => DisputeState::Open,
        };
        Ok(Some(GatewayDispute {
            reference: GatewayReference(self.id),
            payment: GatewayReference(self.payment_intent.unwrap_or_default()),
            amount: money(self.amount, &self.currency)?,
            state,
            reason: self.reason,
        }))
    }
}

fn money(amount: i64, currency: &str) -> Result<Money, GatewayError> {
    let unknown = |_| GatewayError::OutcomeUnknown(format!("an answer in the currency {currency:?}"));
    let currency: Currency = currency.to_ascii_uppercase().parse().map_err(unknown)?;
    Ok(Money::from_gateway_amount(amount, currency))
}

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    data: EventData,
}

#[derive(Deserialize)]
struct EventData {
    object: Value,
}

/// What the body of a webhook says. It is read by what it is about and not by its type: of one thing there are many types of events.
pub(super) fn message(body: &[u8]) -> Result<GatewayMessage, WebhookError> {
    let event: Event = serde_json::from_slice(body).map_err(|_| WebhookError::Unreadable)?;
    let sent_at = Timestamp::from_second(event.created).map_err(|_| WebhookError::Unreadable)?;
    let object = event.data.object;
    let news = match object.get("object").and_then(Value::as_str) {
        Some("payment_intent") => Some(GatewayNews::Payment(read::<Intent, _>(object, Intent::payment)?)),
        Some("refund") => Some(GatewayNews::Refund(read::<Refund, _>(object, Refund::refund)?)),
        Some("dispute") => read::<Dispute, _>(object, Dispute::dispute)?.map(GatewayNews::Dispute),
        _ => None,
    };
    Ok(GatewayMessage { id: event.id, sent_at, news: news.unwrap_or(GatewayNews::Other(event.kind)) })
}

fn read<O: DeserializeOwned, T>(
    object: Value,
    meaning: impl Fn(O) -> Result<T, GatewayError>,
) -> Result<T, WebhookError> {
    let object = serde_json::from_value(object).map_err(|_| WebhookError::Unreadable)?;
    meaning(object).map_err(|_| WebhookError::Unreadable)
}

#[cfg(test)]
#[path = "objects/tests.rs"]
mod tests;
