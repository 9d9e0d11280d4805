//! A real mail server beside the test, and mails to send over it.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use boxoffice_store::postgres::outbox::enqueue;
use domain::{
    accounts::EmailAddress,
    ids::MailId,
    mail::{LinkToken, Locale, Message, Template},
};
use serde::Deserialize;
use tokio_postgres::Client;

use super::{PATIENCE, Settings, until};

/// A mail that the server has taken.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
    pub(crate) html: String,
    pub(crate) raw: String,
    pub(crate) encrypted: bool,
    pub(crate) authenticated: bool,
}

impl Taken {
    /// The one header of that name.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let found: Vec<_> = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).collect();
        assert_eq!(found.len(), 1, "{name}: {:#?}", self.headers);
        &found[0].1
    }
}

/// See the module's page. Killed when dropped.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    child: Child,
    input: ChildStdin,
    taken: Arc<Mutex<Vec<Taken>>>,
}

/// An address where nobody listens, yet.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The Python that has the mail server; `make test` installs it, and anyone who runs a test alone has it installed here.
fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/test-venv/bin/python");
    // Tests run at the same time in several processes.
    std::fs::create_dir_all(root.join("target")).unwrap();
    let lock = std::fs::File::create(root.join("target/test-venv.lock")).unwrap();
    lock.lock().unwrap();
    let ready = Command::new(&python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
    if !ready.is_ok_and(|status| status.success()) {
        assert!(Command::new(root.join("scripts/setup")).arg("tests").status().unwrap().success());
    }
    python
}

impl MailServer {
    pub(crate) fn start() -> Self {
        Self::at(free_address(), &[])
    }

    /// At that address, with further arguments.
    pub(crate) fn at(address: SocketAddr, arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/smtp_server.py");
        let mut command = Command::new(python());
        command.arg(script).arg(address.port().to_string()).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "listening");
        let taken = Arc::new(Mutex::new(Vec::new()));
        let keep = taken.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                keep.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        let input = child.stdin.take().unwrap();
        Self { address, child, input, taken }
    }

    /// What it has taken so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// Waits until it has taken so many.
    pub(crate) async fn until_taken(&self, count: usize) -> Vec<Taken> {
        until("the mail server has taken the mails", async || self.taken().len() >= count).await;
        self.taken()
    }

    /// Lets the answers that wait go.
    pub(crate) fn release(&mut self) {
        writeln!(self.input, "go").unwrap();
    }

    /// Whether all senders are refused from now on.
    pub(crate) fn refuse_senders(&mut self, refuses: bool) {
        writeln!(self.input, "{}", if refuses { "refuse" } else { "accept" }).unwrap();
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Settings of a server that sends over the mail server there, and is quick about it.
pub(crate) fn sends_to(address: SocketAddr) -> Settings {
    Settings::default()
        .set("BOXOFFICE__MAIL__SMTP_URL", format!("smtp://{address}"))
        .set("BOXOFFICE__MAIL__FROM", "no-reply@tickets.example.org")
        .set("BOXOFFICE__MAIL__LINK_ORIGIN", "https://tickets.example.org")
        .set("BOXOFFICE__MAIL__RETRY_MIN", "20ms")
        .set("BOXOFFICE__MAIL__RETRY_MAX", "100ms")
        .set("BOXOFFICE__MAIL__ATTEMPTS", "100")
        .set("BOXOFFICE__MAIL__POLL", "20ms")
        .set("BOXOFFICE__RATE_LIMIT__OUTBOUND__SMTP", "10000/1s")
        .set("BOXOFFICE__BREAKERS__OPEN_FOR", "20ms")
}

/// A mail with a link to verify that address.
pub(crate) fn verify(to: &str) -> Message {
    let template =
        Template::VerifyEmail { name: "Ada Lovelace".to_owned(), token: LinkToken::new("secret"), valid_minutes: 60 };
    Message { to: EmailAddress::parse("to", to).unwrap(), locale: Locale::En, template }
}

/// Queues a mail in a transaction of its own.
pub(crate) async fn queue(client: &Client, message: &Message) -> MailId {
    enqueue(client, message).await.unwrap()
}

/// A queued mail as it stands in its row.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) status: String,
    pub(crate) attempts: i32,
    pub(crate) error: Option<String>,
    pub(crate) has_payload: bool,
}

pub(crate) async fn row(client: &Client, id: MailId) -> Row {
    let query = "SELECT status::text, attempts, last_error, payload IS NOT NULL FROM outbox WHERE id = $1";
    let row = client.query_one(query, &[&id.0]).await.unwrap();
    Row { status: row.get(0), attempts: row.get(1), error: row.get(2), has_payload: row.get(3) }
}

/// Waits until a mail's row is so.
pub(crate) async fn until_row(client: &Client, id: MailId, what: &str, is: impl Fn(&Row) -> bool) -> Row {
    let mut last = row(client, id).await;
    let deadline = Instant::now() + PATIENCE;
    while !is(&last) {
        assert!(Instant::now() < deadline, "waited in vain until {what}: {last:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
        last = row(client, id).await;
    }
    last
}
