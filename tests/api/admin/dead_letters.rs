//! `/admin/dead-letters`.

use std::time::Duration;

use boxoffice_store::postgres::jobs::enqueue;
use domain::{
    accounts::Role,
    ids::{BookingId, RefundId},
    jobs::{JobPayload, Notice},
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Answer, Api, Settings, TestServer,
    smtp::{MailServer, queue, sends_to, until_row, verify},
    until,
};

const PATH: &str = "/api/v1/admin/dead-letters";

async fn retry(api: &Api, path: &str) -> Answer {
    api.send(Method::POST, &format!("{PATH}/{path}"), None, None).await
}

async fn listed(api: &Api, query: &str) -> Vec<Value> {
    api.get(&format!("{PATH}{query}")).await.ok()["data"].as_array().unwrap().clone()
}

/// A notice about a booking that there is not: a dead letter at its first try.
async fn dead_notice(server: &TestServer) -> BookingId {
    let booking_id = BookingId::generate();
    let job = JobPayload::Notify { booking_id, notice: Notice::Confirmed };
    enqueue(&server.client, &[job], Duration::ZERO).await.unwrap();
    let dead = "SELECT count(*) FROM jobs WHERE status = 'DEAD' AND key = $1";
    let key = format!("booking:{booking_id}");
    until("it is given up", async || server.db.number(dead, &[&key]).await == 1).await;
    booking_id
}

/// Guards: both parts of the list, what is masked, and that a retry gives all tries back and is done at once.
#[tokio::test]
async fn what_was_given_up_is_listed_without_secrets_and_tried_again() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).set("BOXOFFICE__MAIL__BOOKINGS", true).start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    assert_eq!(listed(&admin, "").await, [Value::Null; 0]);
    let mail = queue(&server.client, &verify("nobody-ada@example.org")).await;
    until_row(&server.client, mail, "it is given up", |row| row.status == "DEAD").await;
    let booking = dead_notice(&server).await;

    let letters = listed(&admin, "").await;
    let [job, letter] = &letters[..] else { panic!("{letters:#?}") };
    assert_eq!((&job["kind"], &job["subject"]), (&json!("NOTIFY"), &json!(format!("booking:{booking}"))));
    assert_eq!((&job["attempts"], &job["lastError"]), (&json!(1), &json!("there is no such booking")));
    assert_eq!((&letter["id"], &letter["kind"]), (&json!(mail), &json!("VERIFY_EMAIL")));
    assert_eq!((&letter["subject"], &letter["attempts"]), (&json!("n***@example.org"), &json!(1)));
    assert!(letter["lastError"].as_str().unwrap().contains("550"), "{letter}");
    assert!(letters.iter().all(|of| of["createdAt"].is_string() && of["endedAt"].is_string()), "{letters:#?}");
    let text = json!(letters).to_string();
    assert!(!text.contains("nobody-ada") && !text.contains("secret"), "{text}");
    assert_eq!(listed(&admin, "?kind=NOTIFY").await.len(), 1);
    assert_eq!(listed(&admin, "?kind=VERIFY_EMAIL&since=2026-01-01").await.len(), 1);
    assert_eq!(listed(&admin, "?since=2999-01-01").await.len(), 0);

    // Its address has come into being; the booking has not.
    server.client.execute("UPDATE outbox SET recipient = 'ada@example.org'", &[]).await.unwrap();
    let again = |id: &Value| format!("{}/retry", id.as_str().unwrap());
    assert_eq!(retry(&admin, &again(&letter["id"])).await.status, 202);
    mail_server.until_taken(1).await;
    until_row(&server.client, mail, "it is sent", |row| row.status == "SENT").await;
    retry(&admin, &again(&letter["id"])).await.problem(404, "RESOURCE_001");
    let before = job["endedAt"].clone();
    assert_eq!(retry(&admin, &again(&job["id"])).await.status, 202);
    until("it is given up again", async || {
        listed(&admin, "").await.first().is_some_and(|job| job["endedAt"] != before && job["attempts"] == 1)
    })
    .await;
    retry(&admin, &format!("{}/retry", Uuid::now_v7())).await.problem(404, "RESOURCE_001");
}

/// Guards: the conditions of both statements. After an outage that made dead letters of many.
#[tokio::test]
async fn dead_letters_of_a_kind_and_a_time_are_tried_again_together() {
    // Turned off, each mail is given up.
    let server = Settings::default().set("BOXOFFICE__MAIL__ENABLED", false).start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    for number in 0..3 {
        let id = queue(&server.client, &verify(&format!("ada-{number}@example.org"))).await;
        server.running.outbox.wake();
        until_row(&server.client, id, "it is given up", |row| row.status == "DEAD").await;
    }
    let refund = "INSERT INTO jobs (id, kind, key, payload, status, attempts, ended_at)
        VALUES ($1, 'refund', 'refund:1', $2, 'DEAD', 9, now())";
    let payload = serde_json::to_value(JobPayload::Refund { refund_id: RefundId::generate() }).unwrap();
    server.client.execute(refund, &[&Uuid::now_v7(), &payload]).await.unwrap();
    let count = async |query: &str| retry(&admin, &format!("retry?{query}")).await.ok()["retried"].clone();
    assert_eq!(count("kind=RESET_PASSWORD").await, 0);
    assert_eq!(count("since=2999-01-01").await, 0);
    assert_eq!(count("kind=REFUND").await, 1);
    // Its tries count from the beginning. It may have been given up already once more: there is no such refund.
    assert_eq!(server.db.number("SELECT count(*) FROM jobs WHERE attempts < 9", &[]).await, 1);
    assert_eq!(count("kind=VERIFY_EMAIL&since=2026-01-01").await, 3);
    let faults = async |query: &str| retry(&admin, &format!("retry?{query}")).await.faults();
    let fault = |field: &str, code: &str| [(field.to_owned(), code.to_owned())];
    assert_eq!(faults("kind=NOTHING").await, fault("kind", "UNKNOWN_VALUE"));
    assert_eq!(faults("since=yesterday").await, fault("since", "INVALID"));
    assert_eq!(faults("all=true").await, fault("all", "UNKNOWN_PARAMETER"));
}

/// Guards: the access of the routes, and the entry in the audit log.
#[tokio::test]
async fn only_administrators_see_them_and_who_has_one_tried_again_is_written_down() {
    let server = TestServer::start().await;
    for role in [Role::User, Role::Organizer] {
        let api = server.signed_in_as(role).await;
        api.get(PATH).await.problem(403, "AUTH_004");
        retry(&api, "retry").await.problem(403, "AUTH_004");
        retry(&api, &format!("{}/retry", Uuid::now_v7())).await.problem(403, "AUTH_004");
    }
    server.api.get(PATH).await.problem(401, "AUTH_001");
    let id = Uuid::now_v7();
    let dead = "INSERT INTO outbox (id, kind, recipient, payload, status, attempts, ended_at)
        VALUES ($1, 'VERIFY_EMAIL', 'ada@example.org', '{}', 'DEAD', 8, now())";
    server.client.execute(dead, &[&id]).await.unwrap();
    let admin = server.signed_in_as(Role::Admin).await;
    assert_eq!(retry(&admin, &format!("{id}/retry")).await.status, 202);
    let log = admin.get("/api/v1/admin/audit-log?action=RETRIED").await.ok();
    let entry = &log["data"][0];
    assert_eq!((&entry["targetKind"], &entry["targetId"]), (&json!("dead-letter"), &json!(id)));
    assert_eq!(entry["details"], json!({ "from": "DEAD", "to": "PENDING" }));
    assert!(entry["actorId"].is_string(), "{entry}");
}
