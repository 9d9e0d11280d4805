//! Promo codes that there are not, at holds and bookings.

use serde_json::{Value, json};

use crate::support::{EventBuilder, Settings, TestEvent, TestServer, client::new_key};

async fn limited(auth: &str) -> (TestServer, TestEvent) {
    let settings = Settings::default().set("BOXOFFICE__RATE_LIMIT__TRUSTED", "");
    let server = settings.set("BOXOFFICE__RATE_LIMIT__AUTH", auth).start().await;
    let event = server.event(EventBuilder::ga(50).price("12.50")).await;
    let insert = "INSERT INTO promo_codes (id, event_id, code, kind, value, ends_at)
        VALUES (gen_random_uuid(), $1, 'HALF', 'PERCENT', 0.5, NULL), (gen_random_uuid(), $1, 'ENDED', 'PERCENT', 0.5, '2001-01-01Z')";
    server.client.execute(insert, &[&event.id]).await.unwrap();
    (server, event)
}

fn with_code(event: &TestEvent, code: &str) -> Value {
    let mut body = event.places(1);
    body["promoCode"] = json!(code);
    body
}

/// Guards: `Guard`. Only a code that there is not counts, and what is known by its key is answered all the same.
#[tokio::test]
async fn guesses_are_counted_and_nothing_else_is() {
    let (server, event) = limited("3/15m").await;
    let api = server.signed_in().await;
    let key = new_key();
    let booked = api.book_as(&event, &key, &with_code(&event, "HALF")).await.created();
    assert_eq!((&booked["promoCode"], &booked["total"]["amount"]), (&json!("HALF"), &json!("6.25")));
    for _ in 0..3 {
        api.hold(&event, &with_code(&event, "half")).await.created();
        let refused = api.hold(&event, &with_code(&event, "ENDED")).await.problem(422, "PROMO_001");
        assert_eq!(refused["errors"][0]["code"], "NOT_NOW");
    }
    for guess in ["GUESS-1", "GUESS-2"] {
        let refused = api.hold(&event, &with_code(&event, guess)).await.problem(422, "PROMO_001");
        assert_eq!(refused["errors"][0]["code"], "UNKNOWN");
    }
    api.book(&event, &with_code(&event, "GUESS-3")).await.problem(422, "PROMO_001");
    let taken = server.api.places(&event).await;
    for name in ["GUESS-4", "HALF"] {
        let refused = api.book(&event, &with_code(&event, name)).await;
        refused.problem(429, "RATE_001");
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=300).contains(&wait), "a third of the window: {wait}");
        api.hold(&event, &with_code(&event, name)).await.problem(429, "RATE_001");
    }
    assert_eq!(server.api.places(&event).await, taken, "nothing was taken");
    let again = api.book_as(&event, &key, &with_code(&event, "HALF")).await;
    assert_eq!((again.created(), again.is_replay()), (booked, true));
    api.hold(&event, &event.places(1)).await.created();
    server.audit().await;
}
