//! What terms and promo codes do to a quote.

use serde_json::{Value, json};
use uuid::Uuid;

use super::eur;
use crate::support::{EventBuilder, Settings, TestEvent, TestServer, client::uuid, events::in_seconds};

/// The terms of the event, as its organizer would have said them.
async fn terms(server: &TestServer, event: &TestEvent, body: Value) {
    let boss = crate::organizer::admin(server).await.with_header("if-match", "*");
    let path = format!("/api/v1/admin/events/{}/pricing", event.id);
    boss.send(reqwest::Method::PUT, &path, None, Some(&body)).await.ok();
}

/// A promo code of the event; its id.
async fn code(server: &TestServer, event: &TestEvent, body: Value) -> Uuid {
    let path = format!("/api/v1/admin/events/{}/promo-codes", event.id);
    uuid(&crate::organizer::admin(server).await.post(&path, &body).await.created()["id"])
}

fn with_code(event: &TestEvent, places: u32, code: &str) -> Value {
    let mut body = event.places(places);
    body["promoCode"] = json!(code);
    body
}

/// What of a quote is said of all tickets together.
fn sums(quote: &Value) -> [&str; 4] {
    ["discount", "fees", "tax", "total"].map(|sum| quote[sum]["amount"].as_str().unwrap())
}

/// Known right values, and guards: that the terms are read, in both ways to tax.
#[tokio::test]
async fn terms_make_the_price() {
    let server = TestServer::start().await;
    let event = EventBuilder::ga(50).price("99.00").and_ga("Child", 50).price("10.00").and_ga("Free", 50);
    let event = server.event(event).await;
    let [adult, child, free] = event.types[..] else { panic!("{event:?}") };
    let reduced = "UPDATE ticket_types SET tax_rate = 0.05 WHERE id = $1";
    server.client.execute(reduced, &[&child]).await.unwrap();
    let line = |of: Uuid, quantity: u32| json!({ "ticketTypeId": of, "quantity": quantity });
    let quoted = async |lines: &[Value]| server.api.post(&event.path("quotes"), &json!({ "items": lines })).await.ok();

    terms(&server, &event, json!({ "taxRate": "0.077" })).await;
    let quote = quoted(&[line(adult, 3)]).await;
    assert_eq!((sums(&quote), &quote["taxIncluded"]), (["0.00", "0.00", "21.24", "297.00"], &json!(true)));
    terms(&server, &event, json!({ "taxRate": "0.077", "taxIncluded": false })).await;
    let quote = quoted(&[line(adult, 3)]).await;
    assert_eq!((sums(&quote), &quote["taxIncluded"]), (["0.00", "0.00", "22.86", "319.86"], &json!(false)));

    let fees = json!([
        { "name": "Service", "kind": "PERCENT", "value": "0.10", "cap": "5" },
        { "name": "Theatre", "kind": "FIXED_PER_TICKET", "value": "1.50" },
        { "name": "Post", "kind": "FIXED_PER_BOOKING", "value": "1.01" },
    ]);
    terms(&server, &event, json!({ "taxRate": "0.20", "taxIncluded": false, "fees": fees })).await;
    let quote = quoted(&[line(adult, 1), line(child, 1), line(free, 2)]).await;
    let parts: Vec<_> =
        quote["items"].as_array().unwrap().iter().map(|of| (&of["fee"], &of["tax"], &of["total"])).collect();
    // 5.00 + 1.50 + 0.51, 20 % on top; 1.00 + 1.50 + 0.50, 5 % on top; nothing for what is free.
    let [dear, cheap, none] =
        [["7.01", "21.20", "127.21"], ["3.00", "0.65", "13.65"], ["0.00"; 3]].map(|of| of.map(eur));
    let expected = [&dear, &cheap, &none, &none].map(|[fee, tax, total]| (fee, tax, total));
    assert_eq!(parts, expected);
    assert_eq!(sums(&quote), ["0.00", "10.01", "21.85", "140.86"]);
}

#[tokio::test]
async fn a_code_takes_something_off() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(50).price("12.50").and_ga("Child", 50).price("4.00")).await;
    let child = event.types[1];
    code(&server, &event, json!({ "code": "TENTH", "kind": "PERCENT", "value": "0.10" })).await;
    code(&server, &event, json!({ "code": "FIVE", "kind": "FIXED", "value": "5", "ticketTypeIds": [child] })).await;
    code(&server, &event, json!({ "code": "DOOR", "kind": "ACCESS" })).await;
    let quoted = async |body: Value| server.api.post(&event.path("quotes"), &body).await.ok();
    for name in ["TENTH", "tenth", " Tenth "] {
        let quote = quoted(with_code(&event, 3, name)).await;
        assert_eq!(sums(&quote), ["3.75", "0.00", "0.00", "33.75"], "{name}");
        assert_eq!(quote["items"][2]["discount"], eur("1.25"));
    }
    assert_eq!(sums(&quoted(with_code(&event, 1, "DOOR")).await), ["0.00", "0.00", "0.00", "12.50"]);
    let both = json!({
        "items": [{ "ticketTypeId": event.types[0], "quantity": 1 }, { "ticketTypeId": child, "quantity": 1 }],
        "promoCode": "FIVE",
    });
    assert_eq!(
        sums(&quoted(both).await),
        ["4.00", "0.00", "0.00", "12.50"],
        "never below nothing, and for what it is for"
    );
    let none = json!({ "items": event.places(1)["items"], "promoCode": null });
    assert_eq!(sums(&quoted(none).await), ["0.00", "0.00", "0.00", "12.50"]);
}

#[tokio::test]
async fn a_code_that_can_not_be_used_is_told_why() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(50).price("12.50").and_ga("Child", 50)).await;
    let other = server.event(EventBuilder::ga(50)).await;
    let percent = |code: &str| json!({ "code": code, "kind": "PERCENT", "value": "0.10" });
    let with = |code: &str, member: &str, value: Value| {
        let mut body = percent(code);
        body[member] = value;
        body
    };
    code(&server, &other, percent("ELSEWHERE")).await;
    code(&server, &event, with("EARLY", "startsAt", json!(in_seconds(60)))).await;
    code(&server, &event, with("LATE", "endsAt", json!(in_seconds(-60)))).await;
    code(&server, &event, with("CHILDREN", "ticketTypeIds", json!([event.types[1]]))).await;
    let used_up = code(&server, &event, with("GONE", "uses", json!(2))).await;
    let used = "UPDATE promo_codes SET used = 2, ever_used = true WHERE id = $1";
    server.client.execute(used, &[&used_up]).await.unwrap();
    for (name, why) in [
        ("NONE", "UNKNOWN"),
        ("ELSEWHERE", "UNKNOWN"),
        ("EARLY", "NOT_NOW"),
        ("LATE", "NOT_NOW"),
        ("CHILDREN", "NOT_FOR_TICKETS"),
        ("GONE", "USED_UP"),
    ] {
        let refused = server.api.post(&event.path("quotes"), &with_code(&event, 1, name)).await;
        let refused = refused.problem(422, "PROMO_001");
        let errors = refused["errors"].as_array().unwrap();
        assert_eq!(
            (errors.len(), &errors[0]["field"], &errors[0]["code"]),
            (1, &json!("promoCode"), &json!(why)),
            "{name}"
        );
        let listed = server.api.get(&event.path(&format!("ticket-types?promoCode={name}"))).await;
        if why == "NOT_FOR_TICKETS" {
            assert_eq!(listed.ok()["data"].as_array().unwrap().len(), 2, "it is asked for no tickets");
        } else {
            assert_eq!(listed.problem(422, "PROMO_001")["errors"][0]["code"], why, "{name}");
        }
    }
    for (name, fault) in [("", "REQUIRED"), ("A", "INVALID"), ("Ä B", "INVALID")] {
        let faults = server.api.post(&event.path("quotes"), &with_code(&event, 1, name)).await.faults();
        assert_eq!(faults, [("promoCode".to_owned(), fault.to_owned())]);
    }
    let faults = server.api.get(&event.path("ticket-types?promoCode=A")).await.faults();
    assert_eq!(faults, [("promoCode".to_owned(), "INVALID".to_owned())]);
    let both = json!({ "items": [], "promoCode": "A" });
    assert_eq!(server.api.post(&event.path("quotes"), &both).await.faults().len(), 2);
}

/// Guards: what the gateway would refuse is refused before places are taken; nothing is charged for nothing.
#[tokio::test]
async fn what_is_too_little_to_be_paid_is_told() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(50).price("0.25")).await;
    code(&server, &event, json!({ "code": "FREE", "kind": "PERCENT", "value": "1" })).await;
    let refused = server.api.post(&event.path("quotes"), &event.places(1)).await.problem(422, "PAYMENT_007");
    assert!(refused["detail"].as_str().unwrap().contains("0.50 EUR"), "{refused}");
    let quote = server.api.post(&event.path("quotes"), &event.places(2)).await.ok();
    assert_eq!(quote["total"], eur("0.50"));
    let free = server.api.post(&event.path("quotes"), &with_code(&event, 1, "FREE")).await.ok();
    assert_eq!((&free["discount"], &free["total"]), (&eur("0.25"), &eur("0.00")));
}

/// Guards: `missed`, and that nothing but a code that there is not counts. Guessing costs what trying to sign in costs.
#[tokio::test]
async fn guessing_codes_is_limited() {
    let settings = Settings::default();
    let settings = settings.set("BOXOFFICE__RATE_LIMIT__TRUSTED", "").set("BOXOFFICE__RATE_LIMIT__AUTH", "4/15m");
    let server = settings.start().await;
    let event = server.event(EventBuilder::ga(50).price("12.50")).await;
    let (tenth, ended) = ("TENTH", "ENDED");
    // Past the limits, which count administrators as well.
    let insert = "INSERT INTO promo_codes (id, event_id, code, kind, value, ends_at)
        VALUES (gen_random_uuid(), $1, 'TENTH', 'PERCENT', 0.1, NULL), (gen_random_uuid(), $1, 'ENDED', 'PERCENT', 0.1, '2001-01-01Z')";
    server.client.execute(insert, &[&event.id]).await.unwrap();
    let quote = async |name: &str| server.api.post(&event.path("quotes"), &with_code(&event, 1, name)).await;
    let listed = async |name: &str| server.api.get(&event.path(&format!("ticket-types?promoCode={name}"))).await;
    for _ in 0..6 {
        quote(tenth).await.ok();
        listed(tenth).await.ok();
        quote(ended).await.problem(422, "PROMO_001");
        quote("A").await.faults();
    }
    for guess in ["GUESS-1", "GUESS-2"] {
        quote(guess).await.problem(422, "PROMO_001");
        listed(guess).await.problem(422, "PROMO_001");
    }
    let refused = quote("GUESS-3").await;
    refused.problem(429, "RATE_001");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=225).contains(&wait), "a quarter of the window: {wait}");
    listed("GUESS-3").await.problem(429, "RATE_001");
    quote(tenth).await.problem(429, "RATE_001");
    let login = json!({ "email": "ada@example.org", "password": "correct horse battery" });
    server.api.post("/api/v1/auth/login", &login).await.problem(429, "RATE_001");
    // What names no code is not about guessing.
    server.api.post(&event.path("quotes"), &event.places(1)).await.ok();
    server.api.get(&event.path("ticket-types")).await.ok();
}

/// What an answer says of each ticket, and of all of them together.
fn priced(answer: &Value) -> Value {
    let items = answer["items"].as_array().unwrap().iter();
    let items = items.map(|of| ["ticketTypeId", "price", "discount", "fee", "tax"].map(|part| of[part].clone()));
    let sums = ["discount", "fees", "tax", "taxIncluded", "total"].map(|sum| answer[sum].clone());
    json!({ "items": items.collect::<Vec<_>>(), "sums": sums })
}

/// Guards: that one rule prices quotes, holds and bookings, from the same terms and codes. Fees and rates that round in every place.
#[tokio::test]
async fn a_quote_is_what_a_booking_costs() {
    let server = TestServer::start().await;
    let buyer = server.signed_in().await;
    let mut seen = 0;
    for (price, rate, included) in [("0.51", "0.077", true), ("19.99", "0.19", false), ("33.33", "0.333333", true)] {
        let event = EventBuilder::ga(90).price(price).and_ga("Child", 90).price("7.77").and_ga("Free", 90);
        let event = server.event(event).await;
        let [_, child, free] = event.types[..] else { panic!("{event:?}") };
        let statement = "UPDATE ticket_types SET hidden = true, tax_rate = 0.05 WHERE id = $1";
        server.client.execute(statement, &[&child]).await.unwrap();
        let fees = json!([
            { "name": "Service", "kind": "PERCENT", "value": "0.0333", "cap": "1.00" },
            { "name": "Theatre", "kind": "FIXED_PER_TICKET", "value": "0.49" },
            { "name": "Post", "kind": "FIXED_PER_BOOKING", "value": "1.00" },
        ]);
        terms(&server, &event, json!({ "taxRate": rate, "taxIncluded": included, "fees": fees })).await;
        code(
            &server,
            &event,
            json!({ "code": "THIRD", "kind": "PERCENT", "value": "0.333333", "ticketTypeIds": event.types }),
        )
        .await;
        code(&server, &event, json!({ "code": "FIXED", "kind": "FIXED", "value": "3.33", "ticketTypeIds": [child] }))
            .await;
        code(&server, &event, json!({ "code": "GIFT", "kind": "PERCENT", "value": "1" })).await;
        for (name, of, quantity) in [
            (None, event.types[0], 3),
            (None, free, 2),
            (Some("THIRD"), event.types[0], 7),
            (Some("THIRD"), child, 3),
            (Some("FIXED"), child, 4),
            (Some("GIFT"), event.types[0], 2),
        ] {
            let mut body = json!({ "items": [
                { "ticketTypeId": of, "quantity": quantity },
                { "ticketTypeId": if of == free { event.types[0] } else { free }, "quantity": 1 },
            ] });
            if let Some(name) = name {
                body["promoCode"] = json!(name);
            }
            let quote = server.api.post(&event.path("quotes"), &body).await.ok();
            let hold = buyer.hold(&event, &body).await.created();
            let booking = buyer.book(&event, &body).await.created();
            let of_hold = buyer.book(&event, &json!({ "holdId": hold["id"] })).await.created();
            for answer in [&hold, &booking, &of_hold] {
                assert_eq!(priced(answer), priced(&quote), "{body}");
            }
            let status = if quote["total"]["amount"] == "0.00" { "CONFIRMED" } else { "PENDING_PAYMENT" };
            assert_eq!((&booking["status"], &of_hold["status"]), (&json!(status), &json!(status)));
            seen += 1;
        }
    }
    assert_eq!(seen, 18);
    server.audit().await;
}
