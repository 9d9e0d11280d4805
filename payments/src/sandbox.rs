//! The sandbox gateway: a server that speaks as much of Stripe's API as the adapter uses, for development and tests. It moves no money.
//!
//! It is a real HTTP server, so that time-outs, repeated and disordered messages and restarts are real ones, and it is strict: a parameter,
//! a header or an amount that Stripe would refuse is refused here. What becomes of a payment is chosen by its method ([`SandboxMethod`]). All it
//! knows is in a [`SandboxStore`], so that what it was asked survives the process.

mod answers;
mod config;
mod intents;
mod messages;
mod methods;
mod refunds;
mod requests;
mod server;
mod store;

use std::{io, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use domain::payments::{
    gateway::{GatewayError, GatewayReference},
    sandbox::{ActionOutcome, SandboxAway, SandboxPayer},
};
use jiff::Timestamp;
use tokio::{net::TcpListener, task::JoinSet};

use self::server::SandboxServer;
pub use self::{
    config::SandboxConfig,
    methods::SandboxMethod,
    store::{Document, DocumentKind, MemoryStore, SandboxStore, StoreError},
};
use crate::stripe::{StripeConfig, StripeGateway};

/// A running sandbox. It stops when it is dropped.
pub struct Sandbox {
    server: Arc<SandboxServer>,
    address: SocketAddr,
    /// Accepts connections, settles payments and sends messages.
    _tasks: JoinSet<()>,
}

impl Sandbox {
    pub async fn start(config: SandboxConfig, store: Arc<dyn SandboxStore>) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let server = Arc::new(SandboxServer::new(config, store).map_err(io::Error::other)?);
        let mut tasks = JoinSet::new();
        tasks.spawn(server.clone().accept(listener));
        tasks.spawn(server.clone().work());
        Ok(Self { server, address, _tasks: tasks })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The gateway that asks this server.
    pub fn gateway(&self) -> Result<StripeGateway, GatewayError> {
        let config = &self.server.config;
        let config = StripeConfig {
            base_url: format!("http://{}", self.address),
            secret_key: config.secret_key.clone(),
            webhook_secrets: vec![config.webhook_secret.clone()],
            timeout: config.timeout,
            connect_timeout: config.timeout,
            default_method: Some(SandboxMethod::Success.as_str().to_owned()),
            methods: &SandboxMethod::NAMES,
        };
        StripeGateway::named("sandbox", config)
    }

    /// The page to which payers are sent for an action.
    pub fn page(&self) -> Arc<dyn SandboxPayer> {
        Arc::new(ActionPage(self.server.clone()))
    }
}

struct ActionPage(Arc<SandboxServer>);

#[async_trait]
impl SandboxPayer for ActionPage {
    async fn act(&self, payment: &GatewayReference, outcome: ActionOutcome) -> Result<bool, SandboxAway> {
        let done = self.0.act(&payment.0, outcome, Timestamp::now()).await;
        done.map_err(|error| SandboxAway(error.to_string()))
    }
}
