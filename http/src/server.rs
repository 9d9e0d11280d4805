//! The listening socket: accept under a limit, serve HTTP/1.1 and HTTP/2, end in an orderly way.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use actors::networks::{Occupied, PerNetwork};
use metrics::{Counter, Gauge, counter, gauge};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use super::settings::Settings;
use super::{
    connection::{Connection, Protocols, refusal},
    dispatch::Dispatcher,
    problem::Problem,
    problem_codes::Code,
    router::Router,
    settings::REFUSALS_MAX,
};

/// Connections that the kernel keeps until they are accepted; it cuts this down to its own limit (`somaxconn`). Above it a
/// client's first packet is dropped, and it tries again after a whole second.
const BACKLOG: u32 = 8192;
/// When a network that has as many connections as it may have should try again.
const NETWORK_FULL_RETRY: Duration = Duration::from_secs(5);
/// Longest pause after a failed accept.
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How a shutdown went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// Connections open when the shutdown began.
    pub connections: usize,
    /// Connections that were cut because the grace period was over.
    pub cut: usize,
    /// Handlers still running when the grace period was over, those of connections that were cut included.
    pub unfinished: usize,
    /// How long it took.
    pub took: Duration,
}

/// A bound socket that does not serve yet: its starter can tell its address, or fail, before anything else starts.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    settings: Settings,
}

impl Server {
    /// Binds `address`; port 0 takes any free one.
    pub async fn bind(address: SocketAddr, settings: Settings) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self { listener: socket.listen(BACKLOG)?, settings })
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` resolves, then stops accepting and waits for what is in progress.
    pub async fn serve(self, router: Arc<Router>, shutdown: impl Future<Output = ()>) -> DrainReport {
        let listening = Listening::new(router, self.settings);
        let mut shutdown = pin!(shutdown);
        let mut pause = Duration::ZERO;
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = Duration::ZERO;
                    listening.admit(stream, peer);
                }
                // The client went away between its SYN and our accept: its problem alone.
                Err(error) if is_of_the_client(&error) => {}
                // Usually EMFILE or ENFILE. Accepting again at once would spin on the same error; giving up would end
                // the server over something that passes when connections close.
                Err(error) => {
                    pause = (pause * 2).clamp(Duration::from_millis(10), ACCEPT_PAUSE_MAX);
                    tracing::error!(%error, pauseMs = pause.as_millis() as u64, "cannot accept connections");
                    tokio::select! {
                        () = &mut shutdown => break,
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
        }
        // Closes the socket: new clients are refused by the kernel, and go to another node.
        drop(self.listener);
        listening.drain().await
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// A listener in operation.
struct Listening {
    dispatcher: Arc<Dispatcher>,
    protocols: Arc<Protocols>,
    /// One permit a connection.
    slots: Arc<Semaphore>,
    /// One permit for each connection that is being refused.
    refusals: Arc<Semaphore>,
    /// How many each network has.
    networks: Arc<PerNetwork>,
    connections: TaskTracker,
    /// Asks connections to end after the requests in progress.
    retire: CancellationToken,
    /// Ends connections that were asked to, at once.
    cut: CancellationToken,
    open: Gauge,
    dormant: Gauge,
    refused: Counter,
    refused_networks: Counter,
}

impl Listening {
    fn new(router: Arc<Router>, settings: Settings) -> Self {
        Self {
            protocols: Arc::new(Protocols::new(&settings)),
            slots: Arc::new(Semaphore::new(settings.max_connections)),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            networks: PerNetwork::new(settings.connections_per_network),
            dispatcher: Arc::new(Dispatcher::new(router, settings)),
            connections: TaskTracker::new(),
            retire: CancellationToken::new(),
            cut: CancellationToken::new(),
            open: gauge!("boxoffice_http_connections"),
            dormant: gauge!("boxoffice_http_dormant_connections"),
            refused: counter!("boxoffice_http_refused_connections_total"),
            refused_networks: counter!("boxoffice_http_network_refused_connections_total"),
        }
    }

    /// Serves a connection, or refuses it. Over a limit the answer is a 429 or 503 rather than silence in the backlog: a
    /// client or balancer that is told can go elsewhere, one that waits makes the stampede worse.
    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        // The peer's network: what a proxy says comes with a request, and proxies are exempt.
        let Ok(of_network) = self.networks.enter(self.dispatcher.settings.network_of(peer.ip())) else {
            self.refused_networks.increment(1);
            let problem = Problem::new(Code::RateLimited).detail("too many connections from your network");
            return self.refuse(stream, problem.retry_after(NETWORK_FULL_RETRY));
        };
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            self.refused.increment(1);
            let problem = Problem::new(Code::Unavailable).detail("too many connections");
            return self.refuse(stream, problem.retry_after(Duration::from_secs(1)));
        };
        // Answers are written whole; waiting to fill a packet would add up to 40 ms to each.
        let _ = stream.set_nodelay(true);
        self.open.increment(1.0);
        let slot = OpenSlot { _permit: slot, _of_network: of_network, open: self.open.clone() };
        let connection = Connection {
            dispatcher: Arc::clone(&self.dispatcher),
            protocols: Arc::clone(&self.protocols),
            retire: self.retire.clone(),
            cut: self.cut.clone(),
            dormant: self.dormant.clone(),
        };
        self.connections.spawn(async move {
            let _slot = slot;
            connection.serve(stream, peer).await;
        });
    }

    /// Tells a client why, unless too many are being told already.
    fn refuse(&self, stream: TcpStream, problem: Problem) {
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else { return };
        let answer = refusal::encode(problem, &self.dispatcher.edge);
        tokio::spawn(async move {
            let _permit = permit;
            refusal::send(stream, &answer).await;
        });
    }

    async fn drain(self) -> DrainReport {
        let started = Instant::now();
        let connections = self.connections.len();
        self.connections.close();
        self.dispatcher.detached.close();
        self.retire.cancel();
        let all = async {
            self.connections.wait().await;
            self.dispatcher.detached.wait().await;
        };
        let _ = tokio::time::timeout(self.dispatcher.settings.drain_timeout, all).await;
        let report = DrainReport {
            connections,
            cut: self.connections.len(),
            unfinished: self.dispatcher.running(),
            took: started.elapsed(),
        };
        self.cut.cancel();
        report
    }
}

/// Frees the connection's place and corrects the gauge, however the connection ends.
struct OpenSlot {
    _permit: OwnedSemaphorePermit,
    _of_network: Occupied,
    open: Gauge,
}

impl Drop for OpenSlot {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}
