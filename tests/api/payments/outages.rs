//! A gateway that hangs, errs, breaks connections, or is not there.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{path, pay, pay_as, payment, priced, status, unpaid};
use crate::support::{
    EventBuilder, Settings, TestServer,
    client::{instant, new_key},
    gateway::{Mood, MoodyGateway},
    until,
};

/// A server whose Stripe is this one. It has half a second to answer, and nobody asks about attempts until `check_after` is over.
fn settings(stripe: &str, check_after: &str) -> Settings {
    Settings::default()
        .set("BOXOFFICE__PAYMENTS__STRIPE_SECRET_KEY", "sk_test_0123456789")
        .set("BOXOFFICE__PAYMENTS__STRIPE_WEBHOOK_SECRET", "whsec_0123456789")
        .set("BOXOFFICE__PAYMENTS__STRIPE_URL", stripe)
        .set("BOXOFFICE__PAYMENTS__TIMEOUT", "500ms")
        .set("BOXOFFICE__PAYMENTS__CHECK_AFTER", check_after)
        .set("BOXOFFICE__BREAKERS__OPEN_FOR", "1s")
}

async fn with(gateway: &MoodyGateway, check_after: &str) -> TestServer {
    settings(&format!("http://{}", gateway.address), check_after).start().await
}

async fn breaker(server: &TestServer) -> Value {
    let shown = crate::support::Api::of_operators(server.running.operations_address).get("/health/detailed").await;
    let shown = shown.json();
    let breakers = shown["breakers"].as_array().unwrap();
    breakers.iter().find(|of| of["name"] == "payment").unwrap()["state"].clone()
}

/// Guards: that no answer is no failure; that five of these open the breaker, after which nobody waits; that the booking is given the time; and
/// that nothing of it concerns who books for free.
#[tokio::test]
async fn a_gateway_that_hangs_is_left_alone_and_free_bookings_go_on() {
    for mood in [Mood::Hangs, Mood::Resets, Mood::Fails(500)] {
        let gateway = MoodyGateway::start(mood).await;
        let server = with(&gateway, "1h").await;
        let (event, free) = (priced(&server).await, server.event(EventBuilder::ga(100)).await);
        let api = server.signed_in().await;
        for _ in 0..5 {
            let booking = unpaid(&api, &event).await;
            let begun = pay(&api, &booking, "card").await.created();
            assert_eq!(begun["status"], "PROCESSING", "{mood:?}");
            api.book(&free, &free.places(1)).await.created();
        }
        until("the breaker is open", async || breaker(&server).await == "OPEN").await;
        let (booking, asked) = (unpaid(&api, &event).await, gateway.begun().len());
        let refused = pay(&api, &booking, "card").await;
        refused.problem(503, "PAYMENT_004");
        assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
        assert_eq!(gateway.begun().len(), asked, "{mood:?}: nobody was asked");
        let shown = api.get(&path(&booking)).await.ok();
        let waits = instant(&shown["expiresAt"]).duration_since(instant(&shown["createdAt"]));
        assert_eq!(waits, SignedDuration::from_mins(30), "{mood:?}: the cap of the event");
        assert_eq!(api.get(&format!("{}/payments", path(&booking))).await.ok()["data"], json!([]));
        api.book(&free, &free.places(1)).await.created();
        server.audit().await;
    }
}

/// Guards: `find_or_begin` under the same key, and that everything follows by itself once the gateway is back.
#[tokio::test]
async fn what_had_no_answer_is_begun_again_under_its_own_key() {
    let gateway = MoodyGateway::start(Mood::Hangs).await;
    let server = with(&gateway, "1s").await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let booking = unpaid(&api, &event).await;
    let begun = pay(&api, &booking, "card").await.created();
    assert_eq!(begun["status"], "PROCESSING");
    gateway.set(Mood::Well);
    until("it is paid", async || payment(&api, &begun).await["status"] == "SUCCEEDED").await;
    assert_eq!(status(&api, &booking).await, "CONFIRMED");
    let keys: Vec<_> = gateway.begun().into_iter().map(|asked| asked.idempotency_key.unwrap()).collect();
    assert!(keys.len() == 2 && keys.iter().all(|key| *key == begun["id"].as_str().unwrap()), "{keys:?}");
    let looked = gateway.asked().iter().position(|asked| asked.what == "GET /v1/payment_intents");
    assert!(looked.is_some(), "it was looked for before: {:?}", gateway.asked());
    server.audit().await;
}

/// Guards: `refused` of an attempt: the same key goes on with it, another one takes its place, and nobody begins it otherwise.
#[tokio::test]
async fn what_the_gateway_refuses_was_not_charged() {
    let gateway = MoodyGateway::start(Mood::Refuses).await;
    let server = with(&gateway, "1s").await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let (booking, key, body) = (unpaid(&api, &event).await, new_key(), json!({}));
    for _ in 0..7 {
        let refused = pay_as(&api, &booking, &key, &body).await;
        refused.problem(502, "PAYMENT_003");
        assert!(refused.json()["detail"].as_str().unwrap().contains("No such thing."), "{refused:?}");
    }
    assert_eq!(breaker(&server).await, "CLOSED", "it works, and says no");
    let listed = api.get(&format!("{}/payments", path(&booking))).await.ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "one attempt: {listed}");
    gateway.set(Mood::Well);
    let asked = gateway.begun().len();
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(gateway.begun().len(), asked, "the buyer was told that nothing was charged");
    let paid = pay_as(&api, &booking, &key, &body).await;
    assert!(paid.is_replay());
    assert_eq!(paid.created()["id"], listed["data"][0]["id"]);
    assert_eq!((&paid.json()["status"], status(&api, &booking).await), (&json!("SUCCEEDED"), json!("CONFIRMED")));

    gateway.set(Mood::Refuses);
    let other = unpaid(&api, &event).await;
    pay(&api, &other, "card").await.problem(502, "PAYMENT_003");
    gateway.set(Mood::Well);
    pay(&api, &other, "card").await.created();
    let listed = api.get(&format!("{}/payments", path(&other))).await.ok();
    let statuses: Vec<_> = listed["data"].as_array().unwrap().iter().map(|of| of["status"].clone()).collect();
    assert_eq!(statuses, ["CANCELLED", "SUCCEEDED"]);
    server.audit().await;
}

/// Guards: that a connection which is not made has charged nothing.
#[tokio::test]
async fn a_gateway_that_is_not_there_has_charged_nothing() {
    let server = settings("http://127.0.0.1:9", "1h").start().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let booking = unpaid(&api, &event).await;
    let refused = pay(&api, &booking, "card").await;
    refused.problem(502, "PAYMENT_003");
    assert!(!refused.json()["detail"].as_str().unwrap().contains("127.0.0.1"), "{refused:?}");
    assert!(instant(&api.get(&path(&booking)).await.ok()["expiresAt"]) > Timestamp::now());
}

/// Guards: the list of what is stuck, of everybody, for administrators.
#[tokio::test]
async fn what_is_processed_for_too_long_is_listed() {
    let gateway = MoodyGateway::start(Mood::Hangs).await;
    let stuck = settings(&format!("http://{}", gateway.address), "1h").set("BOXOFFICE__PAYMENTS__STUCK_AFTER", "1s");
    let server = stuck.start().await;
    let event = priced(&server).await;
    let (api, boss) = (server.signed_in().await, server.signed_in_as(domain::accounts::Role::Admin).await);
    let booking = unpaid(&api, &event).await;
    let begun = pay(&api, &booking, "card").await.created();
    let list = async |filter: &str| boss.get(&format!("/api/v1/admin/payments{filter}")).await.ok()["data"].clone();
    until("it is stuck", async || list("?state=stuck").await.as_array().unwrap().len() == 1).await;
    let shown = &list("?state=stuck").await[0];
    assert_eq!((&shown["id"], &shown["status"]), (&begun["id"], &json!("PROCESSING")));
    assert_eq!((&shown["bookingId"], &shown["eventId"]), (&booking["id"], &json!(event.id)));
    assert_eq!((shown.get("clientSecret"), shown.get("reference")), (None, None));
    assert_eq!(list("?state=PROCESSING").await.as_array().unwrap().len(), 1);
    for none in ["?state=SUCCEEDED", "?state=FAILED&eventId=0198c0de-7d4c-7a10-8000-5a3c1f0e9b21"] {
        assert_eq!(list(none).await, json!([]), "{none}");
    }
    api.get("/api/v1/admin/payments").await.problem(403, "AUTH_004");
    assert_eq!(
        boss.get("/api/v1/admin/payments?state=STARTED").await.faults(),
        [("state".to_owned(), "INVALID".to_owned())]
    );
}
