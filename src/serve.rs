//! The composition root: addresses → database → actors → HTTP → drain.

mod accounts;
mod banner;
mod begun;
mod breakers;
mod cache;
mod checks;
pub mod database;
pub mod demo;
mod descriptors;
mod ending;
mod engine;
mod engine_runtime;
mod exit;
mod jobs;
mod limits;
mod listeners;
mod mail;
mod patience;
mod payments;
mod preparation;
mod routers;
mod running;
mod suitability;
mod upkeep;

use std::process::ExitCode;

use actors::{restart::RestartPolicy, tasks::Tasks};
use anyhow::Context;
use application::app::HashingError;
use boxoffice_api::operations::{Health, Identity};
use boxoffice_auth::{passwords::Passwords, tokens::Keys};
use telemetry::metrics;
use tokio::time::Instant;

use self::{
    begun::Begun,
    cache::SharedRedis,
    database::Database,
    ending::Signals,
    engine::Session,
    listeners::Listeners,
    mail::{Mail, MailSender},
    patience::while_away,
    payments::Gateway,
    routers::{Parts, Routers},
};
pub use self::{
    ending::{Ending, Stopped},
    exit::exit_code,
    listeners::CannotListen,
    running::Running,
};
use crate::config::Config;
pub use boxoffice_api::routes::api_document;

/// `boxoffice serve`: runs until a signal says stop.
pub async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    descriptors::raise_limit(&config, &listeners::operations_settings(&config.ops));
    let mut signals = Signals::listen()?;
    let (mut begun, whole) = (Begun::default(), config.http.shutdown_timeout);
    let started = tokio::select! {
        started = Box::pin(start_within(config, &mut begun)) => Some(started),
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
            return Ok(exit::told(begun.take_down(Instant::now() + whole, signals.next()).await));
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
    Ok(exit::after(ending, stopped))
}

/// Starts everything, and returns once it serves.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    let (mut begun, whole) = (Begun::default(), config.http.shutdown_timeout);
    // A start is large and happens once.
    let started = Box::pin(start_within(config, &mut begun)).await;
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
    let metrics = metrics::install().context("metrics can't be set up")?;
    let mut background = Tasks::default();
    upkeep::keep_metrics(&metrics, &mut background);

    let hasher = passwords(&config)?;
    let keys = Keys::from_settings(&config.auth.keys, &config.database.data_dir)?;
    let sender = MailSender::new(&config)?;
    cache::check(&config)?;
    let database = begun.database.insert(Database::own(&config).await?);
    let installation = while_away("migrate", || preparation::prepare(database, &config, &hasher)).await?;
    let redis = SharedRedis::new(&config, installation)?;
    let shared_cache = redis.cache();
    let counts = limits::shared_counts(&config, installation, &mut background)?;

    let pools = database.pools(&config)?;
    let pool = &pools.requests;
    upkeep::tend_pools(&pools, config.database.min_idle, &mut background);
    let opened = begun.opening.insert(Session::begin(&config, pools.ledger.clone())?).opened().await;
    begun.opening = None;
    let session = begun.session.insert(opened?);
    let engine = begun.engine.insert(session.start_engine(engine::settings(&config)).await?);

    let revocations = accounts::revocations(pool, &mut background).await?;
    let breakers = breakers::start(&config, installation, &redis, counts.as_ref(), &mut background).await?;
    let breakers = &begun.breakers.insert(breakers).breakers;
    let mail = begun.mail.insert(Mail::start(&config, sender, pool.clone(), breakers).await?);
    let cache = begun.cache.insert(cache::start(&config, redis, pool, &mut background).await?);
    let upkeep = upkeep::start(pool, engine.inventories.clone(), mail, cache.cache.clone()).await?;
    let upkeep = begun.upkeep.insert(upkeep);
    let gateway = begun.gateway.insert(Gateway::start(&config, pool, listeners.address).await?);
    upkeep::watch_payments(pool, config.payments.stuck_after, &mut background);
    let checks = checks::all(&pools, &session.handle()?, engine.pulse.clone(), counts.clone(), shared_cache);
    let health = Health::new(identity(&config, database), checks, breakers.clone());

    let guide = banner::greet(&config, database, mail, &listeners, pool, &hasher).await?;
    let (config, health) = (&config, &health);
    let routers = Routers::build(Parts {
        config,
        pool,
        engine,
        mail,
        cache,
        breakers,
        upkeep,
        payments: &gateway.payments,
        health,
        hasher,
        keys,
        revocations,
        counts,
        metrics,
        guide,
    })?;
    begun.jobs = Some(jobs::start(&config.jobs.settings(), &routers.app, pool, &mut background).await?);
    begun.tasks = Some(background.start(RestartPolicy::default()).await.context("the tasks can't start")?);
    begun.serve(config, listeners, routers, health.clone(), pools)
}

/// The hasher that the configuration describes. Makes one hash.
pub fn passwords(config: &Config) -> Result<Passwords, HashingError> {
    Passwords::new(config.auth.cost, config.auth.hash_concurrency)
}

fn identity(config: &Config, database: &Database) -> Identity {
    Identity {
        version: env!("CARGO_PKG_VERSION"),
        environment: config.environment.as_str().to_owned(),
        node: config.node.name.clone(),
        database: database.describe(),
    }
}
