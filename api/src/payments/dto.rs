//! Payments in JSON.

use domain::{
    ids::{AccountId, BookingId, EventId, PaymentId},
    money::Money,
    payments::{
        attempt::PaymentState,
        payment::{BANK_TRANSFER, Payment},
        sandbox::ActionOutcome,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How to pay.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = PaymentRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PaymentBody {
    /// `card` unless it is said; `bank_transfer` where the event takes it. The sandbox has methods of its own, such as `sandbox_slow`.
    #[schema(nullable = false, example = "card")]
    pub(super) method: Option<String>,
    /// Where the payer goes on after an action elsewhere: an http or https address.
    #[schema(nullable = false, max_length = 2000, example = "https://tickets.example.org/paid")]
    pub(super) return_url: Option<String>,
}

/// What a payer does when asked.
#[derive(Deserialize, ToSchema)]
#[schema(as = SandboxAction)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ActionBody {
    pub(super) outcome: OutcomeJson,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = SandboxOutcome)]
#[serde(rename_all = "lowercase")]
pub(super) enum OutcomeJson {
    Succeed,
    Fail,
}

impl From<OutcomeJson> for ActionOutcome {
    fn from(outcome: OutcomeJson) -> Self {
        match outcome {
            OutcomeJson::Succeed => Self::Succeed,
            OutcomeJson::Fail => Self::Fail,
        }
    }
}

/// An attempt to pay a booking.
#[derive(Serialize, ToSchema)]
#[schema(as = Payment)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentJson<'a> {
    id: PaymentId,
    booking_id: BookingId,
    status: PaymentStatusJson,
    amount: Money,
    /// The gateway; `manual` for what none knows.
    provider: &'a str,
    method: &'a str,
    /// With what the payer's page goes on. There only while there is something to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_secret: Option<&'a str>,
    /// Where the payer has to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    redirect_url: Option<&'a str>,
    /// What the payer has to do, of a bank transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    instructions: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failure: Option<FailureJson<'a>>,
    created_at: Timestamp,
    /// When its status last changed.
    updated_at: Timestamp,
}

/// Where an attempt is. While it is `PROCESSING`, money may be on its way, and no other attempt begins.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = PaymentStatus)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum PaymentStatusJson {
    RequiresAction,
    Processing,
    Succeeded,
    Failed,
    Cancelled,
}

impl From<PaymentState> for PaymentStatusJson {
    fn from(state: PaymentState) -> Self {
        match state {
            PaymentState::RequiresAction => Self::RequiresAction,
            PaymentState::Started | PaymentState::Processing => Self::Processing,
            PaymentState::Succeeded => Self::Succeeded,
            PaymentState::Failed => Self::Failed,
            PaymentState::Cancelled => Self::Cancelled,
        }
    }
}

/// Why it failed.
#[derive(Serialize, ToSchema)]
#[schema(as = PaymentFailure)]
struct FailureJson<'a> {
    /// For programs, in the words of the gateway.
    #[schema(example = "card_declined")]
    code: &'a str,
    /// For the payer.
    message: &'a str,
}

impl<'a> From<&'a Payment> for PaymentJson<'a> {
    fn from(payment: &'a Payment) -> Self {
        let is_failed = payment.state == PaymentState::Failed;
        let failure = payment.failure.as_ref().filter(|_| is_failed);
        let is_open = !payment.state.is_over();
        Self {
            id: payment.id,
            booking_id: payment.booking_id,
            status: payment.state.into(),
            amount: payment.amount,
            provider: &payment.provider,
            method: &payment.method,
            client_secret: payment.client_secret.as_ref().filter(|_| is_open).map(|secret| secret.0.as_str()),
            redirect_url: payment.redirect_url.as_deref().filter(|_| payment.state == PaymentState::RequiresAction),
            instructions: instructions(payment),
            failure: failure.map(|failure| FailureJson { code: &failure.code, message: &failure.message }),
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}

fn instructions(payment: &Payment) -> Option<String> {
    let waits = payment.method == BANK_TRANSFER && payment.state == PaymentState::RequiresAction;
    let reference = payment.booking_id.reference();
    waits.then(|| {
        format!(
            "Transfer {} to the account of the organizer, with the reference {reference}. The booking is confirmed when the \
             organizer has received it; until when it waits, its expiresAt says.",
            payment.amount
        )
    })
}

/// The attempts to pay a booking, the earliest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Payments)]
pub(super) struct PaymentsJson<'a> {
    pub(super) data: Vec<PaymentJson<'a>>,
}

/// An attempt as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminPayment)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdminPaymentJson<'a> {
    id: PaymentId,
    booking_id: BookingId,
    event_id: EventId,
    /// Who began it.
    account_id: AccountId,
    status: PaymentStatusJson,
    amount: Money,
    /// The gateway; `manual` for what none knows.
    provider: &'a str,
    method: &'a str,
    /// What the gateway calls it, once it has answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failure: Option<FailureJson<'a>>,
    created_at: Timestamp,
    /// When its status last changed.
    updated_at: Timestamp,
}

impl<'a> From<&'a Payment> for AdminPaymentJson<'a> {
    fn from(payment: &'a Payment) -> Self {
        let PaymentJson { id, booking_id, status, amount, provider, method, failure, created_at, updated_at, .. } =
            payment.into();
        let (event_id, account_id) = (payment.event_id, payment.account_id);
        let reference = payment.reference.as_ref().map(|reference| reference.0.as_str());
        Self {
            id,
            booking_id,
            event_id,
            account_id,
            status,
            amount,
            provider,
            method,
            reference,
            failure,
            created_at,
            updated_at,
        }
    }
}

/// That a message is kept. Gateways look at the status only.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageReceived)]
pub(super) struct ReceivedJson {
    pub(super) received: bool,
}
