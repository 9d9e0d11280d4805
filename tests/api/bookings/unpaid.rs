//! How many places can be had without paying, and by whom.

use std::time::Duration;

use serde_json::json;

use crate::support::{Api, EventBuilder, Settings, TestServer, client::uuid, until};

/// Watches the cap of an account, over holds, unpaid bookings and the lines of a request, also after a restart.
#[tokio::test]
async fn an_account_has_at_most_twenty_unpaid_places_of_an_event() {
    let server = TestServer::start().await;
    let event =
        EventBuilder::ga(100).price("10").per_booking(1, 10).and_ga("Gallery", 100).price("10").per_booking(1, 10);
    let event = event.and_ga("Free", 100).per_booking(1, 50).unpaid_limited();
    let event = server.event(event).await;
    let buyer = server.signed_in().await;
    let lines = |quantities: &[u32]| {
        let lines = event.types.iter().zip(quantities).filter(|(_, quantity)| **quantity > 0);
        let lines: Vec<_> = lines.map(|(of, quantity)| json!({ "ticketTypeId": of, "quantity": quantity })).collect();
        json!({ "items": lines })
    };
    let too_many = buyer.hold(&event, &lines(&[10, 10, 1])).await.problem(422, "BOOKING_004");
    assert!(too_many["detail"].as_str().unwrap().contains("at most 20 unpaid places"), "{too_many}");
    let held = buyer.hold(&event, &lines(&[10])).await.created();
    buyer.book(&event, &lines(&[9])).await.created();
    buyer.book(&event, &json!({ "holdId": held["id"] })).await.created();
    for body in [lines(&[2]), lines(&[1, 1])] {
        buyer.hold(&event, &body).await.problem(422, "BOOKING_004");
        buyer.book(&event, &body).await.problem(422, "BOOKING_004");
    }
    let last = buyer.hold(&event, &lines(&[1])).await.created();
    buyer.hold(&event, &lines(&[1])).await.problem(422, "BOOKING_004");
    // What is free is not unpaid, and others have their own.
    buyer.book(&event, &lines(&[0, 0, 50])).await.created();
    server.signed_in().await.hold(&event, &lines(&[10, 10])).await.created();

    let token = buyer.token().unwrap().to_owned();
    let server = server.restart(&Settings::default()).await;
    let buyer = server.api.with_token(&token);
    buyer.hold(&event, &lines(&[1])).await.problem(422, "BOOKING_004");
    assert_eq!(buyer.delete(&format!("/api/v1/holds/{}", uuid(&last["id"]))).await.status, 204);
    buyer.hold(&event, &lines(&[1])).await.created();
    server.audit().await;
}

fn behind_a_proxy() -> Settings {
    Settings::default().set("BOXOFFICE__RATE_LIMIT__TRUSTED", "").set("BOXOFFICE__HTTP__TRUSTED_PROXIES", "127.0.0.0/8")
}

fn at(api: &Api, address: &str) -> Api {
    api.with_header("x-forwarded-for", address)
}

/// Watches the cap of a network, and who is exempt.
#[tokio::test]
async fn all_accounts_of_a_network_have_so_many_unpaid_places_of_an_event() {
    let settings = behind_a_proxy().set("BOXOFFICE__INVENTORY__UNPAID_PER_NETWORK", 15);
    let settings = settings.set("BOXOFFICE__RATE_LIMIT__TRUSTED", "198.51.100.0/24");
    let server = settings.start().await;
    let event = server.event(EventBuilder::ga(300).unpaid_limited()).await;
    let ten = event.places(10);
    let (first, second) = (server.signed_in().await, server.signed_in().await);
    let held = at(&first, "2001:db8:1:2::1").hold(&event, &ten).await.created();
    at(&second, "2001:db8:1:2::2").hold(&event, &ten).await.problem(422, "BOOKING_004");
    at(&second, "2001:db8:1:3::1").hold(&event, &ten).await.created();
    first.delete(&format!("/api/v1/holds/{}", uuid(&held["id"]))).await;
    at(&second, "2001:db8:1:2::2").hold(&event, &ten).await.created();
    for api in [server.signed_in().await, server.signed_in().await] {
        at(&api, "198.51.100.7").hold(&event, &ten).await.created();
        // The proxy itself.
        api.hold(&event, &ten).await.created();
    }
}

/// Watches the cool-down.
#[tokio::test]
async fn who_lets_a_hold_run_out_has_to_wait() {
    let settings = Settings::default().hold(Duration::from_secs(1)).set("BOXOFFICE__INVENTORY__EXPIRIES", "1/1h");
    let server = settings.start().await;
    let event = server.event(EventBuilder::ga(10).unpaid_limited()).await;
    let buyer = server.signed_in().await;
    buyer.hold(&event, &event.places(2)).await.created();
    until("it runs out", async || server.api.places(&event).await == (0, 0, 10)).await;
    let refused = buyer.hold(&event, &event.places(1)).await;
    refused.problem(429, "RATE_001");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((3000..=3600).contains(&wait), "{wait}");
    buyer.book(&event, &event.places(1)).await.created();
    server.signed_in().await.hold(&event, &event.places(1)).await.created();
}

/// Watches the setting, and that a known key is answered before it is looked at.
#[tokio::test]
async fn an_address_that_is_not_verified_takes_nothing_where_that_is_needed() {
    let server = Settings::default().set("BOXOFFICE__AUTH__VERIFIED_TO_BOOK", true).start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let account = server.buyer().await;
    let buyer = server.api.of(&account);
    buyer.hold(&event, &event.places(1)).await.problem(403, "AUTH_009");
    buyer.book_as(&event, "key", &event.places(1)).await.problem(403, "AUTH_009");
    assert_eq!(server.api.places(&event).await, (0, 0, 10));
    let verify = async |at: &str| {
        let statement = format!("UPDATE accounts SET email_verified_at = {at} WHERE id = $1");
        server.client.execute(&statement, &[&account.id]).await.unwrap();
    };
    verify("now()").await;
    buyer.book_as(&event, "key", &event.places(1)).await.created();
    // On a server that has not seen it verified.
    verify("NULL").await;
    let server = server.restart(&Settings::default().set("BOXOFFICE__AUTH__VERIFIED_TO_BOOK", true)).await;
    let buyer = server.api.of(&account);
    assert!(buyer.book_as(&event, "key", &event.places(1)).await.is_replay());
    buyer.book(&event, &event.places(1)).await.problem(403, "AUTH_009");
}
