//! Messages of the sandbox to the webhook: signed, repeated until they are taken, some twice and some out of order.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    server::SandboxServer,
    store::{Document, DocumentKind, StoreError},
};
use crate::stripe::signature;

/// Between a message and its repetition.
const TWICE_AFTER: SignedDuration = SignedDuration::from_millis(500);
/// Between tries: doubled from the first to the last of these.
const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(1);
const RETRY_LAST: SignedDuration = SignedDuration::from_secs(60);

/// A message, due at once. By the last digit of what it is about, every second one comes twice.
pub(super) fn of(kind: &str, about: &str, object: Value, now: Timestamp) -> Document {
    let id = format!("evt_{}", uuid::Uuid::now_v7().simple());
    let event = json!({
        "id": id, "object": "event", "type": kind, "created": now.as_second(), "livemode": false, "data": { "object": object },
    });
    let body = json!({ "event": event, "tries": 0, "twice": bit(about, 1) });
    Document { id, kind: DocumentKind::Message, created_at: now, due_at: Some(now), body }
}

/// A bit of the last digit of an id, which is random.
pub(super) fn bit(id: &str, place: u32) -> bool {
    let digit = id.chars().last().and_then(|last| last.to_digit(16)).unwrap_or_default();
    (digit >> place) & 1 == 1
}

impl SandboxServer {
    /// One try to deliver a message, and what is to be done about it next.
    pub(super) async fn deliver(&self, mut message: Document) -> Result<(), StoreError> {
        let body = message.body["event"].to_string();
        let signature = signature::sign(body.as_bytes(), &self.config.webhook_secret, Timestamp::now());
        let request = self.webhooks.post(&self.config.webhook_url).header("stripe-signature", signature);
        let request = request.header("content-type", "application/json").body(body);
        let is_taken = request.send().await.is_ok_and(|answer| answer.status().is_success());
        let now = Timestamp::now();
        message.due_at = if !is_taken {
            let tries = message.body["tries"].as_u64().unwrap_or_default();
            message.body["tries"] = json!(tries + 1);
            Some(now + (RETRY_FIRST * 2_i32.pow(tries.min(6) as u32)).min(RETRY_LAST))
        } else if message.body["twice"] == true {
            message.body["twice"] = json!(false);
            Some(now + TWICE_AFTER)
        } else {
            None
        };
        self.store.save(vec![message]).await
    }
}
