//! Mail servers that want encryption and a password.

use std::{path::Path, process::Command};

use crate::support::{
    ChildServer, Settings, TestDatabase,
    smtp::{MailServer, free_address, queue, sends_to, until_row, verify},
};

/// A certificate for `localhost` that is its own authority, and its key.
fn certificate(folder: &Path) -> (String, String) {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    // The library accepts no authority as a server.
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    let output = openssl.arg("-out").arg(&certificate).arg("-keyout").arg(&key).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (certificate.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned())
}

/// A server that sends over the one on that port, and trusts that certificate.
fn settings(database: &TestDatabase, port: u16, user: &str, trusted: &str) -> Settings {
    sends_to(([127, 0, 0, 1], port).into())
        .set("DATABASE_URL", database.url())
        .set("BOXOFFICE__MAIL__SMTP_URL", format!("smtp://{user}@localhost:{port}?tls=required"))
        .set("SSL_CERT_FILE", trusted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_goes_encrypted_to_a_server_that_wants_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let address = free_address();
    let arguments = ["--starttls", &certificate, &key, "--auth", "box@office", "päss/word"];
    let mail_server = MailServer::at(address, &arguments);
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;

    // A password that is wrong is no fault of the mail.
    let wrong = settings(&database, address.port(), "box%40office:wrong", &certificate);
    let server = ChildServer::start(wrong).await;
    let id = queue(&client, &verify("ada@example.org")).await;
    let row = until_row(&client, id, "it says why it waits", |row| row.error.is_some()).await;
    assert!(row.status == "PENDING" && row.error.as_deref().unwrap().contains("535"), "{row:?}");
    drop(server);

    let right = settings(&database, address.port(), "box%40office:p%C3%A4ss%2Fword", &certificate);
    client.execute("UPDATE outbox SET next_attempt_at = now()", &[]).await.unwrap();
    let server = ChildServer::start(right).await;
    let taken = mail_server.until_taken(1).await.remove(0);
    assert!(taken.encrypted && taken.authenticated);
    let log = server.log();
    assert!(!log.contains("ada@example.org") && !log.contains("ss%2Fword"), "{log}");
}

/// Guards: that `tls=required` is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_encryption_or_with_a_strangers_certificate_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let trusted = folder.path().join("other");
    std::fs::create_dir(&trusted).unwrap();
    let (trusted, _) = self::certificate(&trusted);
    for (arguments, said) in [(vec![], "STARTTLS"), (vec!["--starttls", &certificate, &key], "certificate")] {
        let address = free_address();
        let mail_server = MailServer::at(address, &arguments);
        let database = TestDatabase::migrated().await;
        let client = database.connect().await;
        let _server = ChildServer::start(settings(&database, address.port(), "u:p", &trusted)).await;
        let id = queue(&client, &verify("ada@example.org")).await;
        let row = until_row(&client, id, "it says why it waits", |row| row.error.is_some()).await;
        assert!(row.status == "PENDING" && row.error.as_deref().unwrap().contains(said), "{row:?}");
        assert!(mail_server.taken().is_empty());
    }
}
