//! Stripe, by its documented HTTP API: payment intents, refunds and webhooks.
//!
//! Written from <https://docs.stripe.com/api>, as copies of October 2026 have it; read on 2026-11-30. Places have an intent each; it is captured
//! at once, so there is nothing to capture or to void. Without a method the payer's page confirms the intent with its client secret; with one
//! it is confirmed as it is made.

mod client;
mod config;
mod errors;
mod objects;
pub mod signature;

use async_trait::async_trait;
use domain::{
    ids::PaymentId,
    money::{Currency, Money},
    payments::gateway::{
        GatewayError, GatewayMessage, GatewayPayment, GatewayReference, GatewayRefund, PaymentGateway, PaymentRequest,
        RefundRequest, WebhookError,
    },
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

pub use self::config::{API_VERSION, StripeConfig};
use self::{
    client::Client,
    objects::{Intent, Page, Refund},
};

/// How long after an attempt was stored its intent may have been made. Too short, and one is not found that was charged; too long, and a
/// search reads what a whole evening sold.
const FOUND_WITHIN: SignedDuration = SignedDuration::from_mins(15);
/// Clocks differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(1);
/// Entries of one page, which is the most that Stripe gives, and pages of one search.
const PAGE: &str = "100";
const PAGES_MAX: usize = 100;

pub struct StripeGateway {
    provider: &'static str,
    client: Client,
    webhook_secrets: Vec<SecretString>,
    default_method: Option<String>,
    methods: &'static [&'static str],
}

impl StripeGateway {
    pub fn new(config: StripeConfig) -> Result<Self, GatewayError> {
        Self::named("stripe", config)
    }

    /// The same for another gateway that speaks like Stripe.
    pub fn named(provider: &'static str, config: StripeConfig) -> Result<Self, GatewayError> {
        let client = Client::new(&config)?;
        let StripeConfig { webhook_secrets, default_method, methods, .. } = config;
        if webhook_secrets.iter().any(|secret| secret.expose_secret().is_empty()) {
            // Anyone could sign with it.
            return Err(GatewayError::Misconfigured("a webhook secret is empty".to_owned()));
        }
        Ok(Self { provider, client, webhook_secrets, default_method, methods })
    }

    fn intent_form(&self, request: &PaymentRequest) -> Result<Vec<(&'static str, String)>, GatewayError> {
        let mut form = vec![
            ("amount", gateway_amount(request.amount)?.to_string()),
            ("currency", request.amount.currency.as_str().to_ascii_lowercase()),
            ("description", request.description.clone()),
            ("automatic_payment_methods[enabled]", "true".to_owned()),
            ("metadata[payment_id]", request.id.to_string()),
            ("metadata[booking_id]", request.booking.to_string()),
        ];
        if let Some(at) = request.expires_at {
            form.push(("metadata[expires_at]", at.as_second().to_string()));
        }
        let named = request.method.as_ref().filter(|method| *method != "card");
        if let Some(method) = named.or(self.default_method.as_ref()) {
            form.push(("payment_method", method.clone()));
            form.push(("confirm", "true".to_owned()));
            match &request.return_url {
                Some(url) => form.push(("return_url", url.clone())),
                // Without it Stripe refuses to confirm with a method that leads to another page.
                None => form.push(("automatic_payment_methods[allow_redirects]", "never".to_owned())),
            }
        }
        Ok(form)
    }

    /// The first entry of a list that is wanted, page by page.
    async fn first<T: objects::Listed>(
        &self,
        path: &str,
        query: &[(&str, String)],
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, GatewayError> {
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut query = query.to_vec();
            query.push(("limit", PAGE.to_owned()));
            query.extend(after.take().map(|id| ("starting_after", id)));
            let page: Option<Page<T>> = self.client.get(path, &query).await?;
            let Some(Page { data, has_more }) = page else { return Ok(None) };
            after = data.last().map(|entry| entry.id().to_owned()).filter(|_| has_more);
            if let Some(found) = data.into_iter().find(&is_wanted) {
                return Ok(Some(found));
            }
            if after.is_none() {
                return Ok(None);
            }
        }
        // What was not looked at may be it.
        Err(GatewayError::OutcomeUnknown("too many entries to find one".to_owned()))
    }
}

fn gateway_amount(amount: Money) -> Result<i64, GatewayError> {
    let refused = |error: domain::money::MoneyError| GatewayError::Refused {
        code: "invalid_amount".to_owned(),
        message: error.to_string(),
    };
    amount.gateway_amount().map_err(refused)
}

#[async_trait]
impl PaymentGateway for StripeGateway {
    fn provider(&self) -> &'static str {
        self.provider
    }

    fn methods(&self) -> &'static [&'static str] {
        self.methods
    }

    fn minimum(&self, currency: Currency) -> Option<Money> {
        Money::gateway_minimum(currency)
    }

    async fn begin(&self, request: &PaymentRequest) -> Result<GatewayPayment, GatewayError> {
        let form = self.intent_form(request)?;
        self.client.post::<Intent>("/v1/payment_intents", &form, Some(&request.id.to_string())).await?.payment()
    }

    async fn payment(&self, reference: &GatewayReference) -> Result<Option<GatewayPayment>, GatewayError> {
        let intent: Option<Intent> = self.client.get(&path(&["payment_intents", &reference.0]), &[]).await?;
        intent.map(Intent::payment).transpose()
    }

    async fn find_payment(&self, id: PaymentId, begun_at: Timestamp) -> Result<Option<GatewayPayment>, GatewayError> {
        let (from, to) = (begun_at - CLOCK_SKEW, begun_at + FOUND_WITHIN);
        let query = [("created[gte]", from.as_second().to_string()), ("created[lte]", to.as_second().to_string())];
        let id = Some(id.to_string());
        let found = self.first("/v1/payment_intents", &query, |intent: &Intent| intent.metadata.payment_id == id);
        found.await?.map(Intent::payment).transpose()
    }

    async fn cancel(&self, reference: &GatewayReference) -> Result<GatewayPayment, GatewayError> {
        // Without a key, because a repetition does no harm, and an answer of before may be true no more.
        let cancelled =
            self.client.post::<Intent>(&path(&["payment_intents", &reference.0, "cancel"]), &[], None).await;
        match cancelled {
            Ok(intent) => intent.payment(),
            // It is over already, or money is on its way: how it stands is the answer.
            Err(GatewayError::Refused { code, message }) if code == "payment_intent_unexpected_state" => {
                self.payment(reference).await?.ok_or(GatewayError::Refused { code, message })
            }
            Err(error) => Err(error),
        }
    }

    async fn refund(&self, request: &RefundRequest) -> Result<GatewayRefund, GatewayError> {
        if request.repeated {
            let (query, id) = ([("payment_intent", request.payment.0.clone())], Some(request.id.to_string()));
            let made = self.first("/v1/refunds", &query, |refund: &Refund| refund.metadata.refund_id == id);
            if let Some(made) = made.await? {
                return made.refund();
            }
        }
        let form = [
            ("payment_intent", request.payment.0.clone()),
            ("amount", gateway_amount(request.amount)?.to_string()),
            ("metadata[refund_id]", request.id.to_string()),
        ];
        self.client.post::<Refund>("/v1/refunds", &form, Some(&request.id.to_string())).await?.refund()
    }

    async fn refund_state(&self, reference: &GatewayReference) -> Result<Option<GatewayRefund>, GatewayError> {
        let refund: Option<Refund> = self.client.get(&path(&["refunds", &reference.0]), &[]).await?;
        refund.map(Refund::refund).transpose()
    }

    fn signature_header(&self) -> &'static str {
        "stripe-signature"
    }

    fn verify(&self, signature: Option<&str>, body: &[u8], now: Timestamp) -> Result<(), WebhookError> {
        signature::verify(signature, body, &self.webhook_secrets, now)
    }

    fn read(&self, body: &[u8]) -> Result<GatewayMessage, WebhookError> {
        objects::message(body)
    }
}

/// The path of an object. Its id came from outside, so it is escaped.
fn path(segments: &[&str]) -> String {
    let escape = |segment: &&str| url::form_urlencoded::byte_serialize(segment.as_bytes()).collect::<String>();
    format!("/v1/{}", segments.iter().map(escape).collect::<Vec<_>>().join("/"))
}
