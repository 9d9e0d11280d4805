//! Mails on the operations listener.

use http::header::ACCEPT;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Api, Settings, TestServer, person,
    smtp::{MailServer, queue, sends_to, until_row, verify},
    until,
};

fn operations(server: &TestServer) -> Api {
    person::mails(server)
}

async fn as_kind(server: &TestServer, path: &str, kind: &str) -> (String, String) {
    let url = format!("http://{}{path}", server.running.operations_address);
    let token = server.running.mails_token.as_ref().unwrap();
    let answer = reqwest::Client::new().get(url).header(ACCEPT, kind).bearer_auth(token.expose()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, answer.text().await.unwrap())
}

#[tokio::test]
async fn without_a_mail_server_a_developer_reads_the_mails() {
    let server = Settings::default().set("BOXOFFICE__MAIL__POLL", "20ms").start().await;
    let api = operations(&server);
    assert_eq!(api.get("/mails").await.ok(), json!({ "data": [] }));
    queue(&server.client, &verify("ada@example.org")).await;
    let id = queue(&server.client, &verify("bob@example.org")).await;
    until("both are there", async || api.get("/mails").await.ok()["data"].as_array().unwrap().len() == 2).await;

    let one = api.get(&format!("/mails/{id}")).await.ok();
    let link = "http://127.0.0.1:8080/verify-email?token=secret";
    assert_eq!((&one["to"], &one["links"]), (&json!("bob@example.org"), &json!([link])));
    assert_eq!(one["subject"], "Confirm your e-mail address");
    assert!(one["text"].as_str().unwrap().contains(link) && one["html"].as_str().unwrap().contains("<html"));

    let (kind, page) = as_kind(&server, "/mails", "text/html,application/xhtml+xml,*/*;q=0.8").await;
    assert_eq!(kind, "text/html; charset=utf-8");
    assert!(page.contains(&format!("href=\"/mails/{id}\"")) && page.contains("ada@example.org"), "{page}");
    let (kind, page) = as_kind(&server, &format!("/mails/{id}"), "text/html").await;
    assert!(kind.starts_with("text/html") && page.contains("Confirm my address"), "{page}");
    let (kind, text) = as_kind(&server, &format!("/mails/{id}"), "text/plain").await;
    assert!(kind.starts_with("text/plain") && text.contains(link), "{text}");

    api.get(&format!("/mails/{}", Uuid::now_v7())).await.problem(404, "RESOURCE_001");
    server.api.get("/mails").await.problem(404, "RESOURCE_001");
}

/// Guards: the token of the mails, `Host` and `Origin` on every route of the listener.
#[tokio::test]
async fn nobody_else_reads_the_mails_or_uses_the_listener() {
    let server = Settings::default().start().await;
    let id = queue(&server.client, &verify("ada@example.org")).await;
    let stranger = Api::of_operators(server.running.operations_address);
    for path in ["/mails".to_owned(), format!("/mails/{id}"), "/mails?token=x".to_owned()] {
        stranger.get(&path).await.problem(401, "AUTH_001");
        stranger.with_token(&"a".repeat(64)).get(&path).await.problem(401, "AUTH_001");
    }
    let token = server.running.mails_token.as_ref().unwrap().expose().to_owned();
    let shown = stranger.get(&format!("/mails?token={token}")).await;
    let cookie = shown.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    stranger.with_header("cookie", cookie.split(';').next().unwrap()).get("/mails").await.ok();

    let own = operations(&server);
    let reads = ["/mails", "/metrics", "/health/detailed", "/health/live", "/nothing"];
    let port = server.running.operations_address.port();
    for path in reads {
        let rebound = own.with_header("host", &format!("rebind.example:{port}"));
        rebound.get(path).await.problem(421, "REQUEST_010");
        own.with_header("sec-fetch-site", "cross-site").get(path).await.problem(403, "AUTH_006");
        own.with_header("origin", "https://evil.example").get(path).await.problem(403, "AUTH_006");
    }
    own.with_header("origin", "https://evil.example").post("/mails", &Value::Null).await.problem(403, "AUTH_006");
    let same = own.with_header("origin", &format!("http://127.0.0.1:{port}"));
    same.post("/mails", &Value::Null).await.problem(405, "RESOURCE_002");
    own.with_header("host", &format!("localhost:{port}")).get("/mails").await.ok();
}

/// Guards: `BOXOFFICE__OPS__HOSTS`, by which Prometheus asks in a network of containers.
#[tokio::test]
async fn the_listener_may_be_asked_by_names_that_are_configured() {
    let server = Settings::default().set("BOXOFFICE__OPS__HOSTS", "server,box-1.internal.example").start().await;
    let operations = Api::of_operators(server.running.operations_address);
    assert_eq!(operations.with_header("host", "server:9090").get("/metrics").await.status, 200);
    assert_eq!(operations.with_header("host", "box-1.internal.example").get("/metrics").await.status, 200);
    operations.with_header("host", "box-2.internal.example").get("/metrics").await.problem(421, "REQUEST_010");
}

/// Outside of development nobody reads a server's memory, so nothing is kept in it.
#[tokio::test]
async fn a_rehearsal_keeps_no_mails() {
    let server = Settings::default().set("BOXOFFICE_ENV", "staging").start().await;
    let id = queue(&server.client, &verify("ada@example.org")).await;
    server.running.outbox.wake();
    until_row(&server.client, id, "it is given up", |row| row.status == "DEAD").await;
    operations(&server).get("/mails").await.problem(404, "RESOURCE_001");
}

#[tokio::test]
async fn with_a_mail_server_no_mails_are_shown() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).start().await;
    operations(&server).get("/mails").await.problem(404, "RESOURCE_001");
}

#[tokio::test]
async fn turned_off_mails_become_dead_letters_that_can_be_sent_later() {
    let server = Settings::default().set("BOXOFFICE__MAIL__ENABLED", "false").start().await;
    let id = queue(&server.client, &verify("ada@example.org")).await;
    server.running.outbox.wake();
    let row = until_row(&server.client, id, "it is given up", |row| row.status == "DEAD").await;
    assert!(row.error.unwrap().contains("turned off"));
    operations(&server).get("/mails").await.problem(404, "RESOURCE_001");
}

#[tokio::test]
async fn what_becomes_of_mails_is_counted() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).start().await;
    queue(&server.client, &verify("ada@example.org")).await;
    mail_server.until_taken(1).await;
    let shown = operations(&server).get("/metrics").await;
    let text = String::from_utf8(shown.body.to_vec()).unwrap();
    for series in [
        r#"boxoffice_mail_attempts_total{outcome="sent"}"#,
        r#"boxoffice_mail_attempts_total{outcome="failed"}"#,
        r#"boxoffice_mail_attempts_total{outcome="postponed"}"#,
        r#"boxoffice_mail_attempts_total{outcome="dead"}"#,
        r#"boxoffice_breaker_state{service="email",state="closed"} 1"#,
        r#"boxoffice_breaker_transitions_total{service="email",to="open"} 0"#,
        r#"boxoffice_breaker_failures_total{service="email",kind="error"} 0"#,
        r#"boxoffice_breaker_rejected_calls_total{service="payment",reason="full"} 0"#,
        "boxoffice_mail_queue_depth ",
        "boxoffice_mail_dead_letters ",
        "boxoffice_mail_oldest_seconds ",
        r#"boxoffice_actor_restarts_total{actor="outbox"}"#,
    ] {
        assert!(text.contains(series), "{series} is not in\n{text}");
    }
}
