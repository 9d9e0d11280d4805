//! The sockets of a server: bound before anything else, so that a start on a taken address changes nothing.

use std::{io, net::SocketAddr};

use boxoffice_http::{
    edge::EdgeSettings,
    server::{Server, Settings},
};

use crate::config::{Config, OpsConfig};

/// Connections of the operations listener: a few scrapers and balancers.
const OPERATIONS_CONNECTIONS_MAX: usize = 256;

/// Somebody else listens there, or nobody may.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}")]
pub struct CannotListen {
    pub address: SocketAddr,
    pub source: io::Error,
}

/// Bound sockets that do not serve yet; who connects waits.
pub(super) struct Listeners {
    pub(super) api: Server,
    pub(super) operations: Server,
    pub(super) address: SocketAddr,
    pub(super) operations_address: SocketAddr,
}

impl Listeners {
    pub(super) async fn bind(config: &Config) -> anyhow::Result<Self> {
        let api = bind(config.http.listen, config.http.server.clone()).await?;
        let operations = bind(config.ops.listen, operations_settings(&config.ops)).await?;
        let (address, operations_address) = (api.local_addr()?, operations.local_addr()?);
        Ok(Self { api, operations, address, operations_address })
    }
}

async fn bind(address: SocketAddr, settings: Settings) -> Result<Server, CannotListen> {
    Server::bind(address, settings).await.map_err(|source| CannotListen { address, source })
}

/// Its clients are our own: no limits for each network. It asks nobody who they are, so a browser must not bring anybody else.
pub(super) fn operations_settings(config: &OpsConfig) -> Settings {
    let edge = EdgeSettings { own_hosts: Some(config.hosts.clone()), ..EdgeSettings::default() };
    Settings { max_connections: OPERATIONS_CONNECTIONS_MAX, edge, ..Settings::default() }
}
