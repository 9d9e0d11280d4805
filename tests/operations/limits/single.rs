//! One server by itself.

use std::time::Duration;

use domain::accounts::Role;
use reqwest::Method;
use serde_json::json;

use super::clients::{PUBLIC, Visitor, retry_after, settings, standing};
use crate::support::{
    Answer, EventBuilder, TestServer, accounts,
    person::{PASSWORD, mail, token_of},
};

async fn server(limits: &[(&str, &str)]) -> TestServer {
    let mut settings = settings();
    for (name, value) in limits {
        settings = settings.set(&format!("BOXOFFICE__RATE_LIMIT__{name}"), value);
    }
    settings.start().await
}

#[tokio::test]
async fn answers_say_how_a_client_stands_until_it_is_refused() {
    let server = server(&[("PUBLIC", "5/1h")]).await;
    let visitor = Visitor::new(server.running.address, 1);
    for left in (0..5).rev() {
        let answer = visitor.get(PUBLIC).await;
        answer.ok();
        assert_eq!(answer.header("ratelimit-policy"), Some("\"public\";q=5;w=3600"));
        let (tier, remaining, full_after) = standing(&answer);
        assert_eq!((tier.as_str(), remaining), ("public", left));
        let used = 720 * u64::from(5 - left);
        assert!(full_after <= used && full_after + 60 >= used, "{full_after} of {used}");
    }
    let refused = visitor.get(PUBLIC).await;
    let wait = retry_after(&refused);
    assert!((600..=720).contains(&wait), "{wait}");
    assert_eq!(standing(&refused).1, 0);
    assert_eq!(refused.header("ratelimit-policy"), Some("\"public\";q=5;w=3600"));
    // Another address is another client; IPv6 in the same /64 is not.
    visitor.at(2).get(PUBLIC).await.ok();
}

#[tokio::test]
async fn an_ipv6_network_is_one_client() {
    let server = server(&[("PUBLIC", "2/1h")]).await;
    let http = reqwest::Client::new();
    let ask = async |address: &str| {
        let request = http.get(format!("http://{}{PUBLIC}", server.running.address));
        request.header("x-forwarded-for", address).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask("2001:db8:1:2::1").await, 200);
    assert_eq!(ask("2001:db8:1:2:ffff::2").await, 200);
    assert_eq!(ask("2001:db8:1:2:3:4:5:6").await, 429);
    assert_eq!(ask("2001:db8:1:3::1").await, 200);
}

/// Guards: that what no row answers is counted as well, and the explanations of refusals.
#[tokio::test]
async fn whatever_is_asked_for_is_counted() {
    let server = server(&[("PUBLIC", "2/1h")]).await;
    let first = Visitor::new(server.running.address, 1);
    let asked = [
        (Method::GET, "/nothing", 404),
        (Method::DELETE, PUBLIC, 405),
        (Method::OPTIONS, PUBLIC, 204),
        (Method::GET, "/problems", 200),
        (Method::GET, "/problems/RATE_001", 200),
        (Method::GET, "/", 200),
    ];
    for (number, (method, path, status)) in (1..).zip(asked) {
        // A network of its own for each.
        let visitor = first.at(number * 256);
        for left in [1, 0] {
            let answer = visitor.send(method.clone(), path, None, None).await;
            assert_eq!((answer.status, standing(&answer).1), (status, left), "{method} {path}");
        }
        retry_after(&visitor.send(method.clone(), path, None, None).await);
    }
}

#[tokio::test]
async fn health_is_not_limited_and_neither_are_trusted_networks() {
    let limited = server(&[("PUBLIC", "1/1h")]).await;
    let visitor = Visitor::new(limited.running.address, 1);
    for path in ["/health", "/health/live", "/health/ready"] {
        for _ in 0..3 {
            let answer = visitor.get(path).await;
            assert_eq!((answer.status, answer.header("ratelimit")), (200, None), "{path}");
        }
    }
    let trusting = server(&[("PUBLIC", "1/1h"), ("AUTH", "1/1h"), ("TRUSTED", "198.18.0.0/24")]).await;
    let visitor = Visitor::new(trusting.running.address, 1);
    for _ in 0..3 {
        let answer = visitor.get(PUBLIC).await;
        assert_eq!((answer.status, answer.header("ratelimit")), (200, None));
        visitor.sign_in("somebody@tests.example").await.problem(401, "AUTH_005");
    }
    assert_eq!(visitor.at(256).until_refused(PUBLIC).await, 1, "the next network is not");
}

#[tokio::test]
async fn accounts_have_limits_of_their_own_wherever_they_are() {
    let server = server(&[("API", "3/1h"), ("BOOKINGS", "2/1h"), ("PUBLIC", "1/1h")]).await;
    let event = server.event(EventBuilder::ga(100)).await;
    let (first, second) = (server.buyer().await, server.buyer().await);
    let visitor = Visitor::new(server.running.address, 1);
    let profile =
        async |number, token: &str| visitor.at(number).send(Method::GET, "/api/v1/profile", Some(token), None).await;
    for number in 0..3 {
        assert_eq!(standing(&profile(number, &first.token).await).0, "api");
    }
    retry_after(&profile(9, &first.token).await);
    profile(0, &second.token).await.ok();
    // Holds and bookings together.
    let body = event.places(1);
    let take = async |what: &str, token: &str| {
        visitor.send(Method::POST, &event.path(what), Some(token), Some(body.clone())).await
    };
    take("holds", &first.token).await.created();
    take("bookings", &first.token).await.created();
    for what in ["holds", "bookings"] {
        let refused = take(what, &first.token).await;
        retry_after(&refused);
        assert_eq!(standing(&refused).0, "bookings");
    }
    take("bookings", &second.token).await.created();
    assert_eq!(server.api.places(&event).await, (1, 2, 97));
}

/// Otherwise tokens could be guessed at any rate.
#[tokio::test]
async fn requests_with_bad_tokens_are_counted_for_their_network() {
    let server = server(&[("API", "3/1h")]).await;
    let buyer = server.buyer().await;
    let old = accounts::token(buyer.id, Role::User, Duration::from_secs(7200));
    let visitor = Visitor::new(server.running.address, 1);
    for (token, code) in [(None, "AUTH_001"), (Some("nonsense"), "AUTH_002"), (Some(old.as_str()), "AUTH_003")] {
        let answer = visitor.send(Method::GET, "/api/v1/profile", token, None).await;
        answer.problem(401, code);
        assert_eq!(standing(&answer).0, "api");
    }
    retry_after(&visitor.send(Method::GET, "/api/v1/profile", Some("nonsense"), None).await);
    visitor.send(Method::GET, "/api/v1/profile", Some(&buyer.token), None).await.ok();
}

async fn register(visitor: &Visitor, email: &str) -> Answer {
    visitor.post("auth/register", json!({ "email": email, "password": PASSWORD, "name": "Somebody" })).await
}

/// Watches both limits of an account: strangers do not keep its owner out, and anyone who guesses has many networks.
#[tokio::test]
async fn signing_in_is_limited_by_network_and_by_account() {
    const WIDE: u32 = 20 * 5;
    let server = server(&[("AUTH", "5/24h")]).await;
    let visitor = Visitor::new(server.running.address, 0);
    register(&visitor.at(1000), "victim@tests.example").await.created();
    let at_home = visitor.at(1001).sign_in_with("victim@tests.example", PASSWORD).await;
    let at_home = visitor.on_device_of(&at_home);
    for number in 0..5 {
        visitor.at(number).sign_in("Victim@tests.example ").await.problem(401, "AUTH_005");
    }
    let answer = visitor.at(5).sign_in("victim@tests.example").await;
    answer.problem(401, "AUTH_005");
    assert_eq!((standing(&answer).0.as_str(), standing(&answer).1), ("auth", 4));
    for number in 0..4 {
        visitor.at(5).sign_in(&format!("other-{number}@tests.example")).await.problem(401, "AUTH_005");
    }
    retry_after(&visitor.at(5).sign_in("one-more@tests.example").await);
    let body = json!({ "email": "new@tests.example", "password": "a long password", "name": "New" });
    retry_after(&visitor.at(5).send(Method::POST, "/api/v1/auth/register", None, Some(body)).await);

    // Its owner is not concerned, wherever they are.
    visitor.at(6).sign_in_with("victim@tests.example", PASSWORD).await.ok();
    // Unless it is a hundred failures, and then for a moment, which does not grow.
    for number in 6..WIDE {
        visitor.at(number).sign_in("victim@tests.example").await.problem(401, "AUTH_005");
    }
    for number in WIDE..WIDE + 10 {
        let wait = retry_after(&visitor.at(number).sign_in("victim@tests.example").await);
        assert!(wait <= 24 * 3600 / u64::from(WIDE), "{wait}");
    }
    // Where they have signed in before they always can.
    at_home.at(1002).sign_in_with("victim@tests.example", PASSWORD).await.ok();
    visitor.at(1002).sign_in("somebody@tests.example").await.problem(401, "AUTH_005");
}

/// Watches that failures count and nothing else, for a device that is known as well, and that a new password forgives them.
#[tokio::test]
async fn only_failures_to_sign_in_count_and_a_new_password_forgives_them() {
    const ADA: &str = "ada@tests.example";
    let server = server(&[("AUTH", "3/1h")]).await;
    let visitor = Visitor::new(server.running.address, 0);
    register(&visitor, ADA).await.created();
    let mut device = visitor.on_device_of(&visitor.sign_in_with(ADA, PASSWORD).await);
    for number in 1..8 {
        let answer = device.at(number).sign_in_with(ADA, PASSWORD).await;
        answer.ok();
        device = device.on_device_of(&answer);
    }
    for number in 10..13 {
        device.at(number).sign_in(ADA).await.problem(401, "AUTH_005");
    }
    retry_after(&device.at(13).sign_in_with(ADA, PASSWORD).await);
    // A device is known to the accounts that have signed in there.
    device.at(13).sign_in("nobody@tests.example").await.problem(401, "AUTH_005");

    assert_eq!(device.at(20).post("auth/forgot-password", json!({ "email": ADA })).await.status, 202);
    let token = token_of(&mail(&server, ADA, "Choose a new password").await);
    let choose = json!({ "token": token, "password": "an other good secret" });
    assert_eq!(device.at(20).post("auth/reset-password", choose).await.status, 204);
    device.at(20).sign_in_with(ADA, "an other good secret").await.ok();
}

/// Watches that who is signed in may prove it as often as they like, and guess only so often.
#[tokio::test]
async fn only_failures_to_prove_it_once_more_count() {
    const ADA: &str = "ada@tests.example";
    let server = server(&[("AUTH", "3/1h")]).await;
    let visitor = Visitor::new(server.running.address, 0);
    register(&visitor, ADA).await.created();
    let mut session = visitor.sign_in_with(ADA, PASSWORD).await.ok();
    let change = async |token: &str, current: &str, new: &str| {
        let body = json!({ "currentPassword": current, "newPassword": new });
        visitor.send(Method::POST, "/api/v1/auth/change-password", Some(token), Some(body)).await
    };
    let mut current = PASSWORD.to_owned();
    for number in 0..6 {
        let next = format!("an other good secret {number}");
        session = change(session["accessToken"].as_str().unwrap(), &current, &next).await.ok();
        current = next;
    }
    let token = session["accessToken"].as_str().unwrap();
    for _ in 0..3 {
        change(token, "not the password", PASSWORD).await.problem(422, "ACCOUNT_002");
    }
    retry_after(&change(token, &current, PASSWORD).await);
}

/// Watches the back-off and its bound.
#[tokio::test]
async fn who_goes_on_while_refused_waits_longer_up_to_a_bound() {
    let server = server(&[("PUBLIC", "60/1h"), ("BACKOFF_MAX", "5m")]).await;
    let visitor = Visitor::new(server.running.address, 1);
    assert!(visitor.until_refused(PUBLIC).await >= 60);
    let mut waits = Vec::new();
    for _ in 0..8 {
        waits.push(retry_after(&visitor.get(PUBLIC).await));
    }
    assert!(waits.is_sorted() && waits[0] > 60 && waits[3] >= waits[0] + 120, "{waits:?}");
    assert!(waits[7] > 280 && waits[7] <= 300, "{waits:?}");
}

#[tokio::test]
async fn a_storm_of_addresses_is_served_and_frees_nobody_who_is_limited() {
    let server = server(&[("PUBLIC", "5/1h"), ("MAX_CLIENTS", "64")]).await;
    let offender = Visitor::new(server.running.address, 0);
    assert_eq!(offender.until_refused(PUBLIC).await, 5);
    for number in 1..500 {
        offender.at(number).get(PUBLIC).await.ok();
    }
    retry_after(&offender.get(PUBLIC).await);
}
