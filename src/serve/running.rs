//! A started server, as its caller holds it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actors::{
    breakers::RunningBreakers,
    cache::RunningCache,
    engine::Engine,
    inventories::Inventories,
    jobs::RunningJobs,
    live::Live,
    outbox::{Outbox, RunningOutbox},
    tasks::RunningTasks,
    upkeep::RunningUpkeep,
};
use application::background::Background;
use boxoffice_api::operations::Health;
use boxoffice_http::server::DrainReport;
use domain::secrets::OpaqueToken;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    database::{Database, Pools},
    engine::Session,
    payments::Gateway,
};

/// How much time the end of a server takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndingTimes {
    /// For balancers to notice that the server is not ready, while it still serves.
    pub(super) lame_duck: Duration,
    /// For everything, the former included.
    pub(super) whole: Duration,
}

/// A started server.
pub struct Running {
    pub address: SocketAddr,
    pub operations_address: SocketAddr,
    // Doors for tests.
    pub inventories: Inventories,
    pub outbox: Outbox,
    pub breakers: RunningBreakers,
    pub cache: RunningCache,
    pub upkeep: RunningUpkeep,
    pub jobs: RunningJobs,
    pub tasks: RunningTasks,
    /// By what the mails of a server without a mail server are shown, for tests.
    pub mails_token: Option<OpaqueToken>,
    pub(super) live: Arc<Live>,
    pub(super) health: Arc<Health>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) api: JoinHandle<DrainReport>,
    pub(super) operations: JoinHandle<DrainReport>,
    pub(super) engine: Engine,
    pub(super) session: Session,
    pub(super) mail: RunningOutbox,
    pub(super) gateway: Gateway,
    pub(super) after_answers: Background,
    pub(super) pools: Pools,
    pub(super) database: Database,
    pub(super) ending: EndingTimes,
}
