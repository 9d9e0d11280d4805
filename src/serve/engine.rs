//! The engine in operation: its tree of actors, the threads that it lives on, and the session under which it writes.

use std::{sync::Arc, time::Duration};

use actors::{
    admission::AdmissionLimits,
    engine::{Engine, EngineSettings},
    inventory::actor::InventorySettings,
};
use anyhow::Context;
use boxoffice_store::postgres::ledger::{LedgerOptions, LedgerPools, PgLedger};
use domain::money::Money;
use jiff::SignedDuration;
use tokio::{runtime::Handle, task::JoinHandle};

use super::{engine_runtime::EngineRuntime, patience::while_away};
use crate::config::{Config, Provider};

/// How long the end of the session is waited for. Without it another node has to wait until the session is stale.
const SESSION_END_TIMEOUT: Duration = Duration::from_secs(2);

/// A session that is being opened.
pub(super) struct Opening(JoinHandle<anyhow::Result<Session>>);

impl Opening {
    /// The session. May be dropped and asked again until it is there.
    pub(super) async fn opened(&mut self) -> anyhow::Result<Session> {
        (&mut self.0).await.context("the session's task panicked")?
    }

    /// Ends the session if it comes to be within the time for its end.
    pub(super) async fn give_up(mut self) {
        match tokio::time::timeout(SESSION_END_TIMEOUT, self.opened()).await {
            Ok(Ok(session)) => session.end().await,
            Ok(Err(_)) => {}
            Err(_) => self.0.abort(),
        }
    }
}

/// The session, and the threads that the engine lives on.
pub(super) struct Session {
    runtime: EngineRuntime,
    ledger: Arc<PgLedger>,
}

impl Session {
    /// Begins to open it, which ends the one of a predecessor of the same name. What is begun goes on by itself: dropped in the
    /// middle, it might leave a session in the database that nobody ends.
    pub(super) fn begin(config: &Config, pools: LedgerPools) -> anyhow::Result<Opening> {
        let runtime = EngineRuntime::new(config.inventory.threads).context("no threads for the engine")?;
        let (node, options) = (config.node.name.clone(), ledger_options(config)?);
        let open = async move {
            let (pools, node) = (&pools, &*node);
            while_away("open the session", || async move { Ok(PgLedger::open(pools.clone(), node, options).await?) })
                .await
        };
        Ok(Opening(tokio::spawn(async move {
            let ledger = runtime.run(open).await??;
            Ok(Self { runtime, ledger: Arc::new(ledger) })
        })))
    }

    /// Where the ledger's connections live.
    pub(super) fn handle(&self) -> anyhow::Result<Handle> {
        self.runtime.handle()
    }

    /// Starts the actors that write under it.
    pub(super) async fn start_engine(&self, settings: EngineSettings) -> anyhow::Result<Engine> {
        let ledger = self.ledger.clone();
        self.runtime.run(Engine::start(ledger, settings)).await?.context("the actors can't start")
    }

    /// Ends it, so that another node takes the events over at once. What is being committed is waited for, and whatever comes
    /// later is refused by the database: so this may be called at any time.
    pub(super) async fn end(&self) {
        let ledger = self.ledger.clone();
        let ending = self.runtime.run(async move { ledger.end_session().await });
        let why = match tokio::time::timeout(SESSION_END_TIMEOUT, ending).await {
            Ok(Ok(Ok(()))) => return tracing::info!("session ended"),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the database does not answer".to_owned(),
        };
        tracing::warn!(why, "the session could not be ended: other nodes take its events over when it is stale");
    }
}

fn ledger_options(config: &Config) -> anyhow::Result<LedgerOptions> {
    Ok(LedgerOptions {
        hold: SignedDuration::try_from(config.inventory.hold)?,
        payment: SignedDuration::try_from(config.inventory.payment)?,
        minimum: match config.payments.provider {
            Provider::None => |_| None,
            Provider::Sandbox | Provider::Stripe => Money::gateway_minimum,
        },
        prepared_statements: config.database.prepared_statements,
        unpaid: Some(config.inventory.unpaid),
    })
}

pub(super) fn settings(config: &Config) -> EngineSettings {
    EngineSettings {
        writers: config.database.ledger_writers,
        admission: AdmissionLimits {
            permits: config.inventory.permits_per_event,
            stalled_after: config.inventory.stalled_after,
        },
        inventory: InventorySettings { batch_max: config.inventory.max_batch, idle_after: config.inventory.idle_after },
        ..EngineSettings::default()
    }
}
