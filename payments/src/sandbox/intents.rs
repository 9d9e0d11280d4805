//! Payment intents of the sandbox: what becomes of each, by its method.

use domain::{
    money::{Currency, Money},
    payments::sandbox::ActionOutcome,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    answers::ApiAnswer,
    messages,
    methods::SandboxMethod,
    requests::ApiRequest,
    server::SandboxServer,
    store::{Document, DocumentKind, StoreError},
};

/// How long a slow payment takes.
const SLOW: SignedDuration = SignedDuration::from_secs(2);
/// How long after the end of a booking a late payment comes.
const LATE: SignedDuration = SignedDuration::from_secs(2);
/// When no end was told.
const LATE_WITHOUT_END: SignedDuration = SignedDuration::from_mins(20);

/// How long a message waits that is to be overtaken by a later one: longer than a slow payment takes.
const OVERTAKEN: SignedDuration = SignedDuration::from_secs(3);

const CREATE: [&str; 9] = [
    "amount",
    "currency",
    "description",
    "automatic_payment_methods[enabled]",
    "automatic_payment_methods[allow_redirects]",
    "payment_method",
    "confirm",
    "return_url",
    "capture_method",
];
const LIST: [&str; 4] = ["limit", "starting_after", "created[gte]", "created[lte]"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SandboxIntent {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub method: String,
    pub created: i64,
    pub metadata: Map<String, Value>,
    /// Of its last try.
    pub error: Option<String>,
}

impl SandboxIntent {
    pub(super) fn of(document: &Document) -> Option<Self> {
        let body = (document.kind == DocumentKind::Intent).then(|| document.body.clone())?;
        serde_json::from_value(body).ok()
    }

    pub(super) fn document(&self, due_at: Option<Timestamp>) -> Document {
        let created_at = Timestamp::from_second(self.created).unwrap_or_default();
        Document { id: self.id.clone(), kind: DocumentKind::Intent, created_at, due_at, body: json!(self) }
    }

    /// As Stripe shows it.
    pub(super) fn shown(&self, action_url: &str) -> Value {
        let is_paid = self.status == "succeeded";
        let payment_id = self.metadata.get("payment_id").and_then(Value::as_str).unwrap_or_default();
        let redirect =
            json!({ "type": "redirect_to_url", "redirect_to_url": { "url": format!("{action_url}{payment_id}") } });
        let error = self
            .error
            .as_ref()
            .map(|code| json!({ "type": "card_error", "code": code, "message": "Your card was declined." }));
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_received": if is_paid { self.amount } else { 0 },
            "currency": self.currency,
            "status": self.status,
            "client_secret": format!("{}_secret_sandbox", self.id),
            "created": self.created,
            "livemode": false,
            "metadata": self.metadata,
            "next_action": if self.status == "requires_action" { redirect } else { Value::Null },
            "last_payment_error": error,
        })
    }

    fn fail(&mut self, code: &str) {
        (self.status, self.error) = ("requires_payment_method".to_owned(), Some(code.to_owned()));
    }

    /// When a payment settles that is processed.
    fn settles_at(&self, method: SandboxMethod, now: Timestamp) -> Option<Timestamp> {
        let told = self.metadata.get("expires_at").and_then(|text| text.as_str()?.parse().ok());
        let end = told.and_then(|seconds| Timestamp::from_second(seconds).ok());
        match method {
            SandboxMethod::Slow => Some(now + SLOW),
            SandboxMethod::Late => Some(end.map_or(now + LATE_WITHOUT_END, |end| end.max(now) + LATE)),
            _ => None,
        }
    }
}

impl SandboxServer {
    pub(super) async fn create_intent(&self, request: &ApiRequest, now: Timestamp) -> Result<ApiAnswer, ApiAnswer> {
        request.only(&CREATE)?;
        let key = request.idempotency_key.as_ref();
        let key = key.ok_or_else(|| ApiAnswer::invalid("idempotency_key_missing", "The sandbox wants a key."))?;
        let (amount, currency) = (amount(request)?, request.required("currency")?);
        check_amount(amount, currency)?;
        let id = format!("pi_{}", key.replace('-', ""));
        let _alone = self.changes.lock().await;
        if let Some(known) = self.store.find(&id).await?.as_ref().and_then(SandboxIntent::of) {
            if (known.amount, known.currency.as_str()) != (amount, currency) {
                let message = "Keys for idempotent requests can only be used with the same parameters.";
                return Err(ApiAnswer::refused(
                    hyper::StatusCode::BAD_REQUEST,
                    "idempotency_error",
                    "idempotency_error",
                    message,
                ));
            }
            return Ok(self.answer_for(&known));
        }
        let mut intent = SandboxIntent {
            id,
            amount,
            currency: currency.to_owned(),
            status: "requires_payment_method".to_owned(),
            method: request.parameter("payment_method").unwrap_or_default().to_owned(),
            created: now.as_second(),
            metadata: request.metadata(),
            error: None,
        };
        let mut due_at = None;
        if request.parameter("confirm") == Some("true") {
            let method = SandboxMethod::parse(&intent.method);
            let method = method.ok_or_else(|| ApiAnswer::no_such(&intent.method))?;
            match method {
                SandboxMethod::Success | SandboxMethod::Timeout | SandboxMethod::RefundFails => {
                    intent.status = "succeeded".to_owned()
                }
                SandboxMethod::Declined => intent.fail("card_declined"),
                SandboxMethod::Action => intent.status = "requires_action".to_owned(),
                SandboxMethod::Slow | SandboxMethod::Late => intent.status = "processing".to_owned(),
            }
            due_at = intent.settles_at(method, now);
        }
        let mut documents = vec![intent.document(due_at)];
        if intent.method != SandboxMethod::Timeout.as_str() {
            documents.extend(message(&intent, &self.config.action_url, now));
        }
        self.store.save(documents).await?;
        Ok(self.answer_for(&intent))
    }

    fn answer_for(&self, intent: &SandboxIntent) -> ApiAnswer {
        let shown = intent.shown(&self.config.action_url);
        match SandboxMethod::parse(&intent.method) {
            Some(SandboxMethod::Timeout) => ApiAnswer::Silence,
            Some(SandboxMethod::Declined) => ApiAnswer::declined(shown),
            _ => ApiAnswer::Object(shown),
        }
    }

    pub(super) async fn intent(&self, id: &str) -> Result<SandboxIntent, ApiAnswer> {
        let found = self.store.find(id).await?;
        found.as_ref().and_then(SandboxIntent::of).ok_or_else(|| ApiAnswer::no_such(id))
    }

    pub(super) async fn list_intents(&self, request: &ApiRequest) -> Result<ApiAnswer, ApiAnswer> {
        request.only(&LIST)?;
        let second = |seconds: i64| Timestamp::from_second(seconds).unwrap_or_default();
        let from = request.integer("created[gte]")?.map_or(Timestamp::MIN, second);
        // Documents are kept by whole seconds, as Stripe's are.
        let to = request.integer("created[lte]")?.map_or(Timestamp::MAX, second);
        let all = self.store.list(DocumentKind::Intent, from..=to).await?;
        let shown = all.iter().filter_map(SandboxIntent::of).map(|intent| intent.shown(&self.config.action_url));
        page(request, shown.collect())
    }

    pub(super) async fn cancel_intent(&self, id: &str, now: Timestamp) -> Result<ApiAnswer, ApiAnswer> {
        let _alone = self.changes.lock().await;
        let mut intent = self.intent(id).await?;
        if !matches!(intent.status.as_str(), "requires_payment_method" | "requires_confirmation" | "requires_action") {
            let message = format!("You cannot cancel this PaymentIntent because it has a status of {}.", intent.status);
            return Err(ApiAnswer::invalid("payment_intent_unexpected_state", message));
        }
        intent.status = "canceled".to_owned();
        self.settled(&intent, now).await?;
        Ok(ApiAnswer::Object(intent.shown(&self.config.action_url)))
    }

    /// The end of a payment that was processed.
    pub(super) async fn settle(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let _alone = self.changes.lock().await;
        if let Some(mut intent) = self.store.find(id).await?.as_ref().and_then(SandboxIntent::of)
            && intent.status == "processing"
        {
            intent.status = "succeeded".to_owned();
            self.settled(&intent, now).await?;
        }
        Ok(())
    }

    pub(super) async fn act(&self, id: &str, outcome: ActionOutcome, now: Timestamp) -> Result<bool, StoreError> {
        let _alone = self.changes.lock().await;
        let found = self.store.find(id).await?.as_ref().and_then(SandboxIntent::of);
        let Some(mut intent) = found.filter(|intent| intent.status == "requires_action") else { return Ok(false) };
        match outcome {
            ActionOutcome::Succeed => intent.status = "succeeded".to_owned(),
            ActionOutcome::Fail => intent.fail("payment_intent_authentication_failure"),
        }
        self.settled(&intent, now).await?;
        Ok(true)
    }

    async fn settled(&self, intent: &SandboxIntent, now: Timestamp) -> Result<(), StoreError> {
        let mut documents = vec![intent.document(None)];
        documents.extend(message(intent, &self.config.action_url, now));
        self.store.save(documents).await
    }
}

/// What is told of an intent that has just changed. By the last digit of its id, every second one that is processed tells so only when it
/// is over.
fn message(intent: &SandboxIntent, action_url: &str, now: Timestamp) -> Option<Document> {
    let kind = match intent.status.as_str() {
        "succeeded" => "payment_intent.succeeded",
        "processing" => "payment_intent.processing",
        "requires_action" => "payment_intent.requires_action",
        "canceled" => "payment_intent.canceled",
        _ if intent.error.is_some() => "payment_intent.payment_failed",
        _ => return None,
    };
    let mut message = messages::of(kind, &intent.id, intent.shown(action_url), now);
    if intent.status == "processing" && messages::bit(&intent.id, 0) {
        message.due_at = Some(now + OVERTAKEN);
    }
    Some(message)
}

pub(super) fn amount(request: &ApiRequest) -> Result<i64, ApiAnswer> {
    request.required("amount")?;
    Ok(request.integer("amount")?.unwrap_or_default())
}

fn check_amount(amount: i64, currency: &str) -> Result<(), ApiAnswer> {
    let is_lower_case = currency.bytes().all(|byte| byte.is_ascii_lowercase());
    let known = currency.to_ascii_uppercase().parse::<Currency>().ok().filter(|_| is_lower_case);
    let currency = known.ok_or_else(|| ApiAnswer::invalid("invalid_currency", "Invalid currency."))?;
    let money = Money::from_gateway_amount(amount, currency);
    if amount <= 0 || !money.is_payable() {
        return Err(ApiAnswer::invalid("invalid_amount", "Invalid amount for this currency."));
    }
    let minimum = Money::gateway_minimum(currency);
    if minimum.is_some_and(|minimum| money.amount < minimum.amount) {
        return Err(ApiAnswer::invalid("amount_too_small", "The amount is below the minimum."));
    }
    Ok(())
}

/// A page of a list: after the entry that is named, as many as are asked for.
pub(super) fn page(request: &ApiRequest, all: Vec<Value>) -> Result<ApiAnswer, ApiAnswer> {
    let limit = request.integer("limit")?.unwrap_or(10);
    let limit = usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit));
    let limit = limit.ok_or_else(|| ApiAnswer::invalid("parameter_invalid_integer", "Limit is from 1 to 100."))?;
    let after = request.parameter("starting_after");
    let start = match after {
        None => 0,
        Some(id) => 1 + all.iter().position(|entry| entry["id"] == id).ok_or_else(|| ApiAnswer::no_such(id))?,
    };
    let has_more = all.len() > start + limit;
    Ok(ApiAnswer::list(all.into_iter().skip(start).take(limit).collect(), has_more))
}
