//! What holds and bookings cost: by the terms of their event, and by promo codes.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{eur, path};
use crate::support::{
    EventBuilder, Settings, TestEvent, TestServer,
    client::{instant, uuid},
    until,
};

/// The terms of the event's sale. No inventory has read others yet.
async fn terms(server: &TestServer, event: &TestEvent, tax_rate: &str, tax_included: bool, fees: Value) {
    let statement =
        "INSERT INTO sale_terms (event_id, tax_rate, tax_included, fees, cancellation_fee_percent, hold_cap_seconds,
            payment_window_seconds, bank_transfer_window_seconds, methods)
        VALUES ($1, $2::text::numeric, $3, $4, 0, 1200, 120, 600, '{card}')";
    server.client.execute(statement, &[&event.id, &tax_rate, &tax_included, &fees]).await.unwrap();
}

struct Code<'a> {
    name: &'a str,
    /// An `ACCESS` code when nothing is said.
    value: Option<(&'a str, &'a str)>,
    uses: Option<i32>,
    per_account: Option<i32>,
    types: Vec<Uuid>,
}

impl Code<'_> {
    const HALF: Self =
        Code { name: "HALF", value: Some(("PERCENT", "0.5")), uses: None, per_account: None, types: Vec::new() };

    async fn of(self, server: &TestServer, event: &TestEvent) {
        let statement =
            "INSERT INTO promo_codes (id, event_id, code, kind, value, uses, uses_per_account, ticket_type_ids)
            VALUES ($1, $2, $3, $4, $5::text::numeric, $6, $7, $8)";
        let (kind, value) = self.value.unzip();
        let (id, kind) = (Uuid::now_v7(), kind.unwrap_or("ACCESS"));
        let with: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
            [&id, &event.id, &self.name, &kind, &value, &self.uses, &self.per_account, &self.types];
        server.client.execute(statement, &with).await.unwrap();
    }
}

async fn used(server: &TestServer) -> i64 {
    server.db.number("SELECT sum(used) FROM promo_codes", &[]).await
}

fn with_code(mut body: Value, code: &str) -> Value {
    body["promoCode"] = json!(code);
    body
}

fn refused(answer: &crate::support::client::Answer) -> String {
    let problem = answer.problem(422, "PROMO_001");
    assert_eq!(problem["errors"][0]["field"], "promoCode");
    problem["errors"][0]["code"].as_str().unwrap().to_owned()
}

/// Guards: each line, the sums, and that a hold fixes the price, which its booking has whatever the terms are by then.
#[tokio::test]
async fn a_hold_and_its_booking_have_the_price_lines_of_a_quote() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(20).price("12.50").and_ga("Child", 5).price("5")).await;
    let fees = json!([
        { "name": "Service", "kind": "PERCENT", "value": "0.1", "cap": "1.00" },
        { "name": "Shipping", "kind": "FIXED_PER_BOOKING", "value": "2.00" },
    ]);
    terms(&server, &event, "0.2", false, fees).await;
    Code { types: vec![event.types[0]], ..Code::HALF }.of(&server, &event).await;
    let api = server.signed_in().await;
    let lines =
        json!([{ "ticketTypeId": event.types[0], "quantity": 2 }, { "ticketTypeId": event.types[1], "quantity": 1 }]);
    let hold = api.hold_as(&event, "h", &json!({ "items": lines, "promoCode": "half" })).await;
    let held = hold.created();
    // 12.50 − 6.25; 10 % of 6.25 is 0.62, half-even, and 0.67 of the shipping; 20 % of 7.54, on top.
    let expected =
        [("12.50", "6.25", "1.29", "1.51"), ("12.50", "6.25", "1.29", "1.51"), ("5.00", "0.00", "1.16", "1.23")];
    for (item, (price, discount, fee, tax)) in held["items"].as_array().unwrap().iter().zip(expected) {
        let line = (&item["price"], &item["discount"], &item["fee"], &item["tax"]);
        assert_eq!(line, (&eur(price), &eur(discount), &eur(fee), &eur(tax)));
    }
    let sums = [("discount", "12.50"), ("fees", "3.74"), ("tax", "4.25"), ("total", "25.49")];
    for (sum, amount) in sums {
        assert_eq!(held[sum], eur(amount), "{sum}");
    }
    assert_eq!((&held["taxIncluded"], &held["promoCode"]), (&json!(false), &json!("HALF")));
    assert_eq!(api.get(&format!("/api/v1/holds/{}", uuid(&held["id"]))).await.ok(), held);

    server.db.execute("UPDATE sale_terms SET fees = '[]', tax_rate = 0").await;
    let again = api.hold_as(&event, "h", &json!({ "items": lines, "promoCode": "HALF" })).await;
    assert_eq!((again.is_replay(), &again.body), (true, &hold.body));
    let forbidden = with_code(json!({ "holdId": held["id"] }), "HALF");
    let faults = api.book(&event, &forbidden).await.faults();
    assert_eq!(faults, [("promoCode".to_owned(), "NOT_ALLOWED".to_owned())]);
    let booked = api.book_as(&event, "k", &json!({ "holdId": held["id"] })).await;
    let booking = booked.created();
    for (part, amount) in sums {
        assert_eq!(booking[part], eur(amount), "{part}");
    }
    assert_eq!((&booking["taxIncluded"], &booking["promoCode"]), (&json!(false), &json!("HALF")));
    let lines = |of: &Value| {
        let line = |item: &Value| ["price", "discount", "fee", "tax"].map(|part| item[part].clone());
        of["items"].as_array().unwrap().iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(lines(&booking), lines(&held));
    assert_eq!((&booking["status"], &booking["refunded"]), (&json!("PENDING_PAYMENT"), &eur("0.00")));
    let waits = instant(&booking["expiresAt"]).duration_since(instant(&booking["createdAt"]));
    assert_eq!(waits.as_secs(), 120, "the terms' payment window");
    assert_eq!(api.get(&path(&booking)).await.ok(), booking);
    assert_eq!(used(&server).await, 1, "the hold's use is the booking's");
    server.audit().await;
    api.delete(&path(&booking)).await.ok();
    assert_eq!(used(&server).await, 0);
    assert_eq!(api.book_as(&event, "k", &json!({ "holdId": held["id"] })).await.body, booked.body, "the first answer");
    server.audit().await;
}

/// Guards: the answers to keys after a restart, which are made of rows, and the hold cap of the terms.
#[tokio::test]
async fn the_first_answer_has_the_same_prices_after_a_restart() {
    let settings = Settings::default();
    let server = settings.clone().start().await;
    let event = server.event(EventBuilder::seated(1, 6).price("9.99")).await;
    terms(&server, &event, "0.077", true, json!([])).await;
    Code::HALF.of(&server, &event).await;
    let api = server.signed_in().await;
    let (book, hold) = (with_code(event.seats([1, 2]), "HALF"), with_code(event.seats([3]), "HALF"));
    let first = (api.book_as(&event, "k", &book).await, api.hold_as(&event, "k", &hold).await);
    let booking = first.0.created();
    assert_eq!((&booking["tax"], &booking["total"], &booking["discount"]), (&eur("0.72"), &eur("9.98"), &eur("10.00")));
    first.1.created();
    let token = api.token().unwrap().to_owned();
    let server = server.restart(&settings).await;
    let api = server.api.with_token(&token);
    assert_eq!(api.book_as(&event, "k", &book).await.body, first.0.body);
    assert_eq!(api.hold_as(&event, "k", &hold).await.body, first.1.body);
    for other in [with_code(event.seats([1, 2]), "OTHER"), event.seats([1, 2])] {
        api.book_as(&event, "k", &other).await.problem(422, "IDEMPOTENCY_002");
    }
    assert_eq!(used(&server).await, 2);
    server.audit().await;
}

/// Guards: each reason, told in its own word, and that a code which unlocks a hidden ticket type is needed for it.
#[tokio::test]
async fn a_code_is_refused_for_its_reason() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(9).price("10").and_ga("Hidden", 5).price("10")).await;
    server.db.execute(&format!("UPDATE ticket_types SET hidden = true WHERE id = '{}'", event.types[1])).await;
    let [open, hidden] = [0, 1].map(|at| event.types[at]);
    Code { name: "ONE-EACH", per_account: Some(1), ..Code::HALF }.of(&server, &event).await;
    Code { name: "OPEN", types: vec![open], ..Code::HALF }.of(&server, &event).await;
    Code { name: "FRIENDS", value: None, ..Code::HALF }.of(&server, &event).await;
    Code { name: "OVER", ..Code::HALF }.of(&server, &event).await;
    server.db.execute("UPDATE promo_codes SET ends_at = now() WHERE code = 'OVER'").await;
    let (api, other) = (server.signed_in().await, server.signed_in().await);
    let of = |kind: Uuid, code: &str| json!({ "items": [{ "ticketTypeId": kind, "quantity": 1 }], "promoCode": code });

    assert_eq!(refused(&api.book(&event, &of(open, "NONE")).await), "UNKNOWN");
    assert_eq!(refused(&api.hold(&event, &of(open, "over")).await), "NOT_NOW");
    assert_eq!(refused(&api.book(&event, &of(hidden, "OPEN")).await), "NOT_FOR_TICKETS");
    let faults = api.book(&event, &with_code(event.places(1), "A")).await.faults();
    assert_eq!(faults, [("promoCode".to_owned(), "INVALID".to_owned())]);
    for body in [of(hidden, "one-each"), json!({ "items": [{ "ticketTypeId": hidden, "quantity": 1 }] })] {
        let faults = api.book(&event, &body).await.faults();
        assert_eq!(faults, [("items[0].ticketTypeId".to_owned(), "UNKNOWN".to_owned())]);
    }
    let unlocked = api.book(&event, &of(hidden, "friends")).await.created();
    assert_eq!((&unlocked["total"], &unlocked["discount"]), (&eur("10.00"), &eur("0.00")));

    let hold = api.hold(&event, &of(open, "one-each")).await.created();
    assert_eq!(refused(&api.book(&event, &of(open, "one-each")).await), "USED_UP");
    let theirs = other.book(&event, &of(open, "one-each")).await.created();
    assert_eq!(theirs["total"], eur("5.00"));
    api.delete(&format!("/api/v1/holds/{}", uuid(&hold["id"]))).await;
    api.book(&event, &of(open, "one-each")).await.created();
    assert_eq!(used(&server).await, 3);
    server.audit().await;
}

/// Guards: the window of the terms, and that what runs out gives its use back.
#[tokio::test]
async fn a_use_comes_back_when_an_unpaid_booking_runs_out() {
    let server = Settings::default().payment(Duration::from_secs(1)).start().await;
    let event = server.event(EventBuilder::ga(9).price("10")).await;
    Code { uses: Some(1), ..Code::HALF }.of(&server, &event).await;
    let (api, other) = (server.signed_in().await, server.signed_in().await);
    let body = with_code(event.places(1), "HALF");
    let booking = api.book(&event, &body).await.created();
    assert_eq!(refused(&other.book(&event, &body).await), "USED_UP");
    until("the booking expires", async || api.get(&path(&booking)).await.ok()["status"] == "EXPIRED").await;
    until("its use is free", async || other.book(&event, &body).await.status == 201).await;
    server.audit().await;
}

/// Guards: the total that decides, the gateway's minimum, and that nothing stays behind of what is refused.
#[tokio::test]
async fn what_costs_nothing_is_confirmed_and_what_is_too_little_refused() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(9).price("10")).await;
    Code { name: "GUEST", value: Some(("PERCENT", "1")), ..Code::HALF }.of(&server, &event).await;
    Code { name: "NEARLY", value: Some(("FIXED", "9.60")), ..Code::HALF }.of(&server, &event).await;
    let api = server.signed_in().await;
    let booking = api.book(&event, &with_code(event.places(2), "guest")).await.created();
    assert_eq!((&booking["status"], &booking["total"]), (&json!("CONFIRMED"), &eur("0.00")));
    assert_eq!((&booking["items"][0]["price"], &booking["discount"]), (&eur("10.00"), &eur("20.00")));
    assert_eq!(booking.get("expiresAt"), None);
    for answer in [
        api.hold(&event, &with_code(event.places(1), "nearly")).await,
        api.book(&event, &with_code(event.places(1), "nearly")).await,
    ] {
        let problem = answer.problem(422, "PAYMENT_007");
        assert_eq!(problem["detail"], "the payment provider charges no less than 0.50 EUR");
    }
    let enough = api.book(&event, &with_code(event.places(2), "nearly")).await.created();
    assert_eq!((&enough["status"], &enough["total"]), (&json!("PENDING_PAYMENT"), &eur("0.80")));
    assert_eq!(api.places(&event).await, (2, 2, 5));
    assert_eq!(used(&server).await, 2);
    server.audit().await;
}

/// Fifty buyers, half of them with holds, race for the last three uses of a code.
#[tokio::test]
async fn no_code_is_used_more_often_than_it_may() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(100).price("10")).await;
    Code { uses: Some(3), ..Code::HALF }.of(&server, &event).await;
    let buyers = server.buyers(50).await;
    let body = with_code(event.places(1), "half");
    let asked = buyers.iter().enumerate().map(async |(number, buyer)| {
        let api = server.api.of(buyer);
        if number % 2 == 0 { api.book(&event, &body).await } else { api.hold(&event, &body).await }
    });
    let answers = join_all(asked).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((won.len(), lost.len()), (3, 47));
    for answer in lost {
        assert_eq!(refused(answer), "USED_UP");
    }
    assert_eq!(used(&server).await, 3);
    server.audit().await;
}
