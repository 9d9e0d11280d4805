//! A server under attack, and somebody else who wants to be served.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use crate::support::{ChildServer, PATIENCE, Settings, TestDatabase, until};

/// What a server may grow by under any of these attacks. Far more than it needs, far less than an attack that is not bounded
/// takes: each of them sends or asks for hundreds of MiB if it is let.
const GROWTH_KIB_MAX: u64 = 64 << 10;
/// Within which somebody else is answered, on a busy machine and by a build without optimisation.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// See the module's page.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    server: ChildServer,
    _database: TestDatabase,
    peak_before_kib: u64,
    bystander: JoinHandle<()>,
    served: Arc<AtomicU32>,
    /// While it is set nobody else asks.
    paused: watch::Sender<bool>,
}

impl Target {
    /// A server whose deadlines are short, so that a test sees them pass, and which somebody else uses from now on.
    pub(crate) async fn start(adjust: impl FnOnce(Settings) -> Settings) -> Self {
        let database = TestDatabase::migrated().await;
        let settings = Settings::default()
            .set("DATABASE_URL", database.url())
            .set("BOXOFFICE__HTTP__HEADER_TIMEOUT", "1s")
            .set("BOXOFFICE__HTTP__BODY_TIMEOUT", "1s")
            .set("BOXOFFICE__HTTP__WRITE_TIMEOUT", "1s")
            .set("BOXOFFICE__HTTP__IDLE_TIMEOUT", "2s");
        let server = ChildServer::start(adjust(settings)).await;
        let (address, served, paused) = (server.address, Arc::default(), watch::Sender::new(false));
        let bystander = tokio::spawn(use_it(address, Arc::clone(&served), paused.subscribe()));
        Self { address, peak_before_kib: peak_kib(&server), server, _database: database, bystander, served, paused }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        timeout(PATIENCE, TcpStream::connect(self.address)).await.expect("a connection").unwrap()
    }

    /// Lets nobody else ask, or ask again. One request may still be on its way.
    pub(crate) fn pause_bystander(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Fails unless the server has kept within bounds and has gone on serving others, in the past and from now on.
    pub(crate) async fn assert_unharmed(self) {
        let before = self.served.load(SeqCst);
        until("somebody else is served", async || {
            assert!(!self.bystander.is_finished(), "somebody else was not served:\n{}", self.server.log());
            self.served.load(SeqCst) > before + 3
        })
        .await;
        let growth = peak_kib(&self.server).saturating_sub(self.peak_before_kib);
        eprintln!("the server grew by {growth} KiB");
        assert!(growth < GROWTH_KIB_MAX, "the server grew by {growth} KiB");
        assert!(!self.server.log().contains("panicked"), "{}", self.server.log());
        self.bystander.abort();
    }
}

/// Asks again and again, on a new connection each time, and panics when an answer does not come in time.
async fn use_it(address: SocketAddr, served: Arc<AtomicU32>, mut paused: watch::Receiver<bool>) {
    loop {
        paused.wait_for(|paused| !paused).await.unwrap();
        let status = timeout(ANSWER_DEADLINE, async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer.get(9..12).map(str::to_owned)
        });
        assert_eq!(status.await.expect("an answer in time").as_deref(), Some("200"));
        served.fetch_add(1, SeqCst);
    }
}

/// The most memory that the process ever had.
fn peak_kib(server: &ChildServer) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Reads to the end of the connection, whether it is closed or reset.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let reading = async { while stream.read_buf(&mut all).await.is_ok_and(|read| read > 0) {} };
    timeout(PATIENCE, reading).await.expect("the server ends the connection");
    String::from_utf8_lossy(&all).into_owned()
}

/// Sends byte after byte, each after a pause, until the server has had enough; returns what it said.
pub(crate) async fn drip(mut stream: TcpStream, bytes: &[u8], pause: Duration) -> String {
    let mut pace = tokio::time::interval(pause);
    let mut said = Vec::new();
    let dripping = async {
        for byte in bytes.iter().cycle() {
            tokio::select! {
                read = stream.read_buf(&mut said) => if !read.is_ok_and(|read| read > 0) { break },
                _ = pace.tick() => if stream.write_all(&[*byte]).await.is_err() { break },
            }
        }
    };
    timeout(PATIENCE, dripping).await.expect("the server ends the connection");
    String::from_utf8_lossy(&said).into_owned()
}
