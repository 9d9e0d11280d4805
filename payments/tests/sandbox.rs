//! The adapter and the sandbox, over real connections.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a helper that fails should fail its test")]
#![allow(dead_code, reason = "the server is shared with other tests")]

mod support {
    pub mod canned;
}

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use boxoffice_payments::{
    sandbox::{MemoryStore, Sandbox, SandboxConfig},
    stripe::StripeGateway,
};
use domain::{
    bookings::BookingStatus,
    ids::{BookingId, PaymentId, RefundId},
    money::Money,
    payments::{
        attempt::{PaymentEffect, PaymentState},
        gateway::{
            GatewayError, GatewayMessage, GatewayNews, GatewayState, PaymentGateway as _, PaymentRequest, RefundRequest,
        },
        refund::RefundState,
        sandbox::ActionOutcome,
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use support::canned::{Canned, CannedServer, until};

struct Bench {
    sandbox: Sandbox,
    gateway: StripeGateway,
    /// Takes the messages.
    webhook: CannedServer,
    store: Arc<MemoryStore>,
}

fn config(webhook: &CannedServer) -> SandboxConfig {
    SandboxConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        webhook_url: format!("http://{}/webhooks/sandbox", webhook.address),
        action_url: "http://tickets.example/sandbox/payments/".to_owned(),
        secret_key: "sk_sandbox".into(),
        webhook_secret: "whsec_sandbox".into(),
        timeout: Duration::from_millis(700),
    }
}

impl Bench {
    async fn start() -> Self {
        Self::with_webhook(CannedServer::start(|_| Canned::Json(200, Value::Null)).await).await
    }

    async fn with_webhook(webhook: CannedServer) -> Self {
        let store = Arc::new(MemoryStore::default());
        let sandbox = Sandbox::start(config(&webhook), store.clone()).await.unwrap();
        let gateway = sandbox.gateway().unwrap();
        Self { sandbox, gateway, webhook, store }
    }

    /// The sandbox ends and another one goes on with what it knew.
    async fn restart(&mut self) {
        self.sandbox = Sandbox::start(config(&self.webhook), self.store.clone()).await.unwrap();
        self.gateway = self.sandbox.gateway().unwrap();
    }

    /// Everything the webhook was told, verified.
    fn messages(&self) -> Vec<GatewayMessage> {
        let read = |asked: support::canned::Asked| {
            let signature = Some(asked.header("stripe-signature"));
            assert_eq!(self.gateway.verify(signature, &asked.body, Timestamp::now()), Ok(()));
            self.gateway.read(&asked.body).unwrap()
        };
        self.webhook.asked().into_iter().map(read).collect()
    }

    /// The states that were told of a payment, in the order of arrival.
    fn told(&self, id: PaymentId) -> Vec<GatewayState> {
        let state = |message: GatewayMessage| match message.news {
            GatewayNews::Payment(payment) if payment.id == Some(id) => Some(payment.state),
            _ => None,
        };
        self.messages().into_iter().filter_map(state).collect()
    }
}

fn euros(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), "EUR".parse().unwrap())
}

fn request(method: &str) -> PaymentRequest {
    PaymentRequest {
        id: PaymentId::generate(),
        booking: BookingId::generate(),
        amount: euros("50.00"),
        description: "Rigoletto".to_owned(),
        method: Some(method.to_owned()),
        return_url: None,
        expires_at: None,
    }
}

#[tokio::test]
async fn a_card_succeeds_and_tells_so() {
    let bench = Bench::start().await;
    for method in ["card", "sandbox_success"] {
        let request = request(method);
        let begun = bench.gateway.begin(&request).await.unwrap();
        assert_eq!((begun.state, begun.amount, begun.id), (GatewayState::Succeeded, euros("50.00"), Some(request.id)));
        let told = until("a message", async || bench.told(request.id).first().cloned()).await;
        assert_eq!(told, GatewayState::Succeeded);
    }
}

#[tokio::test]
async fn a_declined_card_fails() {
    let bench = Bench::start().await;
    let GatewayState::Failed(failure) = bench.gateway.begin(&request("sandbox_declined")).await.unwrap().state else {
        panic!("it is declined");
    };
    assert_eq!(failure.code, "card_declined");
}

#[tokio::test]
async fn an_action_ends_as_the_payer_says() {
    let bench = Bench::start().await;
    for (outcome, ends) in
        [(ActionOutcome::Succeed, PaymentState::Succeeded), (ActionOutcome::Fail, PaymentState::Failed)]
    {
        let request = request("sandbox_action");
        let begun = bench.gateway.begin(&request).await.unwrap();
        assert_eq!(begun.state, GatewayState::ActionRequired);
        assert!(begun.redirect_url.unwrap().ends_with(&request.id.to_string()));
        assert!(bench.sandbox.page().act(&begun.reference, outcome).await.unwrap());
        assert!(!bench.sandbox.page().act(&begun.reference, outcome).await.unwrap(), "once");
        let state = bench.gateway.payment(&begun.reference).await.unwrap().unwrap().state;
        assert_eq!(PaymentState::RequiresAction.on(state.event(BookingStatus::PendingPayment)).0, ends);
    }
}

#[tokio::test]
async fn a_slow_payment_settles_across_a_restart() {
    let mut bench = Bench::start().await;
    let request = request("sandbox_slow");
    assert_eq!(bench.gateway.begin(&request).await.unwrap().state, GatewayState::Processing);
    bench.restart().await;
    until("settled", async || bench.told(request.id).contains(&GatewayState::Succeeded).then_some(())).await;
}

#[tokio::test]
async fn a_late_payment_waits_for_the_end_of_its_booking() {
    let bench = Bench::start().await;
    let expires_at = Timestamp::now() + SignedDuration::from_secs(1);
    let request = PaymentRequest { expires_at: Some(expires_at), ..request("sandbox_late") };
    let begun = bench.gateway.begin(&request).await.unwrap();
    until("settled", async || {
        let state = bench.gateway.payment(&begun.reference).await.unwrap().unwrap().state;
        assert!(state == GatewayState::Processing || Timestamp::now() > expires_at);
        (state == GatewayState::Succeeded).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_never_answered_is_found() {
    let mut bench = Bench::start().await;
    let (request, begun_at) = (request("sandbox_timeout"), Timestamp::now());
    let outcome = bench.gateway.begin(&request).await.unwrap_err();
    assert!(matches!(outcome, GatewayError::OutcomeUnknown(_)), "{outcome}");
    bench.restart().await;
    let found = bench.gateway.find_payment(request.id, begun_at).await.unwrap().unwrap();
    assert_eq!((found.id, found.state), (Some(request.id), GatewayState::Succeeded));
    assert_eq!(bench.gateway.find_payment(PaymentId::generate(), begun_at).await, Ok(None));
    assert!(bench.told(request.id).is_empty());
}

/// Guards: that an attempt is charged once, however often it is begun.
#[tokio::test]
async fn one_key_is_one_payment() {
    let bench = Bench::start().await;
    let request = request("sandbox_success");
    let (one, other) = tokio::join!(bench.gateway.begin(&request), bench.gateway.begin(&request));
    assert_eq!(one.unwrap().reference, other.unwrap().reference);
    let dearer = PaymentRequest { amount: euros("51.00"), ..request };
    let outcome = bench.gateway.begin(&dearer).await.unwrap_err();
    assert!(matches!(outcome, GatewayError::OutcomeUnknown(_)), "{outcome}");
}

/// Messages of twenty slow payments: some come twice, some out of order, and all end as paid, once.
#[tokio::test]
async fn messages_are_repeated_and_disordered_and_mean_the_same() {
    let bench = Bench::start().await;
    let requests: Vec<PaymentRequest> = (0..20).map(|_| request("sandbox_slow")).collect();
    for request in &requests {
        bench.gateway.begin(request).await.unwrap();
    }
    // Two messages of each, and some of them again.
    until("all messages", async || requests.iter().all(|of| bench.told(of.id).len() >= 2).then_some(())).await;
    let messages = bench.messages();
    let mut arrivals: BTreeMap<String, usize> = BTreeMap::new();
    for message in &messages {
        *arrivals.entry(message.id.clone()).or_default() += 1;
    }
    assert!(arrivals.values().any(|times| *times > 1), "none came twice");
    let mut disordered = 0;
    for request in &requests {
        let told = bench.told(request.id);
        disordered += usize::from(told.first() == Some(&GatewayState::Succeeded));
        let (mut state, mut came) = (PaymentState::Started, 0);
        for news in &told {
            let (next, effect) = state.on(news.event(BookingStatus::PendingPayment));
            state = next;
            came += usize::from(effect == PaymentEffect::MoneyCame);
        }
        assert_eq!((state, came), (PaymentState::Succeeded, 1));
    }
    assert!(disordered > 0, "none came out of order");
}

#[tokio::test]
async fn a_message_is_repeated_until_it_is_taken() {
    let tries = AtomicUsize::new(0);
    let webhook = CannedServer::start(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Canned::Json(503, Value::Null),
        1 => Canned::Reset,
        _ => Canned::Json(200, Value::Null),
    });
    let bench = Bench::with_webhook(webhook.await).await;
    let request = request("sandbox_success");
    bench.gateway.begin(&request).await.unwrap();
    until("the third try", async || (bench.told(request.id).len() >= 3).then_some(())).await;
}

#[tokio::test]
async fn money_goes_back_once_and_never_more_than_came() {
    let bench = Bench::start().await;
    let payment = bench.gateway.begin(&request("sandbox_success")).await.unwrap().reference;
    let refund = |amount| RefundRequest {
        id: RefundId::generate(),
        payment: payment.clone(),
        amount: euros(amount),
        repeated: false,
    };
    let first = refund("30.00");
    let made = bench.gateway.refund(&first).await.unwrap();
    assert_eq!((made.id, made.state), (Some(first.id), RefundState::Succeeded));
    assert_eq!(bench.gateway.refund(&RefundRequest { repeated: true, ..first }).await.unwrap(), made);
    let refused = bench.gateway.refund(&refund("20.01")).await.unwrap_err();
    assert!(matches!(refused, GatewayError::Refused { .. }), "{refused}");
    bench.gateway.refund(&refund("20.00")).await.unwrap();
    assert_eq!(bench.gateway.refund_state(&made.reference).await.unwrap().unwrap().amount, euros("30.00"));
}

#[tokio::test]
async fn a_refund_may_fail_later() {
    let bench = Bench::start().await;
    let payment = bench.gateway.begin(&request("sandbox_refund_fails")).await.unwrap().reference;
    let refund = RefundRequest { id: RefundId::generate(), payment, amount: euros("50.00"), repeated: false };
    let made = bench.gateway.refund(&refund).await.unwrap();
    assert_eq!(made.state, RefundState::Pending);
    until("the failure", async || {
        let state = bench.gateway.refund_state(&made.reference).await.unwrap().unwrap().state;
        (state == RefundState::Failed).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_its_payer_can_be_cancelled_and_nothing_else() {
    let bench = Bench::start().await;
    let waiting = bench.gateway.begin(&request("sandbox_action")).await.unwrap().reference;
    assert_eq!(bench.gateway.cancel(&waiting).await.unwrap().state, GatewayState::Cancelled);
    assert!(!bench.sandbox.page().act(&waiting, ActionOutcome::Succeed).await.unwrap());
    let paid = bench.gateway.begin(&request("sandbox_success")).await.unwrap().reference;
    assert_eq!(bench.gateway.cancel(&paid).await.unwrap().state, GatewayState::Succeeded);
}

#[tokio::test]
async fn what_stripe_refuses_is_refused() {
    let bench = Bench::start().await;
    let begin = async |change: fn(&mut PaymentRequest)| {
        let mut request = request("sandbox_success");
        change(&mut request);
        match bench.gateway.begin(&request).await {
            Err(GatewayError::Refused { code, .. }) => code,
            other => format!("{other:?}"),
        }
    };
    assert_eq!(begin(|request| request.amount = euros("0.49")).await, "amount_too_small");
    assert_eq!(begin(|request| request.method = Some("sandbox_unknown".to_owned())).await, "resource_missing");

    let ask = async |key: &str, version: &str, form: &'static str| {
        let request = reqwest::Client::new().post(format!("http://{}/v1/payment_intents", bench.sandbox.address()));
        let request = request.bearer_auth(key).header("stripe-version", version).header("idempotency-key", "k");
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let version = boxoffice_payments::stripe::API_VERSION;
    let of = |status, code: &str| (status, code.to_owned());
    assert_eq!(ask("sk_other", version, "").await, of(401, "api_key_invalid"));
    assert_eq!(ask("sk_sandbox", "2020-08-27", "").await, of(400, "api_version"));
    assert_eq!(ask("sk_sandbox", version, "ammount=5000").await, of(400, "parameter_unknown"));
    assert_eq!(ask("sk_sandbox", version, "amount=50.00&currency=eur").await, of(400, "parameter_invalid_integer"));
    assert_eq!(ask("sk_sandbox", version, "amount=5000&currency=EUR").await, of(400, "invalid_currency"));
    assert_eq!(ask("sk_sandbox", version, "amount=1125&currency=kwd").await, of(400, "invalid_amount"));
    assert_eq!(ask("sk_sandbox", version, "currency=eur").await, of(400, "parameter_missing"));
}
