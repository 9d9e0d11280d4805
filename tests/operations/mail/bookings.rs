//! What buyers are told of their bookings, each of it once.

mod changes;

use std::{collections::HashSet, time::Duration};

use boxoffice_store::postgres::jobs::enqueue;
use domain::{
    ids::{BookingId, PaymentId, RefundId},
    jobs::{JobPayload, Notice},
};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{
    Api, ChildServer, Settings, TestDatabase, TestServer,
    accounts::{Buyer, add_accounts},
    events::{EventBuilder, TestEvent},
    smtp::{MailServer, sends_to},
    until, until_some,
};

const ON: &str = "BOXOFFICE__MAIL__BOOKINGS";

fn telling() -> Settings {
    Settings::default().set(ON, true)
}

/// The kinds of mails that were queued to somebody, in the order in which they were.
async fn told(client: &Client, buyer: &Buyer) -> Vec<String> {
    let statement = "SELECT o.kind FROM outbox o JOIN accounts a ON a.email = o.recipient WHERE a.id = $1 ORDER BY o.created_at, o.kind";
    client.query(statement, &[&buyer.id]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn count(client: &Client, kind: &str) -> i64 {
    client.query_one("SELECT count(*) FROM outbox WHERE kind = $1", &[&kind]).await.unwrap().get(0)
}

async fn until_told(client: &Client, buyer: &Buyer, kinds: &[&str]) {
    until(&format!("{kinds:?} are queued"), async || told(client, buyer).await == kinds).await;
}

fn id(booking: &Value) -> Uuid {
    booking["id"].as_str().unwrap().parse().unwrap()
}

/// Waits until the cursors have seen everything.
async fn until_caught_up(client: &Client) {
    let behind =
        "SELECT count(*) FROM quotas q LEFT JOIN booking_mails m USING (event_id) GROUP BY q.event_id, m.version
        HAVING sum(q.version) > 0 AND sum(q.version) IS DISTINCT FROM m.version";
    until("all are told", async || client.query(behind, &[]).await.unwrap().is_empty()).await;
}

/// Guards: the whole way of a mail without a job, in the buyer's language and the event's zone; and that bookings with a price wait for a job.
#[tokio::test]
async fn a_free_booking_is_confirmed_by_mail_and_one_with_a_price_is_not() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).set(ON, true).start().await;
    let buyers = server.buyers(2).await;
    server.client.execute("UPDATE accounts SET locale = 'de' WHERE id = $1", &[&buyers[0].id]).await.unwrap();
    let event = server.event(EventBuilder::seated(2, 4).title("Rigoletto & Freunde")).await;
    let priced = server.event(EventBuilder::ga(10).price("12.50")).await;
    server.api.of(&buyers[1]).book(&priced, &priced.places(1)).await.created();
    let booking = server.api.of(&buyers[0]).book(&event, &event.seats([1, 2])).await.created();
    let taken = mail_server.until_taken(1).await.remove(0);
    let reference = booking["reference"].as_str().unwrap();
    assert_eq!(taken.header("Subject"), format!("Ihre Buchung {reference}: Rigoletto & Freunde"));
    assert_eq!(taken.header("Message-ID"), format!("<{}@tickets.example.org>", id(&booking)));
    let link = format!("https://tickets.example.org/bookings/{}", id(&booking));
    for part in ["Rigoletto & Freunde", "Uhr (Europe/Berlin)", "Platz", "Summe: 0,00 EUR", &link, reference] {
        assert!(taken.text.contains(part), "{part}: {}", taken.text);
    }
    until_caught_up(&server.client).await;
    assert_eq!(told(&server.client, &buyers[1]).await, [""; 0]);
    assert_eq!(mail_server.taken().len(), 1);
}

/// Guards: that mails and cursor are one transaction, and the id of a mail. With another id for each try, some of them are queued twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_booking_is_told_once_however_often_the_server_is_killed() {
    const BOOKINGS: usize = 240;
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;
    let buyers = add_accounts(&client, BOOKINGS, domain::accounts::Role::User).await;
    let event = EventBuilder::ga(1000).create(&client).await;
    let mut server = ChildServer::start(telling().set("DATABASE_URL", database.url())).await;
    for (round, some) in buyers.chunks(BOOKINGS / 6).enumerate() {
        book_all(&server.api, some, &event).await;
        tokio::time::sleep(Duration::from_millis(350 * round as u64)).await;
        server.kill();
        server.launch();
        server.ready().await;
    }
    until("all are told", async || count(&client, "BOOKING_CONFIRMED").await >= BOOKINGS as i64).await;
    until_caught_up(&client).await;
    let recipients = client.query("SELECT DISTINCT recipient FROM outbox", &[]).await.unwrap();
    assert_eq!((count(&client, "BOOKING_CONFIRMED").await as usize, recipients.len()), (BOOKINGS, BOOKINGS));
}

async fn book_all(api: &Api, buyers: &[Buyer], event: &TestEvent) {
    let booked = buyers.iter().map(|buyer| {
        let (api, body) = (api.of(buyer), event.places(1));
        async move { api.book(event, &body).await.created() }
    });
    futures_util::future::join_all(booked).await;
}

/// Guards: the second position of the cursor. An id is made before its commit, so one may come to light behind the first.
#[tokio::test]
async fn a_booking_that_was_committed_late_is_told_as_well() {
    let server = telling().start().await;
    let buyers = server.buyers(2).await;
    let event = server.event(EventBuilder::ga(10)).await;
    let booking = server.api.of(&buyers[0]).book(&event, &event.places(1)).await.created();
    until_told(&server.client, &buyers[0], &["BOOKING_CONFIRMED"]).await;
    until_caught_up(&server.client).await;
    // As if all of this had been an hour ago, when another commit was under way.
    let hour = "(('x' || left(replace(%::text, '-', ''), 12))::bit(48)::bigint - 3600000)";
    let older = |id: &str| {
        let hour = hour.replace('%', id);
        format!("(lpad(to_hex({hour}), 12, '0') || right(replace({id}::text, '-', ''), 20))::uuid")
    };
    let (new, seen) = (older("id"), older("seen_id"));
    let client = &server.client;
    client
        .batch_execute(&format!("UPDATE booking_mails SET seen_id = {seen}, swept_id = {}", older("swept_id")))
        .await
        .unwrap();
    let copy = format!(
        "INSERT INTO bookings (id, event_id, account_id, status, quantity, fees, tax, total, currency, idempotency_key, fingerprint, created_at,
            updated_at) SELECT {new}, event_id, $2, status, quantity, fees, tax, total, currency, 'late', fingerprint, created_at, updated_at
         FROM bookings WHERE id = $1"
    );
    client.execute(&copy, &[&id(&booking), &buyers[1].id]).await.unwrap();
    until_told(client, &buyers[1], &["BOOKING_CONFIRMED"]).await;
    until("nothing is left", async || {
        let left = "SELECT count(*) FROM booking_mails WHERE swept_id < seen_id OR next_swept_id IS NOT NULL";
        server.db.number(left, &[]).await == 0
    })
    .await;
    assert_eq!(count(client, "BOOKING_CONFIRMED").await, 2);
}

/// Guards: where cursors begin. Whoever has booked before these mails there were, or while they were off, is not told all at once.
#[tokio::test]
async fn what_was_booked_while_nobody_was_told_is_never_told() {
    let server = TestServer::start().await;
    let buyers = server.buyers(2).await;
    let [event, other] = [server.event(EventBuilder::ga(10)).await, server.event(EventBuilder::ga(10)).await];
    server.api.of(&buyers[0]).book(&event, &event.places(1)).await.created();
    let server = server.restart(&telling()).await;
    for event in [&event, &other] {
        server.api.of(&buyers[1]).book(event, &event.places(1)).await.created();
    }
    until_told(&server.client, &buyers[1], &["BOOKING_CONFIRMED", "BOOKING_CONFIRMED"]).await;
    let server = server.restart(&Settings::default()).await;
    server.api.of(&buyers[0]).book(&other, &other.places(1)).await.created();
    let server = server.restart(&telling()).await;
    server.api.of(&buyers[1]).book(&other, &other.places(1)).await.created();
    until_told(&server.client, &buyers[1], &["BOOKING_CONFIRMED"; 3]).await;
    until_caught_up(&server.client).await;
    assert_eq!(told(&server.client, &buyers[0]).await, [""; 0]);
}

/// Guards: the flag that seeds for measurements set.
#[tokio::test]
async fn events_for_measurements_tell_nobody() {
    let server = telling().start().await;
    let buyer = server.buyer().await;
    let [event, other] = [server.event(EventBuilder::ga(10)).await, server.event(EventBuilder::ga(10)).await];
    let off = "INSERT INTO booking_mails (event_id, is_off, seen_id, swept_id) VALUES ($1, true, $1, $1)";
    server.client.execute(off, &[&event.id]).await.unwrap();
    let booking = server.api.of(&buyer).book(&event, &event.places(1)).await.created();
    queue_notice(&server, id(&booking), Notice::Confirmed).await;
    server.api.of(&buyer).book(&other, &other.places(1)).await.created();
    until_told(&server.client, &buyer, &["BOOKING_CONFIRMED"]).await;
    until("no job is left", async || server.db.number("SELECT count(*) FROM jobs", &[]).await == 0).await;
    assert_eq!(told(&server.client, &buyer).await, ["BOOKING_CONFIRMED"]);
}

async fn queue_notice(server: &TestServer, booking: Uuid, notice: Notice) {
    let job = JobPayload::Notify { booking_id: BookingId(booking), notice };
    enqueue(&server.client, &[job], Duration::ZERO).await.unwrap();
}

async fn until_done(server: &TestServer) {
    until("the jobs are done", async || server.db.number("SELECT count(*) FROM jobs", &[]).await == 0).await;
}

/// What a queued mail tells.
async fn template(client: &Client, kind: &str) -> Value {
    until_some(&format!("a mail {kind}"), async || {
        let statement = "SELECT payload -> 'template' FROM outbox WHERE kind = $1";
        client.query_opt(statement, &[&kind]).await.unwrap().map(|row| row.get(0))
    })
    .await
}

/// A server that tells and sends nothing, so that what it would send can be looked at; and a booking that waits for its payment.
async fn unpaid() -> (TestServer, Buyer, Uuid) {
    let server = telling().set("BOXOFFICE__MAIL__SMTP_URL", "smtp://127.0.0.1:1").start().await;
    let buyer = server.buyer().await;
    let event = server.event(EventBuilder::ga(10).price("60")).await;
    let booking = server.api.of(&buyer).book(&event, &event.places(2)).await.created();
    (server, buyer, id(&booking))
}

async fn add_payment(server: &TestServer, booking: Uuid, state: &str) -> Uuid {
    let id = Uuid::now_v7();
    let statement = "INSERT INTO payments (id, booking_id, event_id, account_id, provider, method, state, amount, currency, pays_booking,
            idempotency_key, fingerprint)
        SELECT $1, b.id, b.event_id, b.account_id, 'sandbox', 'card', $3::text::payment_state, b.total, b.currency, $3 = 'SUCCEEDED', b.id::text || $4, $1
        FROM bookings b WHERE b.id = $2";
    server.client.execute(statement, &[&id, &booking, &state, &id.to_string()]).await.unwrap();
    id
}

async fn add_refund(server: &TestServer, payment: Uuid, amount: &str, state: &str) -> Uuid {
    let id = Uuid::now_v7();
    let statement = "INSERT INTO refunds (id, booking_id, event_id, payment_id, amount, currency, cause, state, reason)
        SELECT $1, p.booking_id, p.event_id, p.id, $3::text::numeric, p.currency, 'AMOUNT', $4::text::refund_state, 'a test'
        FROM payments p WHERE p.id = $2";
    server.client.execute(statement, &[&id, &payment, &amount, &state]).await.unwrap();
    id
}

/// Guards: what each notice says, and that a job which is done twice queues one mail.
#[tokio::test]
async fn each_notice_of_a_paid_booking_is_one_mail() {
    let (server, buyer, booking) = unpaid().await;
    let payment = add_payment(&server, booking, "FAILED").await;
    queue_notice(&server, booking, Notice::PaymentFailed { payment_id: PaymentId(payment) }).await;
    let mail = template(&server.client, "PAYMENT_FAILED").await;
    assert!(mail["until"].is_string() && mail["booking"]["places"].as_array().unwrap().len() == 2, "{mail}");
    assert_eq!(mail["booking"]["total"], json!({ "amount": "120.00", "currency": "EUR" }));

    let payment = add_payment(&server, booking, "SUCCEEDED").await;
    let paid = add_refund(&server, payment, "55", "SUCCEEDED").await;
    queue_notice(&server, booking, Notice::Refunded { refund_id: RefundId(paid) }).await;
    assert_eq!(template(&server.client, "REFUND_PAID").await["amount"]["amount"], "55.00");
    queue_notice(&server, booking, Notice::MoneyReturned { refund_id: RefundId(paid) }).await;
    assert_eq!(template(&server.client, "MONEY_RETURNED").await["amount"]["amount"], "55.00");

    // It is done once more, as after a crash.
    let again = "WITH done AS (SELECT id, payload FROM jobs) SELECT count(*) FROM done";
    assert_eq!(server.db.number(again, &[]).await, 0);
    let job = JobPayload::Notify { booking_id: BookingId(booking), notice: Notice::ExpiringSoon };
    enqueue(&server.client, std::slice::from_ref(&job), Duration::from_secs(3600)).await.unwrap();
    let id: Uuid = server.client.query_one("SELECT id FROM jobs", &[]).await.unwrap().get(0);
    for _ in 0..2 {
        server.db.execute("UPDATE jobs SET due_at = now()").await;
        until_done(&server).await;
        let payload = serde_json::to_value(&job).unwrap();
        let insert =
            "INSERT INTO jobs (id, kind, key, payload, due_at) VALUES ($1, $2, $3, $4, now() + interval '1 hour')";
        server.client.execute(insert, &[&id, &job.kind(), &job.key(), &payload]).await.unwrap();
    }
    assert_eq!(count(&server.client, "BOOKING_EXPIRING").await, 1);
    let kinds: HashSet<_> = told(&server.client, &buyer).await.into_iter().collect();
    assert_eq!(kinds.len(), 4, "{kinds:?}");
}

/// Guards: that what has become untrue is not told.
#[tokio::test]
async fn what_is_not_so_any_more_is_not_told() {
    let (server, buyer, booking) = unpaid().await;
    queue_notice(&server, booking, Notice::Confirmed).await;
    queue_notice(&server, booking, Notice::Cancelled).await;
    let payment = add_payment(&server, booking, "SUCCEEDED").await;
    let failed = add_refund(&server, payment, "55", "FAILED").await;
    queue_notice(&server, booking, Notice::Refunded { refund_id: RefundId(failed) }).await;
    until_done(&server).await;
    server.db.execute("UPDATE bookings SET status = 'EXPIRED'").await;
    queue_notice(&server, booking, Notice::ExpiringSoon).await;
    queue_notice(&server, booking, Notice::PaymentFailed { payment_id: PaymentId(payment) }).await;
    until_done(&server).await;
    assert_eq!(told(&server.client, &buyer).await, [""; 0]);
    queue_notice(&server, Uuid::now_v7(), Notice::Confirmed).await;
    until("nobody's booking is a dead letter", async || {
        server
            .db
            .number("SELECT count(*) FROM jobs WHERE status = 'DEAD' AND last_error = 'there is no such booking'", &[])
            .await
            == 1
    })
    .await;
}

/// Guards: each condition of who is reminded: a third of the window, two minutes, ten minutes; a payment under way; once.
#[tokio::test]
async fn who_has_not_paid_is_reminded_once_before_the_end() {
    let server = telling().set("BOXOFFICE__MAIL__SMTP_URL", "smtp://127.0.0.1:1").start().await;
    let buyers = server.buyers(6).await;
    let event = server.event(EventBuilder::ga(100).price("60")).await;
    let mut bookings = Vec::new();
    for buyer in &buyers {
        bookings.push(id(&server.api.of(buyer).book(&event, &event.places(1)).await.created()));
    }
    add_payment(&server, bookings[3], "PROCESSING").await;
    // Minutes since it was made, and until its end.
    let windows = [(10, 5), (9, 6), (13, 1), (10, 5), (6, 3), (40, 8)];
    for (booking, (since, until)) in bookings.iter().zip(windows) {
        let set = "UPDATE bookings SET created_at = now() - make_interval(mins => $2),
            expires_at = CASE WHEN $3 = 8 THEN expires_at ELSE now() + make_interval(mins => $3) END,
            extended_until = CASE WHEN $3 = 8 THEN now() + make_interval(mins => $3) END WHERE id = $1";
        server.client.execute(set, &[booking, &since, &until]).await.unwrap();
    }
    until_told(&server.client, &buyers[0], &["BOOKING_EXPIRING"]).await;
    until_told(&server.client, &buyers[5], &["BOOKING_EXPIRING"]).await;
    for buyer in &buyers[1..5] {
        assert_eq!(told(&server.client, buyer).await, [""; 0]);
    }
    // Another server looks as well.
    let neighbour = boxoffice::serve::start(telling().node("other").config(&server.db)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    neighbour.stop().await;
    assert_eq!(count(&server.client, "BOOKING_EXPIRING").await, 2);
}
