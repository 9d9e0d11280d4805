//! More than can be done: who is refused, how early, and who does not notice.

use crate::support::{
    Api, EventBuilder, PATIENCE, Settings, TestEvent, TestServer,
    shared_postgres::{blocking, connect},
    until,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_postgres::Client;

/// Keeps the event's inventory from being loaded, so that each caller stays under way, for five seconds at most
/// (`lock_timeout` of the server's connections).
async fn keep_from_loading(client: &Client, event: &TestEvent) {
    client.batch_execute("BEGIN").await.unwrap();
    let session = "INSERT INTO inventory_owners (event_id, node_session_id) SELECT $1, max(id) FROM node_sessions";
    client.execute(session, &[&event.id]).await.unwrap();
}

async fn let_load(client: &Client) {
    client.batch_execute("ROLLBACK").await.unwrap();
}

/// A booking under the key `first` that takes the event's only permit.
async fn take_the_permit(server: &TestServer, api: &Api, event: &TestEvent) -> JoinHandle<u16> {
    let (first, wanted) = (api.clone(), event.clone());
    let asking = tokio::spawn(async move { first.book_as(&wanted, "first", &wanted.places(1)).await.status });
    let id = domain::ids::EventId(event.id);
    until("it is under way", async || server.running.inventories.check(id).is_err()).await;
    asking
}

/// The answer to a head that announces a body which never comes.
async fn answer_to_a_head(server: &TestServer, event: &TestEvent, token: Option<&str>) -> String {
    let mut stream = TcpStream::connect(server.running.address).await.unwrap();
    let authorization = token.map_or(String::new(), |token| format!("authorization: Bearer {token}\r\n"));
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{authorization}idempotency-key: k\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n",
        event.path("bookings")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|part| part == b"\r\n\r\n") {
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut answer)).await.expect("an answer").unwrap();
        assert!(read > 0, "closed without an answer");
    }
    String::from_utf8(answer).unwrap().to_lowercase()
}

/// Watches the permits an event: those of another are its own.
#[tokio::test]
async fn a_hot_event_refuses_with_a_time_to_come_back_and_another_one_is_served() {
    let server = Settings::default().permits(1).start().await;
    let (hot, quiet) = (server.event(EventBuilder::ga(10)).await, server.event(EventBuilder::ga(10)).await);
    let api = server.signed_in().await;
    keep_from_loading(&server.client, &hot).await;
    let first = take_the_permit(&server, &api, &hot).await;
    for number in 0..3 {
        let body = hot.places(1);
        api.book_as(&hot, &format!("refused-{number}"), &body).await.problem(503, "SERVICE_001");
        api.hold_as(&hot, &format!("refused-{number}"), &body).await.problem(503, "SERVICE_001");
        api.book(&quiet, &quiet.places(1)).await.created();
    }
    let_load(&server.client).await;
    assert_eq!(first.await.unwrap(), 201);
    let again = api.book_as(&hot, "refused-0", &hot.places(1)).await;
    again.created();
    assert!(!again.is_replay(), "nothing had been done");
    assert_eq!(api.places(&hot).await, (0, 2, 8));
    server.audit().await;
}

/// Watches the gate of the routes. Without it the server waits for the body until its deadline, and answers 408.
#[tokio::test]
async fn a_refusal_needs_no_body_but_a_token() {
    let server = Settings::default().permits(1).start().await;
    let hot = server.event(EventBuilder::ga(10)).await;
    let api = server.signed_in().await;
    keep_from_loading(&server.client, &hot).await;
    let first = take_the_permit(&server, &api, &hot).await;
    let refused = answer_to_a_head(&server, &hot, api.token()).await;
    assert!(refused.starts_with("http/1.1 503") && refused.contains("\r\nretry-after: "), "{refused}");
    let stranger = answer_to_a_head(&server, &hot, None).await;
    assert!(stranger.starts_with("http/1.1 401"), "who asks comes first: {stranger}");
    let_load(&server.client).await;
    assert_eq!(first.await.unwrap(), 201);
}

/// Watches `discard`: a connection whose request was refused before its body was read serves the next one.
#[tokio::test]
async fn a_refused_connection_goes_on() {
    let server = Settings::default().permits(1).start().await;
    let (hot, quiet) = (server.event(EventBuilder::ga(10)).await, server.event(EventBuilder::ga(10)).await);
    let buyer = server.buyer().await;
    let api = server.api.of(&buyer);
    keep_from_loading(&server.client, &hot).await;
    let first = take_the_permit(&server, &api, &hot).await;
    let mut connection = crate::support::wire::Racer::connect(server.running.address, &buyer).await.unwrap();
    for _ in 0..3 {
        assert_eq!(connection.book(hot.id, &hot.places(1).to_string()).await.unwrap().status, 503);
        assert_eq!(connection.book(quiet.id, &quiet.places(1).to_string()).await.unwrap().status, 201);
    }
    let_load(&server.client).await;
    assert_eq!(first.await.unwrap(), 201);
}

/// Watches the engine's own threads. On those that serve HTTP, which are blocked here, nothing would be decided or written.
#[tokio::test]
async fn what_is_asked_for_is_booked_though_every_thread_that_serves_http_is_busy() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let api = server.signed_in().await;
    let elsewhere = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let url = server.db.url();
    let client = elsewhere.spawn(async move { connect(&url).await }).await.unwrap();
    api.book(&event, &event.places(1)).await.created();
    // The commit of the second one waits for this row, for ten seconds at most, and the third one waits for that commit.
    client.batch_execute("BEGIN").await.unwrap();
    client.execute("SELECT FROM quotas WHERE event_id = $1 FOR UPDATE", &[&event.id]).await.unwrap();
    let slot = server.running.inventories.directory().find(domain::ids::EventId(event.id)).unwrap();
    let mut asking = Vec::new();
    for under_way in 1..=2 {
        let (api, wanted) = (api.clone(), event.clone());
        asking.push(tokio::spawn(async move { api.book(&wanted, &wanted.places(1)).await.status }));
        until("it is under way", async || slot.admission.in_flight() == under_way).await;
    }
    // This thread is the only one that serves HTTP, and waits here.
    blocking(async {
        client.batch_execute("ROLLBACK").await.unwrap();
        let deadline = std::time::Instant::now() + PATIENCE;
        while client.query("SELECT FROM bookings", &[]).await.unwrap().len() < 3 {
            assert!(std::time::Instant::now() < deadline, "nothing is written");
        }
    });
    for asked in asking {
        assert_eq!(asked.await.unwrap(), 201);
    }
    elsewhere.shutdown_background();
}
