//! A proxy between a server and PostgreSQL that understands as much of the protocol as faults need: it cuts a connection between a
//! commit and its answer, and falls silent.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_postgres::config::Host;

use super::{TestDatabase, tripwire::Tripwire};

/// What happens to a connection that sends a statement with certain words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trick {
    /// PostgreSQL does it, and commits; then the connection is cut, before the answer.
    CutBeforeAnswer,
    /// Nothing passes any more, neither this statement nor anything else. The connection stays open.
    Silence,
}

struct Rule {
    words: &'static str,
    trick: Trick,
    left: AtomicUsize,
}

#[derive(Default)]
struct Shared {
    rule: Mutex<Option<Arc<Rule>>>,
    played: AtomicUsize,
    /// Every connection is silent, and every new one.
    is_silent: AtomicBool,
    delay_ms: AtomicUsize,
    /// Connections that wait until silence is over look again.
    changed: Notify,
    /// What counts messages, and with what statements that are counted begin or what they name.
    wire: Mutex<Option<(Arc<Tripwire>, &'static [&'static str])>>,
}

/// See the module's page. Ends when dropped, with its connections.
pub(crate) struct Proxy {
    address: SocketAddr,
    database: String,
    user: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// In front of this database.
    pub(crate) async fn before(database: &TestDatabase) -> Self {
        let config: tokio_postgres::Config = database.url().parse().unwrap();
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let Some(Host::Unix(folder)) = config.get_hosts().first() else { panic!("{:?}", config.get_hosts()) };
        let socket = folder.join(format!(".s.PGSQL.{port}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = tokio::spawn(accept(listener, socket, shared.clone()));
        let (database, user) = (config.get_dbname().unwrap().to_owned(), config.get_user().unwrap().to_owned());
        Self { address, database, user, shared, accepting }
    }

    /// Where a server finds the database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{}@{}/{}", self.user, self.address, self.database)
    }

    /// Plays a trick to the next `times` statements with these words.
    pub(crate) fn play(&self, trick: Trick, words: &'static str, times: usize) {
        self.shared.played.store(0, Ordering::SeqCst);
        let rule = Rule { words, trick, left: AtomicUsize::new(times) };
        *self.shared.rule.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(rule));
    }

    /// Has the statements that write and name one of these things pass a tripwire, and once more their answers.
    pub(crate) fn count(&self, wire: &Arc<Tripwire>, names: &'static [&'static str]) {
        *self.shared.wire.lock().unwrap_or_else(PoisonError::into_inner) = Some((wire.clone(), names));
    }

    /// How often the trick was played.
    pub(crate) fn played(&self) -> usize {
        self.shared.played.load(Ordering::SeqCst)
    }

    /// Lets nothing through, or everything again.
    pub(crate) fn silence(&self, is_silent: bool) {
        self.shared.is_silent.store(is_silent, Ordering::SeqCst);
        self.shared.changed.notify_waiters();
    }

    /// Each answer comes so much later.
    pub(crate) fn delay(&self, delay: Duration) {
        self.shared.delay_ms.store(usize::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, shared: Arc<Shared>) {
    // Dropped with this task, and the connections with it.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (shared, socket) = (shared.clone(), socket.clone());
        connections.spawn(async move {
            // Whatever breaks ends the connection on both sides, which is what a broken one does.
            let _ = connection(client, &socket, &shared).await;
        });
    }
}

/// What both directions of a connection know.
#[derive(Default)]
struct Connection {
    /// The answer to a statement that a trick is played to is to come: it is swallowed.
    cut_at_answer: AtomicBool,
    is_silent: AtomicBool,
    /// What was counted and is not answered yet.
    counted: Mutex<Option<String>>,
}

async fn connection(client: TcpStream, socket: &PathBuf, shared: &Shared) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    shared.heard().await;
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = UnixStream::connect(socket).await?.into_split();
    let connection = Connection::default();
    // The first that ends drops both.
    tokio::select! {
        done = requests(client_reads, server_writes, shared, &connection) => done,
        done = answers(server_reads, client_writes, shared, &connection) => done,
    }
}

impl Shared {
    /// Waits as long as nothing may be heard.
    async fn heard(&self) {
        loop {
            let changed = self.changed.notified();
            if !self.is_silent.load(Ordering::SeqCst) {
                return;
            }
            changed.await;
        }
    }

    /// The tripwire, if a statement with this text is counted.
    fn wire_for(&self, text: &str) -> Option<Arc<Tripwire>> {
        const WRITES: [&str; 4] = ["INSERT ", "UPDATE ", "DELETE ", "ledger_commit"];
        let guard = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        let (wire, names) = guard.as_ref()?;
        let is_counted = WRITES.iter().any(|word| text.contains(word)) && names.iter().any(|name| text.contains(name));
        (is_counted || text == "COMMIT").then(|| wire.clone())
    }

    /// The tripwire, of whatever is counted.
    fn wire(&self) -> Option<Arc<Tripwire>> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(wire, _)| wire.clone())
    }

    /// The trick to be played to a statement with this text, if its turn has come.
    fn trick(&self, text: &str) -> Option<Trick> {
        let rule = self.rule.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let taken = text.contains(rule.words)
            && rule.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        taken.then(|| {
            self.played.fetch_add(1, Ordering::SeqCst);
            rule.trick
        })
    }
}

/// A message of the protocol: a letter, except for the first one, a length, and the rest.
async fn message(from: &mut (impl AsyncRead + Unpin), has_letter: bool) -> std::io::Result<(u8, Vec<u8>)> {
    let letter = if has_letter { from.read_u8().await? } else { 0 };
    let length = from.read_u32().await?;
    let mut whole = Vec::with_capacity(length as usize + 1);
    whole.extend(has_letter.then_some(letter));
    whole.extend(length.to_be_bytes());
    let head = whole.len();
    whole.resize(head + (length as usize).saturating_sub(4), 0);
    from.read_exact(&mut whole[head..]).await?;
    Ok((letter, whole))
}

/// The text up to the next NUL, and what follows it.
fn text(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (String::from_utf8_lossy(&bytes[..end]).into_owned(), bytes.get(end + 1..).unwrap_or_default())
}

/// Which statements are prepared with which text; what is executed is found by its name.
#[derive(Default)]
struct Prepared(HashMap<String, String>);

impl Prepared {
    /// The text of what this message has executed, if it does.
    fn executed(&mut self, letter: u8, whole: &[u8]) -> Option<String> {
        let body = &whole[5..];
        match letter {
            b'P' => {
                let (name, rest) = text(body);
                self.0.insert(name, text(rest).0);
                None
            }
            b'B' => {
                let (_, rest) = text(body);
                self.0.get(&text(rest).0).cloned()
            }
            b'Q' => Some(text(body).0),
            _ => None,
        }
    }
}

async fn requests(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    connection: &Connection,
) -> std::io::Result<()> {
    let mut prepared = Prepared::default();
    let mut is_first = true;
    loop {
        let (letter, whole) = message(&mut from, !is_first).await?;
        if !std::mem::take(&mut is_first)
            && let Some(text) = prepared.executed(letter, &whole)
        {
            match shared.trick(&text) {
                Some(Trick::CutBeforeAnswer) => connection.cut_at_answer.store(true, Ordering::SeqCst),
                Some(Trick::Silence) => connection.is_silent.store(true, Ordering::SeqCst),
                None => {}
            }
            if let Some(wire) = shared.wire_for(&text) {
                let begins: String = text.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
                wire.pass(|| begins.clone()).await?;
                *connection.counted.lock().unwrap_or_else(PoisonError::into_inner) = Some(begins);
            }
        }
        connection.heard(shared).await;
        to.write_all(&whole).await?;
    }
}

async fn answers(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    connection: &Connection,
) -> std::io::Result<()> {
    /// The end of an answer: what was done is committed.
    const READY: u8 = b'Z';
    loop {
        let (letter, whole) = message(&mut from, true).await?;
        if connection.cut_at_answer.load(Ordering::SeqCst) {
            if letter == READY {
                return Ok(());
            }
            continue;
        }
        if letter == READY {
            let counted = connection.counted.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let (Some(counted), Some(wire)) = (counted, shared.wire()) {
                wire.pass(|| format!("answer to {counted}")).await?;
            }
        }
        let delay = shared.delay_ms.load(Ordering::SeqCst);
        if letter == READY && delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay as u64)).await;
        }
        connection.heard(shared).await;
        to.write_all(&whole).await?;
    }
}

impl Connection {
    /// Waits as long as nothing may be heard on this connection: for good, once it is silent itself.
    async fn heard(&self, shared: &Shared) {
        if self.is_silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        shared.heard().await;
    }
}
