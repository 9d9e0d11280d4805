//! The composition root: addresses → database → actors → HTTP → drain.

mod accounts;
mod banner;
mod begun;
mod cache;
mod checks;
pub mod database;
pub mod demo;
mod descriptors;
mod durability;
mod ending;
mod engine;
mod engine_runtime;
mod letters;
mod limits;
mod listeners;
mod mail;
mod patience;
mod seeded;

use std::{process::ExitCode, sync::Arc, time::Duration};

use actors::{
    cache::Cache,
    inventories::Inventories,
    live::{Live, LiveSettings},
    restart::RestartPolicy,
    tasks::Tasks,
    upkeep::RunningUpkeep,
};
use anyhow::Context;
use application::{
    app::{App, HashingError},
    background::Background,
    booked_events::BookedEvents,
    pictures::SharedPictures,
    seat_maps::SharedSeatMaps,
    site::SiteSettings,
    verification::VerifiedAccounts,
};
use boxoffice_api::{
    mails::mail_routes,
    operations::{self, Health, Identity},
    routes::{self, api_routes},
};
use boxoffice_auth::{
    passwords::{Cost, Passwords},
    tokens::{Keys, TokenSigner, TokenVerifier},
};
use boxoffice_http::router::Router;
use boxoffice_store::{
    postgres::{connection::RequestPool, installation, pool, store::PgStore, usage},
    rate_limits::Limiter,
};
use telemetry::metrics;
use tokio::{sync::watch, time::Instant};
use tokio_postgres::Client;
use uuid::Uuid;

use self::{
    begun::Begun,
    cache::SharedRedis,
    database::{Database, Pools},
    durability::NotDurable,
    ending::{EndingTimes, Signals},
    engine::Session,
    listeners::Listeners,
    mail::{Mail, MailSender},
    patience::while_away,
    seeded::HasSeededAccounts,
};
pub use self::{
    ending::{Ending, Running, Stopped},
    listeners::CannotListen,
};
use crate::config::{Config, Environment};

/// Exit code of a server whose session was ended by another one (`EX_TEMPFAIL`): start it again.
const EXIT_FENCED: u8 = 75;
/// How often is looked for events that are to be published, and for bookings of cancelled ones, without a hint.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);
/// Exit code of a server whose address is taken (`EX_UNAVAILABLE`). Nothing has been touched.
const EXIT_ADDRESS_TAKEN: u8 = 69;
/// Exit code of a server that was told to stop and has cut connections or left work undone (`EX_IOERR`).
const EXIT_CUT: u8 = 74;

/// Exit code of a server that may not run on such a database: that of a configuration that is wrong.
const EXIT_MISCONFIGURED: u8 = 64;

/// The OpenAPI document of this installation.
pub fn api_document() -> serde_json::Value {
    routes::api_document()
}

/// `boxoffice serve`: runs until a signal says stop.
pub async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    descriptors::raise_limit(&config, &listeners::operations_settings(&config.ops));
    let mut signals = Signals::listen()?;
    let (mut begun, whole) = (Begun::default(), config.http.shutdown_timeout);
    let started = tokio::select! {
        started = start_within(config, &mut begun) => Some(started),
        () = signals.next() => None,
    };
    let mut running = match started {
        Some(Ok(running)) => running,
        Some(Err(error)) => {
            begun.take_down(Instant::now() + whole, signals.next()).await;
            return Err(error);
        }
        None => {
            tracing::info!("stopping before the start is over");
            let is_whole = begun.take_down(Instant::now() + whole, signals.next()).await;
            return Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(EXIT_CUT) });
        }
    };
    let ending = running.wait(signals.next()).await;
    tracing::info!(?ending, "stopping");
    let stopped = match ending {
        Ending::Signal => running.stop_unless_hurried(signals.next()).await,
        // It can't sell any more: to go on answering helps nobody.
        Ending::Fenced | Ending::EngineDied | Ending::PartDied => {
            running.stop_at_once_unless_hurried(signals.next()).await
        }
    };
    Ok(match ending {
        Ending::Signal if stopped.is_cut => ExitCode::from(EXIT_CUT),
        Ending::Signal => ExitCode::SUCCESS,
        Ending::Fenced => ExitCode::from(EXIT_FENCED),
        Ending::EngineDied | Ending::PartDied => ExitCode::FAILURE,
    })
}

/// The exit code for a server that could not start.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<CannotListen>() {
        ExitCode::from(EXIT_ADDRESS_TAKEN)
    } else if error.is::<NotDurable>() || error.is::<HasSeededAccounts>() {
        ExitCode::from(EXIT_MISCONFIGURED)
    } else {
        ExitCode::FAILURE
    }
}

/// Starts everything, and returns once it serves.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    let (mut begun, whole) = (Begun::default(), config.http.shutdown_timeout);
    let started = start_within(config, &mut begun).await;
    if started.is_err() {
        begun.take_down(Instant::now() + whole, std::future::pending()).await;
    }
    started
}

/// Starts everything. What has to be taken down in order is in `begun` until it is over, so that this may be dropped.
///
/// All that can be wrong with this server alone is found out before its session is opened: that ends the session of the server that
/// runs under the same name.
async fn start_within(config: Config, begun: &mut Begun) -> anyhow::Result<Running> {
    let listeners = Listeners::bind(&config).await?;
    let (address, operations_address) = (listeners.api.local_addr()?, listeners.operations.local_addr()?);
    let metrics = metrics::install().context("metrics can't be set up")?;
    let mut background = Tasks::default();
    keep_metrics(&metrics, &mut background);

    let hasher = passwords(&config)?;
    let keys = Keys::from_settings(&config.auth.keys, &config.database.data_dir)?;
    let sender = MailSender::new(&config)?;
    cache::check(&config)?;
    let database = begun.database.insert(Database::own(&config).await?);
    let installation = while_away("migrate", || prepare(database, &config, &hasher)).await?;
    let redis = SharedRedis::new(&config, installation)?;
    let shared_cache = redis.cache();
    let shared_counts = limits::shared_counts(&config, installation, &mut background)?;

    let pools = database.pools(&config)?;
    let pool = pools.requests.clone();
    tend_pools(&pools, config.database.min_idle, &mut background);
    let opened = begun.opening.insert(Session::begin(&config, pools.ledger.clone())?).opened().await;
    begun.opening = None;
    let session = begun.session.insert(opened?);
    let engine = begun.engine.insert(session.start_engine(engine::settings(&config)).await?);
    let inventories = engine.inventories.clone();

    let revocations = accounts::revocations(&pool, &mut background).await?;
    let mail = begun.mail.insert(Mail::start(&config, sender, pool.clone()).await?);
    let cache = begun.cache.insert(cache::start(&config, redis, &pool, &mut background).await?);
    let upkeep = begun.upkeep.insert(start_upkeep(&pool, inventories.clone(), mail, cache.cache.clone()).await?);
    let health = Health::new(
        identity(&config, database),
        checks::all(&pools, &session.handle()?, engine.pulse.clone(), shared_counts.clone(), shared_cache),
    );

    let store = PgStore::new(pool.clone());
    let mails_token = mail.kept.as_ref().map(|kept| kept.token.clone());
    let is_demo = database.is_private() && config.environment == Environment::Development;
    banner::mails(operations_address, mails_token.as_ref(), is_demo);
    if is_demo {
        let password = demo::told_password(&pool.get().await?, &config, &hasher).await?;
        banner::print(&store, address, operations_address, password.as_deref()).await;
    }
    let guide = banner::guide(&config, database.is_private(), mail.kept.is_some().then_some(operations_address));
    let live = Live::new(live_settings(&config));
    let after_answers = Background::default();
    let limiter = Arc::new(Limiter::new((&config.rate_limit).into(), shared_counts));
    let app = App {
        pictures: SharedPictures::default(),
        seat_maps: SharedSeatMaps::default(),
        verified: VerifiedAccounts::default(),
        names: BookedEvents::default(),
        site: SiteSettings::default(),
        store: Arc::new(store),
        hasher: Arc::new(hasher),
        issuer: Arc::new(TokenSigner::new(keys.signing, &*config.auth.issuer, revocations.clone())),
        limits: limiter.clone(),
        inventories: inventories.clone(),
        live: live.clone(),
        outbox: mail.running.outbox.clone(),
        cache: cache.cache.clone(),
        background: after_answers.clone(),
        auth: accounts::rules(&config.auth),
        upkeep: upkeep.upkeep.clone(),
        command_deadline: config.inventory.request_deadline,
        guide,
    };
    let verifier = Arc::new(TokenVerifier::new(keys.accepted, &config.auth.issuer, revocations));
    let router = api_router(app, &health, verifier.clone(), (!config.http.bare).then_some(limiter))?;
    let ops_routes = operations::operations_routes(&health, metrics).into_iter();
    let ops_routes = ops_routes.chain(mail_routes(mail.kept.as_ref(), &mail.queue));
    let ops_router = Arc::new(Router::build(Arc::new(()), verifier, ops_routes)?);

    begun.tasks = Some(background.start(RestartPolicy::default()).await.context("the tasks can't start")?);
    let Begun {
        database: Some(database),
        session: Some(session),
        engine: Some(engine),
        mail: Some(mail),
        cache: Some(cache),
        upkeep: Some(upkeep),
        tasks: Some(tasks),
        opening: _,
    } = std::mem::take(begun)
    else {
        anyhow::bail!("the start has lost what it began");
    };
    let (stop, stopping) = watch::channel(false);
    let api = tokio::spawn(listeners.api.serve(router, told(stopping)));
    // Serves to the very end, so that operators can watch a shutdown.
    let operations = tokio::spawn(listeners.operations.serve(ops_router, std::future::pending()));
    tracing::info!(%address, operations = %operations_address, "ready");
    Ok(Running {
        address,
        operations_address,
        inventories,
        outbox: mail.running.outbox.clone(),
        mails_token,
        live,
        health,
        stop,
        api,
        operations,
        engine,
        session,
        mail: mail.running,
        cache,
        after_answers,
        upkeep,
        tasks,
        pools,
        database,
        ending: EndingTimes { lame_duck: config.http.lame_duck, whole: config.http.shutdown_timeout },
    })
}

type ApiRouter = Arc<Router<App>>;

fn api_router(
    app: App,
    health: &Arc<Health>,
    verifier: Arc<TokenVerifier>,
    limiter: Option<Arc<Limiter>>,
) -> anyhow::Result<ApiRouter> {
    let routes = api_routes().into_iter().chain(operations::health_routes(health));
    let router = Router::build(Arc::new(app), verifier, routes)?;
    Ok(Arc::new(match limiter {
        Some(limiter) => router.limited(limiter),
        None => router,
    }))
}

fn keep_metrics(metrics: &metrics::Metrics, background: &mut Tasks) {
    let metrics = metrics.clone();
    background.add("metrics", move |life| {
        let metrics = metrics.clone();
        async move { metrics.keep_up(move || life.give()).await }
    });
}

fn tend_pools(pools: &Pools, min_idle: usize, background: &mut Tasks) {
    let (pool, ledger) = (pools.requests.plain().clone(), pools.ledger.clone());
    background.add("pool", move |life| pool::tend(pool.clone(), min_idle, ledger.clone(), move || life.give()));
    let pool = pools.requests.clone();
    background.add("usage", move |life| usage::watch(pool.clone(), move || life.give()));
}

async fn start_upkeep(
    pool: &RequestPool,
    inventories: Inventories,
    mail: &Mail,
    cache: Cache,
) -> anyhow::Result<RunningUpkeep> {
    let events = Arc::new(PgStore::new(pool.clone()));
    let upkeep = RunningUpkeep::start(events, inventories, mail.running.outbox.clone(), cache, UPKEEP_EVERY);
    upkeep.await.context("the upkeep of events can't start")
}

async fn told(mut stopping: watch::Receiver<bool>) {
    // An error means that the server was dropped: stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Migrates, and fills a private database with the demo once, if only this machine reaches it. Says which installation it is of.
async fn prepare(database: &Database, config: &Config, hasher: &Passwords) -> anyhow::Result<Uuid> {
    let mut client = database.connect(config).await?;
    durability::check(&client, config.environment).await?;
    letters::check(&client).await?;
    database.prepare_schema(config).await?;
    seeded::check(&client, config.environment).await?;
    if database.is_private() && config.environment == Environment::Development && is_empty(&client).await? {
        fill(&mut client, config, hasher).await?;
    }
    Ok(installation::id(&client).await?)
}

/// Loads the demo.
async fn fill(client: &mut Client, config: &Config, hasher: &Passwords) -> anyhow::Result<()> {
    // Anyone who can reach the server would find an administrator's account that its owner may not know of.
    if !config.http.listen.ip().to_canonical().is_loopback() {
        tracing::info!(listen = %config.http.listen, "no demo: others reach this server; `boxoffice seed` loads it");
        return Ok(());
    }
    let (summary, _) = demo::load(client, config, hasher).await?;
    tracing::info!(events = summary.created.events, venues = summary.created.venues, "demo data loaded");
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

fn live_settings(config: &Config) -> LiveSettings {
    LiveSettings {
        streams_max: config.http.max_streams,
        streams_per_network: config.http.streams_per_network,
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
