//! What the Stripe adapter says on the wire, and what it makes of answers. Names, headers and shapes are those of Stripe's documentation.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a helper that fails should fail its test")]
#![allow(dead_code, reason = "the server is shared with other tests")]

mod support {
    pub mod canned;
}

use std::time::Duration;

use boxoffice_payments::stripe::{API_VERSION, StripeConfig, StripeGateway};
use domain::{
    ids::{BookingId, PaymentId, RefundId},
    money::Money,
    payments::gateway::{
        GatewayError, GatewayReference, GatewayState, PaymentGateway as _, PaymentRequest, RefundRequest,
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};
use support::canned::{Asked, Canned, CannedServer};

fn gateway(base_url: String) -> StripeGateway {
    let config = StripeConfig {
        base_url,
        secret_key: "sk_test_1".into(),
        webhook_secrets: vec!["whsec_1".into()],
        timeout: Duration::from_millis(500),
        connect_timeout: Duration::from_millis(500),
        default_method: None,
        methods: &[],
    };
    StripeGateway::new(config).unwrap()
}

async fn answering(answer: impl Fn(&Asked) -> Canned + Send + Sync + 'static) -> (CannedServer, StripeGateway) {
    let server = CannedServer::start(answer).await;
    let gateway = gateway(format!("http://{}", server.address));
    (server, gateway)
}

fn money(amount: &str, currency: &str) -> Money {
    Money::new(amount.parse().unwrap(), currency.parse().unwrap())
}

fn request(amount: Money) -> PaymentRequest {
    PaymentRequest {
        id: PaymentId::generate(),
        booking: BookingId::generate(),
        amount,
        description: "Rigoletto, 2 tickets".to_owned(),
        method: None,
        return_url: Some("https://tickets.example/return?a=1&b=2".to_owned()),
        expires_at: None,
    }
}

fn intent(id: &str, status: &str) -> Value {
    json!({
        "id": id, "object": "payment_intent", "amount": 5000, "amount_received": 0, "currency": "eur", "status": status,
        "client_secret": format!("{id}_secret_1"), "next_action": null, "last_payment_error": null, "metadata": {},
    })
}

fn error(kind: &str, code: Option<&str>) -> Value {
    json!({ "error": { "type": kind, "code": code, "message": "No.", "param": null, "doc_url": "https://…" } })
}

#[tokio::test]
async fn a_payment_is_begun_as_documented() {
    let (server, gateway) = answering(|_| Canned::Json(200, intent("pi_1", "requires_payment_method"))).await;
    let request = request(money("50.00", "EUR"));
    let begun = gateway.begin(&request).await.unwrap();
    assert_eq!(begun.state, GatewayState::ActionRequired);
    assert_eq!((begun.reference.0.as_str(), begun.client_secret.unwrap().0.as_str()), ("pi_1", "pi_1_secret_1"));

    let asked = &server.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/v1/payment_intents"));
    assert_eq!(asked.header("authorization"), "Bearer sk_test_1");
    assert_eq!(asked.header("stripe-version"), API_VERSION);
    assert_eq!(asked.header("idempotency-key"), request.id.to_string());
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    let (payment, booking) = (request.id, request.booking);
    assert_eq!(
        asked.form(),
        [
            "amount=5000".to_owned(),
            "automatic_payment_methods[enabled]=true".to_owned(),
            "currency=eur".to_owned(),
            "description=Rigoletto, 2 tickets".to_owned(),
            format!("metadata[booking_id]={booking}"),
            format!("metadata[payment_id]={payment}"),
        ]
    );
}

#[tokio::test]
async fn a_named_method_is_confirmed_at_once() {
    let (server, gateway) = answering(|_| Canned::Json(200, intent("pi_1", "succeeded"))).await;
    let named = PaymentRequest { method: Some("pm_card_visa".to_owned()), ..request(money("5", "UGX")) };
    gateway.begin(&named).await.unwrap();
    let form = server.asked()[0].form();
    for part in [
        "amount=500",
        "confirm=true",
        "payment_method=pm_card_visa",
        "return_url=https://tickets.example/return?a=1&b=2",
    ] {
        assert!(form.iter().any(|given| given == part), "{part} in {form:?}");
    }
    // A card that the payer's page asks for is not confirmed here.
    let card = PaymentRequest { method: Some("card".to_owned()), ..named };
    gateway.begin(&card).await.unwrap();
    assert!(!server.asked()[1].form().iter().any(|given| given.starts_with("confirm")));
}

#[tokio::test]
async fn an_amount_that_can_not_be_charged_is_never_sent() {
    let (server, gateway) = answering(|_| Canned::Json(200, intent("pi_1", "succeeded"))).await;
    let refused = gateway.begin(&request(money("1.125", "KWD"))).await.unwrap_err();
    assert!(matches!(refused, GatewayError::Refused { .. }), "{refused}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_declined_card_is_an_answer() {
    let (_server, gateway) = answering(|_| {
        let mut declined = intent("pi_1", "requires_payment_method");
        declined["last_payment_error"] = json!({ "code": "card_declined", "decline_code": "generic_decline",
                                                 "message": "Your card was declined.", "type": "card_error" });
        let mut body = error("card_error", Some("card_declined"));
        body["error"]["payment_intent"] = declined;
        Canned::Json(402, body)
    })
    .await;
    let GatewayState::Failed(failure) = gateway.begin(&request(money("50", "EUR"))).await.unwrap().state else {
        panic!("a declined card is a failed payment");
    };
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("card_declined", "Your card was declined."));
}

/// Guards: that nothing is taken for a failure that may have charged.
#[tokio::test]
async fn what_may_have_charged_is_unknown() {
    for canned in [
        Canned::Hang,
        Canned::Reset,
        Canned::Text(502, "<html>Bad gateway</html>"),
        Canned::Text(200, "{"),
        Canned::Json(500, error("api_error", None)),
        Canned::Json(409, error("invalid_request_error", Some("idempotency_key_in_use"))),
        Canned::Json(400, error("idempotency_error", None)),
    ] {
        let (_server, gateway) = answering({
            let canned = canned.clone();
            move |_| canned.clone()
        })
        .await;
        let outcome = gateway.begin(&request(money("50", "EUR"))).await.unwrap_err();
        assert!(matches!(outcome, GatewayError::OutcomeUnknown(_)) && !outcome.is_harmless(), "{canned:?}: {outcome}");
    }
}

#[tokio::test]
async fn what_has_not_charged_is_said_so() {
    for (canned, expected) in [
        (Canned::Json(429, error("invalid_request_error", Some("rate_limit"))), "away"),
        (Canned::Json(401, error("invalid_request_error", None)), "not configured"),
        (Canned::Json(400, error("invalid_request_error", Some("amount_too_small"))), "refuses"),
    ] {
        let (_server, gateway) = answering(move |_| canned.clone()).await;
        let outcome = gateway.begin(&request(money("50", "EUR"))).await.unwrap_err();
        assert!(outcome.to_string().contains(expected) && outcome.is_harmless(), "{outcome}");
    }
    // Nobody listens there.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let outcome = gateway(format!("http://{closed}")).begin(&request(money("50", "EUR"))).await.unwrap_err();
    assert!(matches!(outcome, GatewayError::Unavailable(_)), "{outcome}");
    assert!(!outcome.to_string().contains("127.0.0.1"), "{outcome}");
}

#[tokio::test]
async fn a_payment_without_an_answer_is_found_in_the_list() {
    let (wanted, begun_at) = (PaymentId::generate(), Timestamp::from_second(1_790_000_000).unwrap());
    let (server, gateway) = answering(move |asked| {
        let entry = |id: &str, payment: PaymentId| {
            let mut entry = intent(id, "succeeded");
            entry["metadata"]["payment_id"] = json!(payment);
            entry
        };
        let (data, has_more) = if asked.path.contains("starting_after=pi_2") {
            (vec![entry("pi_3", wanted)], false)
        } else {
            (vec![entry("pi_1", PaymentId::generate()), entry("pi_2", PaymentId::generate())], true)
        };
        Canned::Json(200, json!({ "object": "list", "data": data, "has_more": has_more, "url": "/v1/payment_intents" }))
    })
    .await;
    let found = gateway.find_payment(wanted, begun_at).await.unwrap().unwrap();
    assert_eq!((found.reference.0.as_str(), found.id), ("pi_3", Some(wanted)));
    let first = &server.asked()[0];
    assert_eq!(first.path, "/v1/payment_intents?created%5Bgte%5D=1789999940&created%5Blte%5D=1790000900&limit=100");
    assert_eq!(gateway.find_payment(PaymentId::generate(), begun_at).await, Ok(None));
}

#[tokio::test]
async fn what_there_is_not_is_nothing() {
    let (server, gateway) =
        answering(|_| Canned::Json(404, error("invalid_request_error", Some("resource_missing")))).await;
    assert_eq!(gateway.payment(&GatewayReference("pi/../1".to_owned())).await, Ok(None));
    assert_eq!(server.asked()[0].path, "/v1/payment_intents/pi%2F..%2F1");
    assert_eq!(gateway.refund_state(&GatewayReference("re_1".to_owned())).await, Ok(None));
}

#[tokio::test]
async fn cancelling_what_is_over_tells_how_it_ended() {
    let (server, gateway) = answering(|asked| match asked.method.as_str() {
        "POST" => Canned::Json(400, error("invalid_request_error", Some("payment_intent_unexpected_state"))),
        _ => Canned::Json(200, intent("pi_1", "succeeded")),
    })
    .await;
    let cancelled = gateway.cancel(&GatewayReference("pi_1".to_owned())).await.unwrap();
    assert_eq!(cancelled.state, GatewayState::Succeeded);
    let paths: Vec<String> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/v1/payment_intents/pi_1/cancel", "/v1/payment_intents/pi_1"]);
    assert_eq!(server.asked()[0].header("idempotency-key"), "", "an old answer would be repeated");
}

#[tokio::test]
async fn a_refund_is_made_once_however_late_it_is_repeated() {
    let id = RefundId::generate();
    let refund = move |id: RefundId| {
        json!({ "id": "re_1", "object": "refund", "amount": 1000, "currency": "eur", "payment_intent": "pi_1",
                "status": "succeeded", "failure_reason": null, "metadata": { "refund_id": id } })
    };
    let (server, gateway) = answering(move |asked| match asked.method.as_str() {
        "POST" => Canned::Json(200, refund(id)),
        _ => Canned::Json(200, json!({ "object": "list", "data": [refund(id)], "has_more": false })),
    })
    .await;
    let request =
        RefundRequest { id, payment: GatewayReference("pi_1".to_owned()), amount: money("10", "EUR"), repeated: false };
    let made = gateway.refund(&request).await.unwrap();
    assert_eq!((made.id, made.amount), (Some(id), money("10", "EUR")));
    assert_eq!(server.asked()[0].header("idempotency-key"), id.to_string());
    assert_eq!(
        server.asked()[0].form(),
        ["amount=1000".to_owned(), format!("metadata[refund_id]={id}"), "payment_intent=pi_1".to_owned()]
    );
    let again = gateway.refund(&RefundRequest { repeated: true, ..request }).await.unwrap();
    assert_eq!(again, made);
    let asked: Vec<String> = server.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect();
    assert_eq!(asked, ["POST /v1/refunds", "GET /v1/refunds?payment_intent=pi_1&limit=100"]);
}

#[tokio::test]
async fn an_empty_webhook_secret_is_refused() {
    let config = StripeConfig {
        base_url: "https://api.stripe.com".to_owned(),
        secret_key: "sk_test_1".into(),
        webhook_secrets: vec!["".into()],
        timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_secs(1),
        default_method: None,
        methods: &[],
    };
    assert!(matches!(StripeGateway::new(config), Err(GatewayError::Misconfigured(_))));
}
