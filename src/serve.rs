//! The composition root: configuration → database → actors → HTTP → drain.

mod accounts;
mod banner;
mod cache;
mod checks;
pub mod database;
mod descriptors;
mod engine_runtime;
mod limits;
mod mail;

use std::{future::Future, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use actors::{
    admission::AdmissionLimits,
    cache::{Cache, RunningCache},
    engine::{Engine, EngineSettings},
    inventories::Inventories,
    inventory::actor::InventorySettings,
    live::{Live, LiveSettings},
    outbox::{Outbox, RunningOutbox},
    upkeep::RunningUpkeep,
};
use anyhow::Context;
use deadpool_postgres::Pool;
use jiff::{SignedDuration, Timestamp};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_postgres::Client;

use self::{
    database::{Database, Pools},
    engine_runtime::EngineRuntime,
    mail::Mail,
};
use crate::{
    application::{
        app::{Adapters, App, HashingError, PasswordHasher},
        background::Background,
    },
    config::{Config, Environment},
    infrastructure::{
        limits::{Limiter, LimiterSettings},
        passwords::{Cost, Passwords},
        postgres::{
            connection::RequestPool,
            ledger::{LedgerOptions, PgLedger},
            migrate::Migrator,
            pool,
            seed::{self, DEMO_PASSWORD},
            store::PgStore,
            usage,
        },
        tokens::{Keys, TokenSigner, TokenVerifier},
    },
    presentation::{
        mails::mail_routes,
        operations::{self, Health, Identity},
        router::Router,
        routes::{self, api_routes},
        server::{DrainReport, Server, Settings},
    },
    telemetry::metrics,
};

/// Exit code of a server whose session was ended by another one (`EX_TEMPFAIL`): start it again.
const EXIT_FENCED: u8 = 75;
/// How often is looked for events that are to be published, and for bookings of cancelled ones, without a hint.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);
/// Connections of the operations listener: a few scrapers and balancers.
const OPERATIONS_CONNECTIONS_MAX: usize = 256;

/// What this program is made of.
pub struct Installation;

impl Adapters for Installation {
    type Store = PgStore;
    type Hasher = Passwords;
    type Issuer = TokenSigner;
    type Limits = Limiter;
}

/// A started server.
pub struct Running {
    /// Where the API is.
    pub address: SocketAddr,
    /// Where metrics and health are.
    pub operations_address: SocketAddr,
    /// The door to the inventories, for fault tests.
    pub inventories: Inventories,
    /// The door to the outbox, for tests.
    pub outbox: Outbox,
    /// The cache, for tests.
    pub cache: RunningCache,
    live: Arc<Live>,
    health: Arc<Health>,
    stop: watch::Sender<bool>,
    api: JoinHandle<DrainReport>,
    operations: JoinHandle<DrainReport>,
    engine: Engine,
    engine_runtime: EngineRuntime,
    mail: RunningOutbox,
    after_answers: Background,
    /// What goes on with events after the answer, for fault tests.
    pub upkeep: RunningUpkeep,
    background: JoinSet<()>,
    pools: Pools,
    database: Database,
}

/// Why a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to.
    Signal,
    /// Its session was ended by another server.
    Fenced,
    /// The tree of actors ended by itself.
    EngineDied,
}

/// The OpenAPI document of this installation.
pub fn api_document() -> serde_json::Value {
    routes::api_document::<Installation>()
}

/// `boxoffice serve`: runs until a signal says stop.
pub async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    descriptors::raise_limit(&config, &operations_settings());
    let mut running = start(config).await?;
    let ending = running.wait(stop_signal()?).await;
    tracing::info!(?ending, "stopping");
    running.stop().await;
    Ok(match ending {
        Ending::Signal => ExitCode::SUCCESS,
        Ending::Fenced => ExitCode::from(EXIT_FENCED),
        Ending::EngineDied => ExitCode::FAILURE,
    })
}

/// Starts everything, and returns once it serves.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    let metrics = metrics::install().context("metrics can't be set up")?;
    let mut background = JoinSet::new();
    let keep_up = metrics.clone();
    background.spawn(async move { keep_up.keep_up().await });

    let hasher = passwords(&config)?;
    let keys = Keys::from_config(&config.auth, &config.database.data_dir)?;
    let database = Database::own(&config).await?;
    prepare(&database, &config, &hasher).await?;

    let pools = database.pools(&config)?;
    let (pool, min_idle) = (pools.requests.clone(), config.database.min_idle);
    background.spawn(pool::tend(pool.plain().clone(), min_idle, pools.ledger.clone()));
    background.spawn(usage::watch(pool.clone()));
    let engine_runtime = EngineRuntime::new(config.inventory.threads).context("no threads for the engine")?;
    let (node, options, settings) = (config.node.name.clone(), ledger_options(&config)?, engine_settings(&config));
    let engine = engine_runtime.run(start_engine(pools.ledger.clone(), node, options, settings)).await??;

    let revocations = accounts::revocations(&pool, &mut background).await?;
    let mail = Mail::start(&config, pool.clone()).await?;
    let cache = cache::start(&config, &mut background).await?;
    let upkeep = start_upkeep(&pool, &engine, &mail, cache.cache.clone()).await?;
    let shared_counts = limits::shared_counts(&config, &mut background)?;
    let health = Health::new(identity(&config, &database), checks::all(pool.clone(), shared_counts.clone()));
    let api = bind(config.http.listen, Settings::from(&config.http)).await?;
    let ops = bind(config.ops.listen, operations_settings()).await?;
    let (address, operations_address) = (api.local_addr()?, ops.local_addr()?);

    let store = PgStore::new(pool.clone());
    if database.is_private() && config.environment == Environment::Development {
        banner::print(&store, address, operations_address, mail.folder.is_some()).await;
    }
    let live = Live::new(live_settings(&config));
    let after_answers = Background::default();
    let limiter = Arc::new(Limiter::new(LimiterSettings::from(&config.rate_limit), shared_counts));
    let app = Arc::new(App::<Installation> {
        store,
        hasher,
        issuer: TokenSigner::new(keys.signing, &*config.auth.issuer, revocations.clone()),
        limits: limiter.clone(),
        inventories: engine.inventories.clone(),
        live: live.clone(),
        outbox: mail.running.outbox.clone(),
        cache: cache.cache.clone(),
        background: after_answers.clone(),
        auth: accounts::rules(&config.auth),
        upkeep: upkeep.upkeep.clone(),
        command_deadline: config.inventory.request_deadline,
    });
    let verifier = Arc::new(TokenVerifier::new(keys.accepted, &config.auth.issuer, revocations));
    let routes = api_routes().into_iter().chain(operations::health_routes(&health));
    let router = Router::build(app, verifier.clone(), routes)?;
    let router = Arc::new(if config.http.bare { router } else { router.limited(limiter) });
    let ops_routes = operations::operations_routes(&health, metrics).into_iter();
    let ops_routes = ops_routes.chain(mail_routes(mail.folder.as_ref(), &mail.queue));
    let ops_router = Arc::new(Router::build(Arc::new(()), verifier, ops_routes)?);

    let (stop, stopping) = watch::channel(false);
    let api = tokio::spawn(api.serve(router, told(stopping)));
    // Serves to the very end, so that operators can watch a shutdown.
    let operations = tokio::spawn(ops.serve(ops_router, std::future::pending()));
    tracing::info!(%address, operations = %operations_address, "ready");
    let inventories = engine.inventories.clone();
    Ok(Running {
        address,
        operations_address,
        inventories,
        outbox: mail.running.outbox.clone(),
        live,
        health,
        stop,
        api,
        operations,
        engine,
        engine_runtime,
        mail: mail.running,
        cache,
        after_answers,
        upkeep,
        background,
        pools,
        database,
    })
}

impl Running {
    /// Waits until there is a reason to end.
    pub async fn wait(&mut self, signal: impl Future<Output = ()>) -> Ending {
        tokio::select! {
            () = signal => Ending::Signal,
            // An error means that nobody is left to fence.
            Ok(_) = self.engine.fenced.wait_for(|fenced| *fenced) => Ending::Fenced,
            _ = &mut self.engine.ended => Ending::EngineDied,
        }
    }

    /// Stops accepting, lets what is in progress finish, then takes everything down in the order opposite to the start (L5).
    pub async fn stop(mut self) {
        self.health.begin_draining();
        self.stop.send_replace(true);
        // They would go on for ever, and a drain waits for what is in progress.
        self.live.end();
        match self.api.await {
            Ok(report) => tracing::info!(
                connections = report.connections,
                cut = report.cut,
                unfinished = report.unfinished,
                durationMs = report.took.as_millis() as u64,
                "drained"
            ),
            Err(error) => tracing::error!(%error, "the listener panicked"),
        }
        self.after_answers.finish().await;
        self.upkeep.stop().await;
        self.engine.stop().await;
        self.mail.stop().await;
        self.cache.stop().await;
        // Its clients are scrapers, who come again.
        self.operations.abort();
        self.background.shutdown().await;
        self.pools.close();
        drop(self.engine_runtime);
        self.database.release().await;
    }
}

async fn start_engine(
    pool: Pool,
    node: String,
    options: LedgerOptions,
    settings: EngineSettings,
) -> anyhow::Result<Engine> {
    let ledger = PgLedger::open(pool, &node, options).await?;
    Engine::start(Arc::new(ledger), settings).await.context("the actors can't start")
}

async fn start_upkeep(pool: &RequestPool, engine: &Engine, mail: &Mail, cache: Cache) -> anyhow::Result<RunningUpkeep> {
    let (events, inventories) = (Arc::new(PgStore::new(pool.clone())), engine.inventories.clone());
    let upkeep = RunningUpkeep::start(events, inventories, mail.running.outbox.clone(), cache, UPKEEP_EVERY);
    upkeep.await.context("the upkeep of events can't start")
}

async fn bind(address: SocketAddr, settings: Settings) -> anyhow::Result<Server> {
    Server::bind(address, settings).await.with_context(|| format!("can't listen on {address}"))
}

async fn told(mut stopping: watch::Receiver<bool>) {
    // An error means that the server was dropped: stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Migrates, and fills a private database with the demo once.
async fn prepare(database: &Database, config: &Config, hasher: &Passwords) -> anyhow::Result<()> {
    let mut client = database.connect(config).await?;
    let applied = Migrator::embedded()?.up(&mut client).await?;
    tracing::info!(applied = applied.len(), "the schema is up to date");
    if database.is_private() && config.environment == Environment::Development && is_empty(&client).await? {
        let hash = hasher.hash(DEMO_PASSWORD).await?;
        let summary = seed::demo(&mut client, Timestamp::now(), &hash).await?;
        tracing::info!(events = summary.created.events, venues = summary.created.venues, "demo data loaded");
    }
    Ok(())
}

async fn is_empty(client: &Client) -> anyhow::Result<bool> {
    Ok(client.query_opt("SELECT 1 FROM accounts LIMIT 1", &[]).await?.is_none())
}

/// The hasher that the configuration describes. Makes one hash.
pub fn passwords(config: &Config) -> Result<Passwords, HashingError> {
    let auth = &config.auth;
    let cost = Cost { memory_kib: auth.argon2_memory_kib, passes: auth.argon2_passes, lanes: auth.argon2_lanes };
    Passwords::new(cost, auth.hash_concurrency)
}

fn ledger_options(config: &Config) -> anyhow::Result<LedgerOptions> {
    Ok(LedgerOptions {
        hold: SignedDuration::try_from(config.inventory.hold)?,
        payment: SignedDuration::try_from(config.inventory.payment)?,
        prepared_statements: config.database.prepared_statements,
    })
}

fn engine_settings(config: &Config) -> EngineSettings {
    EngineSettings {
        writers: config.database.ledger_writers,
        admission: AdmissionLimits {
            permits: u32::try_from(config.inventory.permits_per_event).unwrap_or(u32::MAX),
            stalled_after: config.inventory.stalled_after,
        },
        inventory: InventorySettings { batch_max: config.inventory.max_batch, idle_after: config.inventory.idle_after },
        ..EngineSettings::default()
    }
}

fn operations_settings() -> Settings {
    Settings { max_connections: OPERATIONS_CONNECTIONS_MAX, ..Settings::default() }
}

fn live_settings(config: &Config) -> LiveSettings {
    LiveSettings {
        streams_max: config.http.max_streams,
        window: config.http.stream_window,
        heartbeat: config.http.stream_heartbeat,
        ..LiveSettings::default()
    }
}

fn identity(config: &Config, database: &Database) -> Identity {
    Identity {
        version: env!("CARGO_PKG_VERSION"),
        environment: config.environment.as_str().to_owned(),
        node: config.node.name.clone(),
        database: database.describe(),
    }
}
