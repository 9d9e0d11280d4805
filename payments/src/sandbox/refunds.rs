//! Refunds of the sandbox.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    answers::ApiAnswer,
    intents::{amount, page},
    messages,
    methods::SandboxMethod,
    requests::ApiRequest,
    server::SandboxServer,
    store::{Document, DocumentKind, StoreError},
};

/// How long it takes until a refund is known to have failed.
const FAILS_AFTER: SignedDuration = SignedDuration::from_secs(1);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SandboxRefund {
    id: String,
    object: String,
    amount: i64,
    currency: String,
    payment_intent: String,
    status: String,
    failure_reason: Option<String>,
    created: i64,
    metadata: Map<String, Value>,
}

impl SandboxRefund {
    fn of(document: &Document) -> Option<Self> {
        let body = (document.kind == DocumentKind::Refund).then(|| document.body.clone())?;
        serde_json::from_value(body).ok()
    }

    fn document(&self, due_at: Option<Timestamp>) -> Document {
        let created_at = Timestamp::from_second(self.created).unwrap_or_default();
        Document { id: self.id.clone(), kind: DocumentKind::Refund, created_at, due_at, body: json!(self) }
    }
}

impl SandboxServer {
    pub(super) async fn create_refund(&self, request: &ApiRequest, now: Timestamp) -> Result<ApiAnswer, ApiAnswer> {
        request.only(&["payment_intent", "amount", "reason"])?;
        let key = request.idempotency_key.as_ref();
        let key = key.ok_or_else(|| ApiAnswer::invalid("idempotency_key_missing", "The sandbox wants a key."))?;
        let (amount, id) = (amount(request)?, format!("re_{}", key.replace('-', "")));
        let _alone = self.changes.lock().await;
        if let Some(known) = self.store.find(&id).await?.as_ref().and_then(SandboxRefund::of) {
            return Ok(ApiAnswer::Object(json!(known)));
        }
        let intent = self.intent(request.required("payment_intent")?).await?;
        let earlier = self.refunds_of(&intent.id).await?;
        let given_back: i64 =
            earlier.iter().filter(|refund| refund.status != "failed").map(|refund| refund.amount).sum();
        if intent.status != "succeeded" {
            return Err(ApiAnswer::invalid(
                "payment_intent_unexpected_state",
                "This PaymentIntent has no charge to refund.",
            ));
        }
        if amount <= 0 || amount > intent.amount - given_back {
            return Err(ApiAnswer::invalid(
                "charge_already_refunded",
                "SandboxRefund amount is greater than unrefunded amount.",
            ));
        }
        let fails = intent.method == SandboxMethod::RefundFails.as_str();
        let refund = SandboxRefund {
            id,
            object: "refund".to_owned(),
            amount,
            currency: intent.currency,
            payment_intent: intent.id,
            status: if fails { "pending" } else { "succeeded" }.to_owned(),
            failure_reason: None,
            created: now.as_second(),
            metadata: request.metadata(),
        };
        let due_at = fails.then_some(now + FAILS_AFTER);
        let message = messages::of("refund.created", &refund.id, json!(refund), now);
        self.store.save(vec![refund.document(due_at), message]).await?;
        Ok(ApiAnswer::Object(json!(refund)))
    }

    async fn refunds_of(&self, intent: &str) -> Result<Vec<SandboxRefund>, StoreError> {
        let all = self.store.list(DocumentKind::Refund, Timestamp::MIN..=Timestamp::MAX).await?;
        Ok(all.iter().filter_map(SandboxRefund::of).filter(|refund| refund.payment_intent == intent).collect())
    }

    pub(super) async fn refund(&self, id: &str) -> Result<ApiAnswer, ApiAnswer> {
        let found = self.store.find(id).await?.as_ref().and_then(SandboxRefund::of);
        found.map(|refund| ApiAnswer::Object(json!(refund))).ok_or_else(|| ApiAnswer::no_such(id))
    }

    pub(super) async fn list_refunds(&self, request: &ApiRequest) -> Result<ApiAnswer, ApiAnswer> {
        request.only(&["payment_intent", "limit", "starting_after"])?;
        let refunds = self.refunds_of(request.required("payment_intent")?).await?;
        page(request, refunds.into_iter().map(|refund| json!(refund)).collect())
    }

    /// A refund that was on its way does not arrive.
    pub(super) async fn fail_refund(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let _alone = self.changes.lock().await;
        if let Some(mut refund) = self.store.find(id).await?.as_ref().and_then(SandboxRefund::of)
            && refund.status == "pending"
        {
            (refund.status, refund.failure_reason) = ("failed".to_owned(), Some("expired_or_canceled_card".to_owned()));
            let message = messages::of("refund.failed", &refund.id, json!(refund), now);
            self.store.save(vec![refund.document(None), message]).await?;
        }
        Ok(())
    }
}
