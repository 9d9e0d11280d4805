//! Bank transfers: to the organizer's account, past the gateway.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio_postgres::types::ToSql;

use super::{charges, path, pay, pay_as, payment, server, settings, status, unpaid};
use crate::support::{
    EventBuilder, TestEvent, TestServer,
    client::{instant, new_key},
    until,
};

/// An event whose tickets cost 12.50 EUR, by these methods; a transfer may take so many seconds.
async fn event(server: &TestServer, methods: &[&str], window: i32) -> TestEvent {
    let event = server.event(EventBuilder::ga(1000).price("12.50")).await;
    let terms = "INSERT INTO sale_terms (event_id, tax_rate, tax_included, fees, cancellation_fee_percent, hold_cap_seconds,
            payment_window_seconds, bank_transfer_window_seconds, methods) VALUES ($1, 0, true, '[]', 0, 1800, 900, $2, $3)";
    let with: [&(dyn ToSql + Sync); 3] = [&event.id, &window, &methods];
    server.client.execute(terms, &with).await.unwrap();
    event
}

/// Guards: that the booking waits for the window, that nobody is asked about it, and what the payer is told.
#[tokio::test]
async fn a_booking_waits_for_the_transfer() {
    let server = server().await;
    let event = event(&server, &["card", "bank_transfer"], 7 * 86_400).await;
    let api = server.signed_in().await;
    let (booking, key, body) = (unpaid(&api, &event).await, new_key(), json!({ "method": "bank_transfer" }));
    let first = pay_as(&api, &booking, &key, &body).await;
    let begun = first.created();
    assert_eq!((&begun["status"], &begun["provider"]), (&json!("REQUIRES_ACTION"), &json!("manual")));
    let instructions = begun["instructions"].as_str().unwrap();
    assert!(instructions.contains("12.50 EUR") && instructions.contains(booking["reference"].as_str().unwrap()));
    assert_eq!((begun.get("redirectUrl"), begun.get("clientSecret")), (None, None));
    let shown = api.get(&path(&booking)).await.ok();
    let rest = instant(&shown["expiresAt"]).duration_since(Timestamp::now());
    assert!(rest > SignedDuration::from_hours(7 * 24 - 1), "{shown}");
    let again = pay_as(&api, &booking, &key, &body).await;
    assert_eq!((again.is_replay(), &again.body), (true, &first.body));
    assert_eq!(server.db.number("SELECT count(*) FROM jobs WHERE kind = 'check_payment'", &[]).await, 0);
    assert_eq!(server.db.number("SELECT count(*) FROM sandbox_documents", &[]).await, 0);
    assert_eq!(payment(&api, &begun).await["status"], "REQUIRES_ACTION");
    server.audit().await;
}

/// Guards: that a card takes the place of a transfer, and the other way round, and that nobody is told of what no gateway knows.
#[tokio::test]
async fn another_attempt_takes_its_place() {
    let server = server().await;
    let event = event(&server, &["card", "bank_transfer"], 86_400).await;
    let api = server.signed_in().await;
    let booking = unpaid(&api, &event).await;
    let transfer = pay(&api, &booking, "bank_transfer").await.created();
    let action = pay(&api, &booking, "sandbox_action").await.created();
    assert_eq!(payment(&api, &transfer).await["status"], "CANCELLED");
    let second = pay(&api, &booking, "bank_transfer").await.created();
    assert_eq!(payment(&api, &action).await["status"], "CANCELLED");
    until("the page is closed", async || charges(&server, &booking, "canceled").await == 1).await;
    let paid = pay(&api, &booking, "card").await.created();
    assert_eq!((&paid["status"], status(&api, &booking).await), (&json!("SUCCEEDED"), json!("CONFIRMED")));
    assert_eq!(payment(&api, &second).await["status"], "CANCELLED");
    let none = payment(&api, &second).await;
    assert_eq!(none.get("instructions"), None, "there is nothing to transfer any more");
    server.audit().await;
}

/// Guards: the end of the window.
#[tokio::test]
async fn a_transfer_that_does_not_come_ends_with_its_booking() {
    let server = settings().payment(Duration::from_secs(1)).start().await;
    let event = event(&server, &["card", "bank_transfer"], 2).await;
    server.client.execute("UPDATE sale_terms SET payment_window_seconds = 1", &[]).await.unwrap();
    let api = server.signed_in().await;
    let booking = unpaid(&api, &event).await;
    let begun = pay(&api, &booking, "bank_transfer").await.created();
    until("it is over", async || status(&api, &booking).await == "EXPIRED").await;
    assert_eq!(payment(&api, &begun).await["status"], "CANCELLED");
    assert_eq!(api.places(&event).await, (0, 0, 1000));
    server.audit().await;
}

#[tokio::test]
async fn an_event_takes_what_its_terms_say() {
    let server = server().await;
    let api = server.signed_in().await;
    let fault = |answer: &crate::support::Answer| answer.faults();
    let not_allowed = [("method".to_owned(), "NOT_ALLOWED".to_owned())];
    let by_transfer = unpaid(&api, &event(&server, &["bank_transfer"], 60).await).await;
    for method in ["card", "sandbox_slow"] {
        assert_eq!(fault(&pay(&api, &by_transfer, method).await), not_allowed, "{method}");
    }
    assert_eq!(
        fault(&pay_as(&api, &by_transfer, &new_key(), &json!({})).await),
        not_allowed,
        "a card, unless it is said"
    );
    let by_card = unpaid(&api, &event(&server, &["card"], 60).await).await;
    let refused = pay(&api, &by_card, "bank_transfer").await;
    assert_eq!(fault(&refused), not_allowed);
    let message: &Value = &refused.json()["errors"][0]["message"];
    assert_eq!(message, "the event takes card");
}
