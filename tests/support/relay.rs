//! A way to PostgreSQL that is not there at first, and may lead elsewhere later.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::{
    net::{TcpListener, TcpStream, UnixStream},
    task::{AbortHandle, JoinSet},
};
use tokio_postgres::config::Host;

/// An address of TCP that leads to a socket of PostgreSQL while it is open.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    open: Option<AbortHandle>,
}

impl Relay {
    /// An address where nobody listens yet.
    pub(crate) fn closed() -> Self {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { address, open: None }
    }

    /// Where a database is through it, whose own address names a socket.
    pub(crate) fn url(&self, url: &str) -> String {
        let config: tokio_postgres::Config = url.parse().unwrap();
        format!("postgres://{}@{}/{}", config.get_user().unwrap(), self.address, config.get_dbname().unwrap())
    }

    /// Leads to the PostgreSQL of this address from now on.
    pub(crate) async fn open(&mut self, url: &str) {
        let (socket, listener) = (Arc::new(socket_of(url)), TcpListener::bind(self.address).await.unwrap());
        let task = tokio::spawn(async move {
            // Dropped with this task, and with it all that goes through.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(pass(stream, socket.clone()));
            }
        });
        self.open = Some(task.abort_handle());
    }

    /// Cuts all that goes through, and refuses what comes.
    pub(crate) fn close(&mut self) {
        if let Some(task) = self.open.take() {
            task.abort();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.close();
    }
}

async fn pass(mut from: TcpStream, socket: Arc<PathBuf>) {
    if let Ok(mut to) = UnixStream::connect(&*socket).await {
        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
    }
}

fn socket_of(url: &str) -> PathBuf {
    let config: tokio_postgres::Config = url.parse().unwrap();
    let Host::Unix(folder) = &config.get_hosts()[0] else { panic!("{url} names no socket") };
    folder.join(format!(".s.PGSQL.{}", config.get_ports().first().copied().unwrap_or(5432)))
}
