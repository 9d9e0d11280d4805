//! What arrives, and when.

use boxoffice_store::postgres::outbox::enqueue;
use domain::{
    accounts::Role,
    mail::{Locale, Message, Template},
};
use serde_json::json;

use crate::support::{
    Api, TestDatabase, TestServer,
    accounts::add_accounts,
    smtp::{MailServer, queue, row, sends_to, until_row, verify},
    until,
};

#[tokio::test]
async fn a_mail_arrives_in_both_forms_with_its_headers_and_is_forgotten() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).start().await;
    let message = Message { locale: Locale::De, ..verify("ada@example.org") };
    let id = queue(&server.client, &message).await;
    let taken = mail_server.until_taken(1).await.remove(0);
    assert_eq!(taken.from, "no-reply@tickets.example.org");
    assert_eq!(taken.to, ["ada@example.org"]);
    assert_eq!(taken.header("From"), "boxoffice <no-reply@tickets.example.org>");
    assert_eq!(taken.header("To"), "ada@example.org");
    assert_eq!(taken.header("Subject"), "Bestätigen Sie Ihre E-Mail-Adresse");
    assert_eq!(taken.header("Message-ID"), format!("<{id}@tickets.example.org>"));
    assert_eq!(taken.header("Auto-Submitted"), "auto-generated");
    let link = "https://tickets.example.org/verify-email?token=secret";
    assert!(taken.text.contains(link) && !taken.text.contains("Ada Lovelace"), "{}", taken.text);
    assert!(taken.html.contains("<html lang=\"de\">") && !taken.html.contains("Ada Lovelace"), "{}", taken.html);

    let row = until_row(&server.client, id, "it is sent", |row| row.status == "SENT").await;
    assert!(!row.has_payload && row.attempts == 1, "the token is forgotten: {row:?}");
    server.running.stop().await;
    assert_eq!(mail_server.taken().len(), 1, "once");
}

/// The hint, and not the next look at the queue, sends it: that is minutes away.
#[tokio::test]
async fn a_hint_sends_at_once_what_was_committed_and_nothing_else() {
    let mail_server = MailServer::start();
    let settings = sends_to(mail_server.address).set("BOXOFFICE__MAIL__POLL", "10m");
    let server = settings.start().await;
    let mut client = server.db.connect().await;
    let rolled_back = client.transaction().await.unwrap();
    enqueue(&rolled_back, &verify("never@example.org")).await.unwrap();
    rolled_back.rollback().await.unwrap();
    for count in 1..=3 {
        let transaction = client.transaction().await.unwrap();
        enqueue(&transaction, &verify("ada@example.org")).await.unwrap();
        transaction.commit().await.unwrap();
        server.running.outbox.wake();
        mail_server.until_taken(count).await;
    }
    assert!(mail_server.taken().iter().all(|taken| taken.to == ["ada@example.org"]));
}

/// Many more than are on their way at once, without waiting for the next look at the queue.
#[tokio::test]
async fn a_crowd_of_mails_goes_out_each_once_over_few_connections() {
    const MAILS: usize = 50;
    let mail_server = MailServer::start();
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;
    let mut ids = Vec::new();
    for number in 0..MAILS {
        ids.push(queue(&client, &verify(&format!("buyer-{number}@example.org"))).await);
    }
    let settings = sends_to(mail_server.address).set("BOXOFFICE__MAIL__POLL", "10m");
    let _server = TestServer::on(database, &settings).await;
    let mut to: Vec<_> = mail_server.until_taken(MAILS).await.into_iter().flat_map(|taken| taken.to).collect();
    to.sort();
    to.dedup();
    assert_eq!(to.len(), MAILS);
    for id in ids {
        until_row(&client, id, "it is sent", |row| row.status == "SENT").await;
        assert_eq!(row(&client, id).await.attempts, 1);
    }
}

/// Watches the pace: the mail server is handed no more than it was said to take, and waiting for a turn is no try.
#[tokio::test]
async fn mails_beyond_the_limit_of_the_mail_server_wait() {
    let mail_server = MailServer::start();
    let settings = sends_to(mail_server.address).set("BOXOFFICE__RATE_LIMIT__OUTBOUND__SMTP", "2/1h");
    let server = settings.start().await;
    for number in 0..4 {
        queue(&server.client, &verify(&format!("buyer-{number}@example.org"))).await;
    }
    mail_server.until_taken(2).await;
    let sent = "SELECT count(*) FROM outbox WHERE status = 'SENT'";
    until("two are sent", async || server.db.number(sent, &[]).await == 2).await;
    let text = operations(&server).await;
    assert!(text.contains("boxoffice_mail_attempts_total{outcome=\"sent\"} 2"), "{text}");
    server.running.stop().await;
    let wait = "SELECT count(*) FROM outbox WHERE status = 'PENDING' AND attempts = 0 AND last_error IS NULL";
    assert_eq!(server.db.number(wait, &[]).await, 2, "the others wait untried");
    assert_eq!(mail_server.taken().len(), 2);
}

async fn operations(server: &TestServer) -> String {
    let shown = Api::of_operators(server.running.operations_address).get("/metrics").await;
    String::from_utf8(shown.body.to_vec()).unwrap()
}

/// Watches the ranks: at the usual pace these would take a quarter of an hour.
#[tokio::test]
async fn a_reset_link_arrives_before_ten_thousand_mails_that_were_queued_earlier() {
    let mail_server = MailServer::start();
    let settings = sends_to(mail_server.address).set("BOXOFFICE__RATE_LIMIT__OUTBOUND__SMTP", "10/1s");
    let server = settings.start().await;
    let account = add_accounts(&server.client, 1, Role::User).await.remove(0);
    let crowd = "INSERT INTO outbox (id, kind, recipient, payload) SELECT gen_random_uuid(), 'PASSWORD_CHANGED',
        'buyer-' || n || '@example.org', '{\"locale\": \"en\", \"template\": {\"kind\": \"PASSWORD_CHANGED\", \"name\": \"Ada\"}}'
        FROM generate_series(1, 10000) n";
    server.client.execute(crowd, &[]).await.unwrap();
    mail_server.until_taken(12).await;
    let email = format!("{}@tests.example", account.id);
    let asked = server.api.post("/api/v1/auth/forgot-password", &json!({ "email": email })).await;
    assert_eq!(asked.status, 202);
    let arrived = async || mail_server.taken().iter().any(|taken| taken.to == [email.clone()]);
    until("the link is there", arrived).await;
    let before = mail_server.taken().len();
    assert!(before < 500, "{before} mails came before it");
}

/// A name with line breaks can't be given over HTTP; whatever gets into the queue adds no header all the same.
#[tokio::test]
async fn line_breaks_in_a_name_add_no_header() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).start().await;
    let name = "Ada\r\nBcc: all@example.org\r\n\r\nhello".to_owned();
    let message = Message { template: Template::PasswordChanged { name }, ..verify("ada@example.org") };
    queue(&server.client, &message).await;
    let taken = mail_server.until_taken(1).await.remove(0);
    assert_eq!(taken.to, ["ada@example.org"]);
    assert!(!taken.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("bcc")), "{:?}", taken.headers);
}

/// Watches the settings: mails come from the site as its administrators call it.
#[tokio::test]
async fn mails_are_signed_by_the_site_and_answers_go_to_its_support() {
    let mail_server = MailServer::start();
    let server = sends_to(mail_server.address).start().await;
    let settings =
        "INSERT INTO settings VALUES ('siteName', '\"The House\"'), ('supportEmail', '\"help@example.org\"'),
        ('imprintUrl', '\"https://house.example/imprint\"')";
    server.client.batch_execute(settings).await.unwrap();
    queue(&server.client, &verify("ada@example.org")).await;
    let taken = mail_server.until_taken(1).await.remove(0);
    assert_eq!(taken.header("From"), "The House <no-reply@tickets.example.org>");
    assert_eq!(taken.header("Reply-To"), "help@example.org");
    for part in [&taken.text, &taken.html] {
        assert!(part.contains("The House") && !part.contains("Your box office"), "{part}");
        assert!(
            part.contains("help@example.org") && part.replace("&#x2f;", "/").contains("https://house.example/imprint")
        );
    }
}
