//! Connection pools of PostgreSQL.

use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Pool, PoolConfig, QueueMode, RecyclingMethod, Runtime, Status, Timeouts,
};
use metrics::{Gauge, gauge};
use secrecy::SecretString;
use tokio_postgres::NoTls;

use super::{
    address::{self, AddressFault},
    connection::RequestPool,
    ledger::LedgerPools,
};

/// How the pool connects.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// `postgres://` URL or key=value string.
    pub url: SecretString,
    /// Most connections. Too low makes requests wait for each other, too high starves the database of memory.
    pub max_connections: usize,
    /// Time for a connection to be made, or to come free.
    pub connect_timeout: Duration,
    /// Time after which the database ends a statement.
    pub statement_timeout: Duration,
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The URL can't lead to a connection.
    #[error("DATABASE_URL {0}")]
    Url(#[from] AddressFault),
    /// The settings contradict each other.
    #[error(transparent)]
    Build(#[from] deadpool_postgres::BuildError),
}

/// What a program that sells things relies on, whatever the database's own settings are. An acknowledged commit is on the disk; and a
/// statement that has waited for a lock sees what was committed meanwhile. A database that waits for its standbys as well
/// (`remote_apply`) goes on doing so.
const CAREFUL: &str = "SET default_transaction_isolation = 'read committed'; \
    SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";
/// Generic plans: the statements of the ledger's function look the same for every group, and planning them again cost as much as
/// running them.
const LEDGER_PLANS: &str = "SET plan_cache_mode = force_generic_plan";
/// What lists ask for differs from one request to the next, and so does the best way to it: a word that half of the events have, or
/// one. So the planner sees the values. Its tables are in memory, nearly always, where a page is as near as the next one; and no
/// page of a list is worth compiling a plan for, which it would for what looks expensive and stops early.
const REQUEST_PLANS: &str = "SET plan_cache_mode = force_custom_plan; SET random_page_cost = 1.1; SET jit = off";

/// A pool by these settings, for the ledger. Connects lazily: the database may be away.
pub fn pool(settings: &PoolSettings) -> Result<Pool, PoolError> {
    build(settings, LEDGER_PLANS)
}

/// A pool by these settings, for all that is not the ledger.
pub fn pool_of_requests(settings: &PoolSettings) -> Result<RequestPool, PoolError> {
    Ok(RequestPool::new(build(settings, REQUEST_PLANS)?, settings.statement_timeout))
}

fn build(settings: &PoolSettings, plans: &str) -> Result<Pool, PoolError> {
    let mut config = address::parse(&settings.url)?;
    config.connect_timeout(settings.connect_timeout);
    // Fast recycling notices a closed connection without a round trip; one that dies later is an error of its statement.
    let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    // Set once a connection, not as a start-up option, which PgBouncer would refuse.
    let set = format!(
        "SET statement_timeout = {}; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s'; \
         {CAREFUL}; {plans}",
        settings.statement_timeout.as_millis()
    );
    let timeouts = Timeouts {
        wait: Some(settings.connect_timeout),
        create: Some(settings.connect_timeout),
        recycle: Some(settings.connect_timeout),
    };
    // Last in, first out: few connections stay hot, with the plans of the ledger's function in their caches, and the others
    // become idle and are closed.
    let config = PoolConfig { max_size: settings.max_connections, timeouts, queue_mode: QueueMode::Lifo };
    Ok(Pool::builder(manager)
        .config(config)
        .runtime(Runtime::Tokio1)
        .post_create(Hook::async_fn(move |client, _| {
            let set = set.clone();
            Box::pin(async move { client.batch_execute(&set).await.map_err(HookError::Backend) })
        }))
        .build()?)
}

/// How long a connection above the minimum may be idle.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How often idle connections are looked for and the pool's figures are taken.
const TEND_EVERY: Duration = Duration::from_secs(10);
/// The figures are logged once in so many rounds: each minute.
const ROUNDS_A_LOG_LINE: u32 = 6;

/// The gauges of one purpose's connections: of all together, a pool that is used up would look like one that is not.
struct Figures {
    size: Gauge,
    available: Gauge,
    waiting: Gauge,
}

impl Figures {
    fn of(pool: &'static str, limit: usize) -> Self {
        gauge!("boxoffice_pool_connections_limit", "pool" => pool).set(limit as f64);
        Self {
            size: gauge!("boxoffice_pool_connections", "pool" => pool),
            available: gauge!("boxoffice_pool_idle_connections", "pool" => pool),
            waiting: gauge!("boxoffice_pool_waiting", "pool" => pool),
        }
    }

    fn publish(&self, status: &Status) {
        self.size.set(status.size as f64);
        self.available.set(status.available as f64);
        self.waiting.set(status.waiting as f64);
    }
}

/// Closes idle connections of `pool` above `min_idle`, opens missing ones, and publishes the figures of it and of the
/// `ledger`'s pools, for ever; says `done` each time. The ledger's few connections are left open.
pub async fn tend(pool: Pool, min_idle: usize, ledger: LedgerPools, done: impl Fn()) {
    let (requests_max, ledger_max) = (pool.status().max_size, status(&ledger).max_size);
    let (of_requests, of_ledger) = (Figures::of("requests", requests_max), Figures::of("ledger", ledger_max));
    let limit = requests_max + ledger_max;
    let mut interval = tokio::time::interval(TEND_EVERY);
    for round in 0u32.. {
        interval.tick().await;
        let mut spare = pool.status().size.saturating_sub(min_idle);
        pool.retain(|_, connection| {
            let close = spare > 0 && connection.last_used() > IDLE_MAX;
            spare -= usize::from(close);
            !close
        });
        warm(&pool, min_idle).await;
        let (one, other) = (pool.status(), status(&ledger));
        of_requests.publish(&one);
        of_ledger.publish(&other);
        done();
        if round % ROUNDS_A_LOG_LINE == 0 {
            let (connections, idle) = (one.size + other.size, one.available + other.available);
            let waiting = one.waiting + other.waiting;
            tracing::info!(connections, idle, waiting, limit, "connection pool");
        }
    }
}

/// The figures of the ledger's pools together, each counted once.
fn status(ledger: &LedgerPools) -> Status {
    let mut sum = Status { max_size: 0, size: 0, available: 0, waiting: 0 };
    for pool in ledger.distinct() {
        let one = pool.status();
        sum.max_size += one.max_size;
        sum.size += one.size;
        sum.available += one.available;
        sum.waiting += one.waiting;
    }
    sum
}

/// Opens connections until there are `min_idle`; stops at the first that can't be had.
async fn warm(pool: &Pool, min_idle: usize) {
    let mut opened = Vec::new();
    while pool.status().size < min_idle.min(pool.status().max_size) {
        // Held until the end, so that the next one is a new one.
        match pool.get().await {
            Ok(connection) => opened.push(connection),
            Err(_) => break,
        }
    }
}
