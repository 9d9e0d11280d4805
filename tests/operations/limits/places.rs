//! What requests that take places cost: one of `bookings` if they do, and otherwise one of `api`.

use super::clients::{Visitor, retry_after, servers, settings, standing};
use crate::support::{Api, EventBuilder, TestRedis, TestServer, client::new_key};

async fn server(limits: &[(&str, &str)]) -> TestServer {
    let mut settings = settings();
    for (name, value) in limits {
        settings = settings.set(&format!("BOXOFFICE__RATE_LIMIT__{name}"), value);
    }
    settings.start().await
}

/// Watches that what took no place is given back.
#[tokio::test]
async fn ten_refusals_that_took_no_place_leave_room_for_a_booking() {
    let server = server(&[("BOOKINGS", "10/1h")]).await;
    let (sold_out, open) = (server.event(EventBuilder::ga(1)).await, server.event(EventBuilder::ga(10)).await);
    server.signed_in().await.book(&sold_out, &sold_out.places(1)).await.created();
    let buyer = server.signed_in().await;
    for _ in 0..12 {
        let refused = buyer.book(&sold_out, &sold_out.places(1)).await;
        refused.problem(409, "BOOKING_001");
        let (tier, left, _) = standing(&refused);
        assert_eq!((tier.as_str(), left), ("bookings", 10));
    }
    let booked = buyer.book(&open, &open.places(1)).await;
    booked.created();
    assert_eq!(standing(&booked).1, 9);
}

/// Watches that a known key is answered before what time has used up is looked at.
#[tokio::test]
async fn a_repeated_request_costs_no_allowance_and_is_answered_without_any() {
    let server = server(&[("BOOKINGS", "2/1h")]).await;
    let event = server.event(EventBuilder::ga(10)).await;
    let buyer = server.signed_in().await;
    let (key, body) = (new_key(), event.places(1));
    let first = buyer.book_as(&event, &key, &body).await;
    first.created();
    let repeat = async |buyer: &Api| {
        let again = buyer.book_as(&event, &key, &body).await;
        assert!(again.is_replay());
        assert_eq!((again.created(), standing(&again).0), (first.created(), "bookings".to_owned()));
        standing(&again).1
    };
    for _ in 0..15 {
        assert_eq!(repeat(&buyer).await, 1);
    }
    buyer.hold(&event, &body).await.created();
    let refused = buyer.book(&event, &body).await;
    retry_after(&refused);
    assert_eq!(standing(&refused).0, "bookings");
    for _ in 0..15 {
        assert_eq!(repeat(&buyer).await, 0);
    }
    // Also when memory has forgotten it.
    server.running.inventories.kill(domain::ids::EventId(event.id));
    repeat(&buyer).await;
    buyer.book_as(&event, &key, &event.places(2)).await.problem(422, "IDEMPOTENCY_002");
    retry_after(&buyer.book(&event, &body).await);
    assert_eq!(server.api.places(&event).await, (1, 1, 8));
}

/// Watches that answers which were given before are not counted at all, whichever tier their route is of.
#[tokio::test]
async fn what_is_answered_again_costs_nothing_of_the_general_limit_either() {
    let server = server(&[("BOOKINGS", "2/1h"), ("API", "3/1h"), ("BACKOFF_MAX", "0s")]).await;
    let event = server.event(EventBuilder::ga(10)).await;
    let buyer = server.signed_in().await;
    let (key, body) = (new_key(), event.places(1));
    buyer.book_as(&event, &key, &body).await.created();
    for _ in 0..8 {
        let again = buyer.book_as(&event, &key, &body).await;
        assert!(again.is_replay());
        assert_eq!(standing(&again).1, 1);
    }
    buyer.hold(&event, &body).await.created();
    for _ in 0..8 {
        assert!(buyer.book_as(&event, &key, &body).await.is_replay(), "with nothing left in `bookings`");
    }
    let other = buyer.get("/api/v1/bookings").await;
    assert_eq!(standing(&other), ("api".to_owned(), 2, standing(&other).2));

    let admin = server.signed_in_as(domain::accounts::Role::Admin).await;
    let body = serde_json::json!({ "name": "The Forum", "address": "1 Via Sacra", "city": "Rome", "country": "IT",
        "timeZone": "Europe/Rome", "capacity": 500 });
    let key = new_key();
    let make = async || admin.send(reqwest::Method::POST, "/api/v1/admin/venues", Some(&key), Some(&body)).await;
    let first = make().await;
    first.created();
    for _ in 0..8 {
        let again = make().await;
        assert!(again.is_replay());
        assert_eq!(standing(&again).1, standing(&first).1);
    }
}

/// Watches the bound of what takes no place.
#[tokio::test]
async fn refusals_are_bounded_by_the_general_limit_and_then_by_that_of_bookings() {
    let server = server(&[("BOOKINGS", "2/1h"), ("API", "3/1h"), ("BACKOFF_MAX", "0s")]).await;
    let event = server.event(EventBuilder::ga(1)).await;
    server.signed_in().await.book(&event, &event.places(1)).await.created();
    let buyer = server.signed_in().await;
    for _ in 0..5 {
        buyer.book(&event, &event.places(1)).await.problem(409, "BOOKING_001");
    }
    for _ in 0..3 {
        retry_after(&buyer.book(&event, &event.places(1)).await);
    }
}

/// Watches that Redis is told what was given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_back_on_one_node_can_be_had_on_another() {
    let redis = TestRedis::start();
    let (servers, database) = servers(2, &redis, &[("BOOKINGS", "3/1h")]).await;
    let client = database.connect().await;
    for server in &servers {
        super::shared::shares(&Visitor::new(server.address, 1), &redis).await;
    }
    let event = EventBuilder::ga(10).per_booking(1, 2).create(&client).await;
    let account = crate::support::accounts::add_accounts(&client, 1, domain::accounts::Role::User).await.remove(0);
    let [first, second] = [0, 1].map(|number: usize| servers[number].api.of(&account));
    for _ in 0..6 {
        first.book(&event, &event.places(3)).await.problem(422, "BOOKING_004");
    }
    // The first event is the first server's now.
    let other = EventBuilder::ga(10).create(&client).await;
    for left in (0..3).rev() {
        let answer = second.book(&other, &other.places(1)).await;
        answer.created();
        assert_eq!(standing(&answer).1, left);
    }
    retry_after(&second.book(&other, &other.places(1)).await);
    retry_after(&first.book(&event, &event.places(1)).await);
}
