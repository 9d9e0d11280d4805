//! Each method of the sandbox, to its end.

use std::time::Duration;

use serde_json::json;

use super::{charges, pay, pay_as, payment, priced, server, settings, status, unpaid};
use crate::support::{
    EventBuilder,
    client::{self, new_key},
    until,
};

#[tokio::test]
async fn a_card_that_is_taken_confirms_the_booking() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    for body in [json!({}), json!({ "method": "card" }), json!({ "method": "sandbox_success" })] {
        let booking = unpaid(&api, &event).await;
        let answer = pay_as(&api, &booking, &new_key(), &body).await;
        let paid = answer.created();
        assert_eq!(answer.header("location"), Some(&*format!("/api/v1/payments/{}", paid["id"].as_str().unwrap())));
        assert_eq!((&paid["status"], &paid["provider"]), (&json!("SUCCEEDED"), &json!("sandbox")), "{paid}");
        assert_eq!((&paid["amount"], &paid["bookingId"]), (&booking["total"], &booking["id"]));
        assert_eq!((paid.get("clientSecret"), paid.get("redirectUrl"), paid.get("failure")), (None, None, None));
        assert_eq!(payment(&api, &paid).await, paid);
        let shown = api.get(&super::path(&booking)).await.ok();
        assert_eq!((&shown["status"], shown.get("expiresAt")), (&json!("CONFIRMED"), None));
        assert_eq!(charges(&server, &booking, "succeeded").await, 1);
    }
    assert_eq!(api.places(&event).await, (0, 3, 997));
    server.audit().await;
}

/// Guards: that a decline is an answer, its reason, and that the buyer may try again.
#[tokio::test]
async fn a_declined_card_fails_and_another_one_may_be_tried() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let booking = unpaid(&api, &event).await;
    let declined = pay(&api, &booking, "sandbox_declined").await.created();
    assert_eq!((&declined["status"], &declined["failure"]["code"]), (&json!("FAILED"), &json!("card_declined")));
    assert_eq!(status(&api, &booking).await, "PENDING_PAYMENT");
    let paid = pay(&api, &booking, "sandbox_success").await.created();
    assert_eq!(paid["status"], "SUCCEEDED");
    let listed = api.get(&format!("{}/payments", super::path(&booking))).await.ok();
    let statuses: Vec<_> = listed["data"].as_array().unwrap().iter().map(|of| of["status"].clone()).collect();
    assert_eq!(statuses, ["FAILED", "SUCCEEDED"]);
    assert_eq!(charges(&server, &booking, "succeeded").await, 1);
    server.audit().await;
}

#[tokio::test]
async fn an_action_ends_as_its_payer_says() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    for (outcome, ends, booked) in [("succeed", "SUCCEEDED", "CONFIRMED"), ("fail", "FAILED", "PENDING_PAYMENT")] {
        let booking = unpaid(&api, &event).await;
        let waits = pay(&api, &booking, "sandbox_action").await.created();
        assert_eq!(waits["status"], "REQUIRES_ACTION");
        let id = waits["id"].as_str().unwrap();
        assert!(waits["redirectUrl"].as_str().unwrap().ends_with(&format!("/sandbox/payments/{id}")), "{waits}");
        assert!(waits["clientSecret"].is_string(), "{waits}");
        let action = format!("/api/v1/sandbox/payments/{id}/actions");
        server.signed_in().await.post(&action, &json!({ "outcome": outcome })).await.problem(404, "RESOURCE_001");
        let done = api.post(&action, &json!({ "outcome": outcome })).await.ok();
        assert_eq!(done["status"], ends);
        assert_eq!((done.get("redirectUrl"), done.get("clientSecret")), (None, None));
        assert_eq!(status(&api, &booking).await, booked);
        api.post(&action, &json!({ "outcome": outcome })).await.problem(409, "PAYMENT_001");
    }
    let wrong = api.post(&format!("/api/v1/sandbox/payments/{}/actions", new_key()), &json!({ "outcome": "x" })).await;
    wrong.problem(404, "RESOURCE_001");
    server.audit().await;
}

/// Guards: the webhook, the job that applies a message, and the repetitions and disorder of the sandbox.
#[tokio::test]
async fn a_slow_payment_settles_by_webhook() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let mut begun = Vec::new();
    for _ in 0..8 {
        let booking = unpaid(&api, &event).await;
        let paid = pay(&api, &booking, "sandbox_slow").await.created();
        assert_eq!((&paid["status"], status(&api, &booking).await), (&json!("PROCESSING"), json!("PENDING_PAYMENT")));
        begun.push((booking, paid));
    }
    for (booking, paid) in &begun {
        until("it is paid", async || payment(&api, paid).await["status"] == "SUCCEEDED").await;
        assert_eq!(status(&api, booking).await, "CONFIRMED");
    }
    // Two of each, some of them twice.
    let told = "SELECT count(*) FROM gateway_messages WHERE applied_at IS NOT NULL";
    until("all messages are applied", async || server.db.number(told, &[]).await == 16).await;
    assert_eq!(server.db.number("SELECT count(*) FROM refunds", &[]).await, 0);
    server.audit().await;
}

/// Guards: reconciliation. Nobody tells of it, and the answer was never given.
#[tokio::test]
async fn a_payment_that_never_answered_is_found_paid() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let (booking, key, body) = (unpaid(&api, &event).await, new_key(), json!({ "method": "sandbox_timeout" }));
    let begun = pay_as(&api, &booking, &key, &body).await.created();
    assert_eq!(begun["status"], "PROCESSING");
    until("it is found", async || payment(&api, &begun).await["status"] == "SUCCEEDED").await;
    assert_eq!(status(&api, &booking).await, "CONFIRMED");
    assert_eq!(charges(&server, &booking, "succeeded").await, 1);
    let again = pay_as(&api, &booking, &key, &body).await;
    assert_eq!((again.is_replay(), again.created()), (true, begun), "the first answer");
    let jobs = "SELECT count(*) FROM jobs WHERE kind = 'check_payment'";
    until("nobody looks any more", async || server.db.number(jobs, &[]).await == 0).await;
    server.audit().await;
}

/// Guards: `Reacquire`, both ways it ends.
#[tokio::test]
async fn money_that_comes_late_gets_the_same_seats_or_goes_back() {
    let server = settings().payment(Duration::from_secs(2)).start().await;
    let event = server.event(EventBuilder::seated(1, 2).price("12.50")).await;
    let (api, other) = (server.signed_in().await, server.signed_in().await);
    let mut late = Vec::new();
    for seat in [0, 1] {
        let booking = api.book(&event, &event.seats([seat])).await.created();
        let paid = pay(&api, &booking, "sandbox_late").await.created();
        assert_eq!(paid["status"], "PROCESSING");
        late.push((booking, paid));
    }
    let [(lucky, first), (unlucky, second)] = &late[..] else { panic!("{late:?}") };
    until("both are over", async || status(&api, lucky).await == "EXPIRED" && status(&api, unlucky).await == "EXPIRED")
        .await;
    // Paid, or else it would run out of time as well.
    let taken = other.book(&event, &event.seats([1])).await.created();
    pay(&other, &taken, "card").await.created();
    for paid in [first, second] {
        until("its money comes", async || payment(&api, paid).await["status"] == "SUCCEEDED").await;
    }
    assert_eq!((status(&api, lucky).await, status(&api, unlucky).await), (json!("CONFIRMED"), json!("EXPIRED")));
    let refunds = "SELECT count(*) FROM refunds r JOIN payments p ON p.id = r.payment_id
        WHERE r.state = 'SUCCEEDED' AND r.cause = 'UNNEEDED' AND r.amount = 12.5 AND NOT p.pays_booking AND p.booking_id = $1";
    let id = client::uuid(&unlucky["id"]);
    until("the other's is back", async || server.db.number(refunds, &[&id]).await == 1).await;
    assert_eq!(server.db.number("SELECT count(*) FROM refunds", &[]).await, 1);
    let sent = "SELECT count(*) FROM sandbox_documents WHERE kind = 'refund' AND body ->> 'status' = 'succeeded'";
    assert_eq!(server.db.number(sent, &[]).await, 1);
    server.audit().await;
}

/// Guards: that cancelling ends an attempt that is processed, and that its money goes back by itself.
#[tokio::test]
async fn money_of_a_cancelled_booking_goes_back() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let booking = unpaid(&api, &event).await;
    let paid = pay(&api, &booking, "sandbox_slow").await.created();
    api.delete(&super::path(&booking)).await.ok();
    assert_eq!(payment(&api, &paid).await["status"], "CANCELLED");
    until("its money comes", async || payment(&api, &paid).await["status"] == "SUCCEEDED").await;
    assert_eq!(status(&api, &booking).await, "CANCELLED");
    let back = "SELECT count(*) FROM refunds WHERE state = 'SUCCEEDED' AND cause = 'UNNEEDED'";
    until("and goes back", async || server.db.number(back, &[]).await == 1).await;
    assert_eq!(api.places(&event).await, (0, 0, 1000));
    server.audit().await;
}

/// Guards: the close at the gateway, so that a page which is still open can't pay.
#[tokio::test]
async fn what_is_over_here_is_closed_at_the_gateway() {
    let server = server().await;
    let event = priced(&server).await;
    let api = server.signed_in().await;
    let [superseded, cancelled, declined] =
        [unpaid(&api, &event).await, unpaid(&api, &event).await, unpaid(&api, &event).await];
    pay(&api, &superseded, "sandbox_action").await.created();
    pay(&api, &superseded, "card").await.created();
    pay(&api, &cancelled, "sandbox_action").await.created();
    api.delete(&super::path(&cancelled)).await.ok();
    pay(&api, &declined, "sandbox_declined").await.created();
    for booking in [&superseded, &cancelled, &declined] {
        until("it is closed", async || charges(&server, booking, "canceled").await == 1).await;
    }
    assert_eq!(server.db.number("SELECT count(*) FROM refunds", &[]).await, 0);
    server.audit().await;
}
