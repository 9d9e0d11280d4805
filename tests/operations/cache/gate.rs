//! A way to a server on which answers can be held up, and which can be cut off without a word.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// See the module's page. Ends with the test's runtime.
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    state: watch::Sender<State>,
    held: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Default)]
struct State {
    is_shut: bool,
    /// Connections that are older than this pass nothing on any more.
    cuts: usize,
}

#[derive(Clone)]
enum To {
    Socket(PathBuf),
    Address(SocketAddr),
}

impl Gate {
    /// Open, in front of a database, and the URL that leads through it.
    pub(crate) async fn to_database(url: &SecretString) -> (Self, SecretString) {
        let (_, place) = url.expose_secret().split_once('@').unwrap();
        let folder = place.split('/').next().unwrap();
        let socket = PathBuf::from(&*percent_decode_str(folder).decode_utf8().unwrap()).join(".s.PGSQL.5432");
        let gate = Self::to(To::Socket(socket)).await;
        let through = url.expose_secret().replace(folder, &gate.address.to_string());
        (gate, through.into())
    }

    /// The same in front of a Redis.
    pub(crate) async fn to_redis(url: &str) -> (Self, SecretString) {
        let address = url.trim_start_matches("redis://").trim_end_matches("/0");
        let gate = Self::to(To::Address(address.parse().unwrap())).await;
        let through = format!("redis://{}/0", gate.address);
        (gate, through.into())
    }

    async fn to(to: To) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Self { address, state: watch::channel(State::default()).0, held: Arc::default() };
        let (state, held) = (gate.state.subscribe(), gate.held.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                match &to {
                    To::Socket(path) => pass(client, UnixStream::connect(path).await, &state, &held),
                    To::Address(address) => pass(client, TcpStream::connect(address).await, &state, &held),
                }
            }
        });
        gate
    }

    /// From now on the server reads what it is asked, and its answers wait here.
    pub(crate) fn shut(&self) {
        self.held.store(0, Ordering::SeqCst);
        self.state.send_modify(|state| state.is_shut = true);
    }

    pub(crate) fn open(&self) {
        self.state.send_modify(|state| state.is_shut = false);
    }

    /// From now on nothing comes over the connections that there are, and they look well. New ones are as good as any.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Answers, or parts of them, that wait or have waited since it was shut.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }
}

fn pass<S>(client: TcpStream, server: std::io::Result<S>, state: &watch::Receiver<State>, held: &Arc<AtomicUsize>)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    // A server that is away hangs up.
    let Ok(server) = server else { return };
    let (mut state, held) = (state.clone(), held.clone());
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    tokio::spawn(async move {
        let _ = copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    });
    tokio::spawn(async move {
        let own = state.borrow().cuts;
        let mut bytes = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
            if state.borrow().is_shut {
                held.fetch_add(1, Ordering::SeqCst);
            }
            let _ = state.wait_for(|state| !state.is_shut && state.cuts == own).await;
            if to_client.write_all(&bytes[..length]).await.is_err() {
                return;
            }
        }
    });
}
