//! The adapter against Stripe's test mode, or another server that speaks like Stripe. By hand, because it needs a key or that server:
//!
//!     STRIPE_URL=https://api.stripe.com STRIPE_SECRET_KEY=sk_test_… cargo test -p boxoffice-payments --test elsewhere -- --ignored
#![allow(clippy::unwrap_used, missing_docs, reason = "a test fails where it stands")]

use std::time::Duration;

use boxoffice_payments::stripe::{StripeConfig, StripeGateway};
use domain::{
    ids::{BookingId, PaymentId, RefundId},
    money::Money,
    payments::{
        gateway::{GatewayError, GatewayState, PaymentGateway as _, PaymentRequest, RefundRequest},
        refund::RefundState,
    },
};
use jiff::Timestamp;

fn gateway() -> StripeGateway {
    let of = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let config = StripeConfig {
        base_url: of("STRIPE_URL"),
        secret_key: of("STRIPE_SECRET_KEY").into(),
        webhook_secrets: Vec::new(),
        timeout: Duration::from_secs(30),
        connect_timeout: Duration::from_secs(5),
        default_method: None,
        methods: &[],
    };
    StripeGateway::new(config).unwrap()
}

fn euros(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), "EUR".parse().unwrap())
}

fn request(method: Option<&str>) -> PaymentRequest {
    PaymentRequest {
        id: PaymentId::generate(),
        booking: BookingId::generate(),
        amount: euros("50.00"),
        description: "Rigoletto".to_owned(),
        method: method.map(str::to_owned),
        return_url: None,
        expires_at: None,
    }
}

#[tokio::test]
#[ignore = "needs a server elsewhere"]
async fn a_payment_is_begun_once_found_and_cancelled() {
    let (gateway, request, begun_at) = (gateway(), request(None), Timestamp::now());
    let begun = gateway.begin(&request).await.unwrap();
    assert_eq!(
        (&begun.state, begun.amount, begun.id),
        (&GatewayState::ActionRequired, euros("50.00"), Some(request.id))
    );
    assert!(begun.client_secret.is_some());
    assert_eq!(gateway.begin(&request).await.unwrap().reference, begun.reference);
    let found = gateway.find_payment(request.id, begun_at).await.unwrap().unwrap();
    assert_eq!(found.reference, begun.reference);
    assert_eq!(gateway.cancel(&begun.reference).await.unwrap().state, GatewayState::Cancelled);
    assert_eq!(gateway.cancel(&begun.reference).await.unwrap().state, GatewayState::Cancelled);
    assert_eq!(gateway.payment(&begun.reference).await.unwrap().unwrap().state, GatewayState::Cancelled);
}

#[tokio::test]
#[ignore = "needs a server elsewhere"]
async fn a_card_is_charged_and_money_goes_back_once() {
    let gateway = gateway();
    let paid = gateway.begin(&request(Some("pm_card_visa"))).await.unwrap();
    assert_eq!(paid.state, GatewayState::Succeeded);
    let refund = |amount| RefundRequest {
        id: RefundId::generate(),
        payment: paid.reference.clone(),
        amount: euros(amount),
        repeated: false,
    };
    let part = refund("20.00");
    let made = gateway.refund(&part).await.unwrap();
    assert_eq!((made.state, made.amount, made.id), (RefundState::Succeeded, euros("20.00"), Some(part.id)));
    assert_eq!(gateway.refund(&part).await.unwrap().reference, made.reference);
    let again = gateway.refund(&RefundRequest { repeated: true, ..part }).await.unwrap();
    assert_eq!(again.reference, made.reference);
    assert_eq!(gateway.refund_state(&made.reference).await.unwrap().unwrap(), again);
    let refused = gateway.refund(&refund("30.01")).await.unwrap_err();
    assert!(matches!(refused, GatewayError::Refused { .. }), "{refused}");
}

#[tokio::test]
#[ignore = "needs a server elsewhere"]
async fn a_declined_card_is_a_failed_payment() {
    let declined = gateway().begin(&request(Some("pm_card_visa_chargeDeclined"))).await.unwrap();
    assert!(matches!(declined.state, GatewayState::Failed(_)), "{declined:?}");
}
