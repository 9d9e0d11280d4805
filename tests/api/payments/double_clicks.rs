//! The button that is pressed twice.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{charges, pay_as, priced, settings, status, unpaid};
use crate::support::{Answer, Api, client::new_key};

/// Pairs of requests at once.
const PAIRS: usize = 200;

/// Asks again, as a client does, while the server has too much to do.
async fn click(api: &Api, booking: &Value, key: &str, body: &Value) -> Answer {
    for _ in 0..100 {
        let answer = pay_as(api, booking, key, body).await;
        if answer.status != 503 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{booking} can't be paid");
}

/// Guards: one charge each, whether both clicks have one key (the same attempt) or two (one attempt at a time).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clicks_are_one_charge() {
    // Two hundred at once on a machine that does other things as well: no answer of the gateway is late.
    let server = settings().set("BOXOFFICE__PAYMENTS__TIMEOUT", "30s").start().await;
    let event = priced(&server).await;
    let buyers = server.buyers(PAIRS).await;
    let pairs = buyers.iter().enumerate().map(|(number, buyer)| {
        let (api, event) = (server.api.of(buyer), &event);
        async move {
            let booking = unpaid(&api, event).await;
            let (key, body) = (new_key(), json!({ "method": "card" }));
            let is_one_key = number % 2 == 0;
            let second_key = if is_one_key { key.clone() } else { new_key() };
            let (one, other) =
                tokio::join!(click(&api, &booking, &key, &body), click(&api, &booking, &second_key, &body));
            let mut paid: Option<serde_json::Value> = None;
            for answer in [&one, &other] {
                match answer.status {
                    201 => {
                        let id = answer.json()["id"].clone();
                        assert!(paid.replace(id.clone()).is_none_or(|first| first == id && is_one_key), "{answer:?}");
                    }
                    _ if is_one_key => drop(answer.problem(409, "IDEMPOTENCY_003")),
                    _ if answer.json()["code"] == "PAYMENT_001" => {}
                    _ => drop(answer.problem(409, "PAYMENT_005")),
                }
            }
            assert!(paid.is_some(), "{one:?} {other:?}");
            assert_eq!(status(&api, &booking).await, "CONFIRMED");
            booking
        }
    });
    let bookings = join_all(pairs).await;
    for booking in &bookings {
        assert_eq!(charges(&server, booking, "succeeded").await, 1, "{booking}");
    }
    let intents = server.db.number("SELECT count(*) FROM sandbox_documents WHERE kind = 'intent'", &[]).await;
    assert_eq!(intents, PAIRS as i64);
    let paid = server.db.number("SELECT count(*) FROM payments WHERE pays_booking", &[]).await;
    assert_eq!(paid, PAIRS as i64);
    server.audit().await;
}
