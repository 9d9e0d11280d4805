//! Mail servers that are away, hang, or refuse; and the death of the sender.

use std::time::Duration;

use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::support::{
    Api, ChildServer, EventBuilder, TestDatabase, TestServer, client,
    smtp::{MailServer, free_address, queue, row, sends_to, until_row, verify},
    until,
};

#[tokio::test]
async fn a_mail_waits_for_a_mail_server_that_is_away() {
    let address = free_address();
    let server = sends_to(address).start().await;
    let id = queue(&server.client, &verify("ada@example.org")).await;
    let waiting = until_row(&server.client, id, "it says why it waits", |row| row.error.is_some()).await;
    assert_eq!((waiting.status.as_str(), waiting.has_payload), ("PENDING", true));
    let is = async |state: &str| {
        let series = format!("boxoffice_breaker_state{{service=\"email\",state=\"{state}\"}} 1");
        metrics(&server).await.contains(&series)
    };
    until("operators are told", async || is("open").await).await;
    let mail_server = MailServer::at(address, &[]);
    mail_server.until_taken(1).await;
    let sent = until_row(&server.client, id, "it is sent", |row| row.status == "SENT").await;
    assert_eq!(sent.attempts, 1, "a server that was away has not tried it");
    until("one probe is not enough", async || is("half_open").await).await;

    // And away again, and back: a connection that was kept is dead by then.
    drop(mail_server);
    let next = queue(&server.client, &verify("bob@example.org")).await;
    until_row(&server.client, next, "it says why it waits", |row| row.error.is_some()).await;
    let mail_server = MailServer::at(address, &[]);
    assert_eq!(mail_server.until_taken(1).await[0].to, ["bob@example.org"]);
}

/// Guards: the deadline of a try, and that no mail on its way holds a connection to the database.
#[tokio::test]
async fn a_mail_server_that_hangs_holds_up_nothing_else() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // More mails on their way than there are connections to the database.
    let settings = sends_to(silent.local_addr().unwrap())
        .set("BOXOFFICE__MAIL__TIMEOUT", "10m")
        .set("BOXOFFICE__MAIL__CONCURRENCY", "20");
    let server = settings.start().await;
    for number in 0..30 {
        queue(&server.client, &verify(&format!("buyer-{number}@example.org"))).await;
    }
    let mut connections = Vec::new();
    while connections.len() < 20 {
        connections.push(silent.accept().await.unwrap().0);
    }
    let event = server.event(EventBuilder::ga(10)).await;
    let api = server.signed_in().await;
    api.book(&event, &client::quantity(event.types[0], 1)).await.created();
    assert_eq!(server.api.get("/health/ready").await.status, 200);
    // A shutdown does not wait for it either: the mails are sent by the next server.
    tokio::time::timeout(Duration::from_secs(30), server.running.stop()).await.expect("it stops");
}

/// Guards: the deadline of a try.
#[tokio::test]
async fn a_try_that_hangs_is_given_up_and_its_connection_closed() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = sends_to(silent.local_addr().unwrap()).set("BOXOFFICE__MAIL__TIMEOUT", "200ms");
    let server = settings.start().await;
    let id = queue(&server.client, &verify("ada@example.org")).await;
    let (mut connection, _) = silent.accept().await.unwrap();
    let mut bytes = Vec::new();
    assert_eq!(connection.read_to_end(&mut bytes).await.unwrap_or(0), 0, "it says nothing before the greeting");
    let row = until_row(&server.client, id, "it says why it waits", |row| row.error.is_some()).await;
    assert!(row.status == "PENDING" && row.attempts <= 1, "it has not been tried: {row:?}");
    assert!(row.error.as_deref().unwrap().contains("took longer"), "{row:?}");
    silent.accept().await.unwrap();
}

async fn metrics(server: &TestServer) -> String {
    let shown = Api::of_operators(server.running.operations_address).get("/metrics").await;
    String::from_utf8(shown.body.to_vec()).unwrap()
}

/// Guards: that what is said about the sender is not said about the mail, and costs it nothing.
#[tokio::test]
async fn a_server_that_refuses_the_sender_makes_no_dead_letter() {
    let mut mail_server = MailServer::start();
    mail_server.refuse_senders(true);
    let server = sends_to(mail_server.address).set("BOXOFFICE__MAIL__ATTEMPTS", "2").start().await;
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(queue(&server.client, &verify(&format!("buyer-{number}@example.org"))).await);
    }
    // Far more often than a mail may be tried.
    let refused = async || {
        let postponed = metrics(&server).await;
        let count = postponed
            .lines()
            .find_map(|line| line.strip_prefix("boxoffice_mail_attempts_total{outcome=\"postponed\"} "));
        count.unwrap().parse::<u32>().unwrap() >= 40
    };
    until("the sender was refused again and again", refused).await;
    let dead = "SELECT count(*) FROM outbox WHERE status = 'DEAD' OR attempts > 1";
    assert_eq!(server.db.number(dead, &[]).await, 0);
    let said = "SELECT count(*) FROM outbox WHERE last_error LIKE '%5.7.1 sender address rejected%'";
    assert!(server.db.number(said, &[]).await > 0);
    mail_server.refuse_senders(false);
    for id in ids {
        let row = until_row(&server.client, id, "it is sent", |row| row.status == "SENT").await;
        assert_eq!(row.attempts, 1);
    }
    assert_eq!(mail_server.taken().len(), 8, "each once");
}

/// Guards: the enhanced status after the text. Over quota today is not over quota for good.
#[tokio::test]
async fn a_text_that_is_refused_by_a_policy_is_tried_again() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).start().await;
    let id = queue(&server.client, &verify("policy2-ada@example.org")).await;
    mail_server.until_taken(1).await;
    let row = until_row(&server.client, id, "it is sent", |row| row.status == "SENT").await;
    assert_eq!(row.attempts, 3);
}

/// Guards: the bound of texts without an answer.
#[tokio::test]
async fn a_server_that_takes_the_text_and_stalls_gets_two_copies_at_most() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).set("BOXOFFICE__MAIL__TIMEOUT", "500ms").start().await;
    let id = queue(&server.client, &verify("stall-ada@example.org")).await;
    let row = until_row(&server.client, id, "it is given up", |row| row.status == "DEAD").await;
    assert!(row.attempts == 2 && row.error.as_deref().unwrap().contains("may have arrived"), "{row:?}");
    let taken = mail_server.taken();
    assert!(taken.len() == 2 && taken[0].raw == taken[1].raw, "a receiver can tell that it is the same");
}

/// Guards: that an orderly stop waits for the answer to a text, and that the next server sends the rest. A slow mail server gets
/// nothing twice from a roll-out.
#[tokio::test]
async fn an_orderly_stop_doubles_no_mail() {
    let mut mail_server = MailServer::start();
    let settings = sends_to(mail_server.address);
    let server = settings.clone().start().await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(queue(&server.client, &verify(&format!("wait-{number}@example.org"))).await);
    }
    mail_server.until_taken(4).await;
    let (db, address) = (server.db, server.running.operations_address);
    let stopping = tokio::spawn(server.running.stop());
    let client = db.connect().await;
    until("it stops", async || !is_ready(address).await).await;
    assert!(!stopping.is_finished());
    mail_server.release();
    stopping.await.unwrap();
    let noted = "SELECT count(*) FROM outbox WHERE status = 'SENT' AND attempts = 1";
    assert_eq!(db.number(noted, &[]).await, 4, "what was taken is noted");
    let server = TestServer::on(db, &settings).await;
    for id in ids {
        until_row(&client, id, "it is sent", |row| row.status == "SENT").await;
    }
    let mut to: Vec<_> = mail_server.taken().into_iter().flat_map(|taken| taken.to).collect();
    to.sort();
    to.dedup();
    assert_eq!((mail_server.taken().len(), to.len()), (10, 10), "each once");
    server.running.stop().await;
}

async fn is_ready(operations: std::net::SocketAddr) -> bool {
    let url = format!("http://{operations}/health/ready");
    reqwest::get(url).await.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test]
async fn a_mail_that_is_refused_for_now_is_sent_later_once() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).start().await;
    let id = queue(&server.client, &verify("busy2-ada@example.org")).await;
    mail_server.until_taken(1).await;
    let row = until_row(&server.client, id, "it is sent", |row| row.status == "SENT").await;
    assert_eq!((row.attempts, row.error), (3, None));
    assert_eq!(mail_server.taken().len(), 1);
}

/// Guards: the end of the tries.
#[tokio::test]
async fn a_mail_that_is_always_refused_for_now_becomes_a_dead_letter() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).set("BOXOFFICE__MAIL__ATTEMPTS", "3").start().await;
    let id = queue(&server.client, &verify("busy99-ada@example.org")).await;
    let row = until_row(&server.client, id, "it is given up", |row| row.status == "DEAD").await;
    assert_eq!((row.attempts, row.has_payload), (3, true));
    assert!(row.error.unwrap().contains("451"));
}

/// Guards: that a refusal for good ends the tries, and the masking of reasons.
#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_a_dead_letter_at_once() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).start().await;
    for (to, reason) in [("nobody-ada@example.org", "550"), ("spam@example.org", "554")] {
        let id = queue(&server.client, &verify(to)).await;
        let row = until_row(&server.client, id, "it is given up", |row| row.status == "DEAD").await;
        let error = row.error.unwrap();
        assert!(row.attempts == 1 && error.contains(reason) && !error.contains(to), "{error}");
    }
    assert!(mail_server.taken().is_empty());
    // Those behind them are sent all the same.
    queue(&server.client, &verify("ada@example.org")).await;
    mail_server.until_taken(1).await;
}

/// At least once: the mail server has taken the mail, and its sender dies before it can say so. The second copy has the same
/// `Message-ID`, date and content.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_killed_before_it_noted_the_outcome_sends_again() {
    let mut mail_server = MailServer::start();
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    let settings = sends_to(mail_server.address).set("DATABASE_URL", database.url());
    let mut server = ChildServer::start(settings).await;
    let id = queue(&client, &verify("wait-ada@example.org")).await;
    mail_server.until_taken(1).await;
    // The outcome can't be noted while the row is locked.
    let locked = client.transaction().await.unwrap();
    locked.execute("SELECT FROM outbox WHERE id = $1 FOR UPDATE", &[&id.0]).await.unwrap();
    mail_server.release();
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("the sender waits to note the outcome", async || database.number(waits, &[]).await > 0).await;
    server.kill();
    // The statement that waits outlives its client, unless it is ended.
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'boxoffice'";
    database.number(end, &[]).await;
    until("nobody waits", async || database.number(waits, &[]).await == 0).await;
    locked.rollback().await.unwrap();
    assert_eq!(row(&client, id).await.status, "PENDING");

    // As if its lease were over.
    client.execute("UPDATE outbox SET next_attempt_at = now()", &[]).await.unwrap();
    server.launch();
    server.ready().await;
    let taken = mail_server.until_taken(2).await;
    assert_eq!(taken[0].raw, taken[1].raw, "a receiver can tell that it is the same");
    let row = until_row(&client, id, "it is sent", |row| row.status == "SENT").await;
    assert_eq!(row.attempts, 2);
}
