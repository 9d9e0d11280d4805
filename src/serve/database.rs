//! Which database, and how it is reached.

use actors::{inventory::shared::LOADS_MAX, ledger::commit::APART_MAX};
use anyhow::Context;
use boxoffice_store::postgres::{
    address,
    connection::RequestPool,
    ledger::LedgerPools,
    migrate::Migrator,
    pool::{self, PoolError, PoolSettings},
};
use deadpool_postgres::Pool;
use embedded_postgres::{PrivatePostgres, PrivatePostgresSettings};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::oneshot, task::JoinHandle};
use tokio_postgres::{Client, NoTls};

use super::patience::while_away;
use crate::config::{Config, ConfigFault, Environment, Migrate};

/// The database that the configuration names, or the private one.
pub struct Database {
    url: SecretString,
    private: Option<Private>,
}

/// What is wrong with the address of the database, as a fault of the configuration.
pub fn address_fault(config: &Config) -> Option<ConfigFault> {
    let addresses = [("database.url", &config.database.url), ("database.migrate_url", &config.database.migrate_url)];
    addresses.into_iter().find_map(|(key, url)| {
        let fault = address::parse(url.as_ref()?).err()?;
        let origin = config.settings().iter().find(|setting| setting.key == key);
        let name = origin.map_or_else(|| key.to_owned(), |setting| setting.origin.clone());
        Some(ConfigFault { name, problem: fault.to_string() })
    })
}

/// The pools of a server.
pub struct Pools {
    /// Of the ledger. Use them on the engine's threads only, where their connections then live.
    pub ledger: LedgerPools,
    /// Of everything else.
    pub requests: RequestPool,
    /// One connection for the check of the database, which must not wait for requests.
    pub checks: RequestPool,
}

impl Pools {
    /// Closes them; anyone who waits for a connection is told.
    pub fn close(&self) {
        self.ledger.close();
        self.requests.plain().close();
        self.checks.plain().close();
    }
}

/// A private PostgreSQL that this process keeps running.
struct Private {
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<()>,
}

impl Database {
    /// For a server: starts the private PostgreSQL when none is configured, and keeps it running.
    pub async fn own(config: &Config) -> anyhow::Result<Self> {
        match &config.database.url {
            Some(url) => Ok(Self { url: url.clone(), private: None }),
            None => Self::start_private(config).await,
        }
    }

    /// Whether a command that changes nothing has a database to look at: one that is named, or a private one that was made before.
    pub fn is_there(config: &Config) -> bool {
        config.database.url.is_some() || PrivatePostgres::is_there(&config.database.data_dir)
    }

    /// For a command beside a server: uses the server's private PostgreSQL while it runs, and starts it otherwise.
    pub async fn borrow(config: &Config) -> anyhow::Result<Self> {
        match PrivatePostgres::url_of_running(&config.database.data_dir) {
            Some(url) if config.database.url.is_none() => Ok(Self { url: url.into(), private: None }),
            _ => Self::own(config).await,
        }
    }

    async fn start_private(config: &Config) -> anyhow::Result<Self> {
        let mut settings = PrivatePostgresSettings::new(&config.database.data_dir);
        settings.bin_dir.clone_from(&config.database.bin_dir);
        let postgres = PrivatePostgres::start(settings).await?;
        let url = postgres.url().to_owned().into();
        let (stop, stopping) = oneshot::channel();
        let stopped = tokio::spawn(postgres.keep_alive(async {
            // A sender that is dropped means the same.
            let _ = stopping.await;
        }));
        Ok(Self { url, private: Some(Private { stop, stopped }) })
    }

    /// Whether the keeper of the private PostgreSQL has ended, which should not be while the server runs.
    pub(super) fn is_abandoned(&self) -> bool {
        self.private.as_ref().is_some_and(|private| private.stopped.is_finished())
    }

    /// Whether this process owns it, so that nobody else relies on it.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// Whether the demo is at home in it: a developer's own.
    pub(super) fn is_demo(&self, config: &Config) -> bool {
        self.is_private() && config.environment == Environment::Development
    }

    /// Where it is, without credentials.
    pub fn describe(&self) -> String {
        if self.is_private() {
            return "private PostgreSQL".to_owned();
        }
        match self.url.expose_secret().parse::<tokio_postgres::Config>() {
            Ok(config) => {
                let host = config.get_hosts().first().map(|host| format!("{host:?}")).unwrap_or_default();
                format!("{host} {}", config.get_dbname().unwrap_or_default())
            }
            Err(_) => String::new(),
        }
    }

    /// A connection of its own; waits with back-off while the database is away.
    pub async fn connect(&self, config: &Config) -> anyhow::Result<Client> {
        connect(&self.url, config).await
    }

    /// The same for who changes the schema.
    pub async fn connect_as_owner(&self, config: &Config) -> anyhow::Result<Client> {
        connect(config.database.migrate_url.as_ref().unwrap_or(&self.url), config).await
    }

    /// Does about the schema what the configuration says a start does.
    pub async fn prepare_schema(&self, config: &Config) -> anyhow::Result<()> {
        let migrator = Migrator::embedded()?;
        match config.database.migrate {
            Migrate::Auto => {
                let applied = migrator.up(&mut self.connect_as_owner(config).await?).await?;
                tracing::info!(applied = applied.len(), "the schema is up to date");
            }
            Migrate::Check => migrator.check(&self.connect(config).await?).await?,
            Migrate::Off => tracing::info!("nobody has looked whether the schema is up to date"),
        }
        Ok(())
    }

    /// The connections, shared out: the ledger has its own, so that no storm of reads makes a commit wait for one, and half of all at
    /// most.
    pub fn pools(&self, config: &Config) -> anyhow::Result<Pools> {
        let all = config.database.max_connections;
        let (ledger, size) = self.ledger_pools(config, all / 2)?;
        Ok(Pools {
            ledger,
            requests: self.request_pool(config, all.saturating_sub(size).max(1))?,
            checks: self.request_pool(config, 1)?,
        })
    }

    /// The pools of the ledger and how many connections they have; see [`ledger_sizes`].
    fn ledger_pools(&self, config: &Config, most: usize) -> anyhow::Result<(LedgerPools, usize)> {
        let pool = |size| self.ledger_pool(config, size);
        let Some(sizes) = ledger_sizes(config.database.ledger_writers, most) else {
            let shared = most.max(1);
            return Ok((pool(shared)?.into(), shared));
        };
        let [commits, session, reads] = sizes;
        Ok((LedgerPools::apart(pool(commits)?, pool(session)?, pool(reads)?), sizes.iter().sum()))
    }

    /// A pool of at most so many connections as the ledger has them, for the programs that measure it.
    pub fn ledger_pool(&self, config: &Config, max_connections: usize) -> anyhow::Result<Pool> {
        Ok(pool::pool(&self.pool_settings(config, max_connections))?)
    }

    /// A pool of at most so many connections, for what is not the ledger.
    pub fn request_pool(&self, config: &Config, max_connections: usize) -> anyhow::Result<RequestPool> {
        let pool = pool::pool_of_requests(&self.pool_settings(config, max_connections))?;
        Ok(pool.with_search_timeout(config.database.search_timeout))
    }

    fn pool_settings(&self, config: &Config, max_connections: usize) -> PoolSettings {
        PoolSettings {
            url: self.url.clone(),
            max_connections,
            connect_timeout: config.database.connect_timeout,
            statement_timeout: config.database.statement_timeout,
        }
    }

    /// Stops the private PostgreSQL, if it is this process's.
    pub async fn release(self) {
        if let Some(Private { stop, stopped }) = self.private {
            let _ = stop.send(());
            // It ends by itself or has ended; a panic in it was logged.
            let _ = stopped.await;
        }
    }
}

async fn connect(url: &SecretString, config: &Config) -> anyhow::Result<Client> {
    let mut to = address::parse(url).map_err(PoolError::from)?;
    to.connect_timeout(config.database.connect_timeout);
    let to = &to;
    while_away("connect", || async move {
        let (client, connection) = to.connect(NoTls).await.context("the database refuses the connection")?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "a database connection ended");
            }
        });
        Ok(client)
    })
    .await
}

/// The sizes of the ledger's pools: as many connections as ever ask at once, so that nobody waits for one.
///
/// - commits: each writer, which also looks at keys and locks with it, for it does one thing at a time; the batches that wait for locks of
///   somebody else; and the look-up of keys.
/// - the session: its renewal.
/// - reads: loads, the sampler, the look at where something will expire, and the check of the server's health.
///
/// `None` when `most` are too few for that: then all share one pool.
fn ledger_sizes(writers: usize, most: usize) -> Option<[usize; 3]> {
    const PROBE: usize = 1;
    const SESSION: usize = 1;
    const LOOKS: usize = 3;
    let sizes = [writers + APART_MAX + PROBE, SESSION, LOADS_MAX + LOOKS];
    (sizes.iter().sum::<usize>() <= most).then_some(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By default each purpose has its own connections: 20 in all, of which the ledger has half, and two writers.
    #[test]
    fn the_default_is_enough_for_a_pool_for_each_purpose() {
        assert_eq!(ledger_sizes(2, 20 / 2), Some([4, 1, 5]));
        assert_eq!(ledger_sizes(3, 10), None);
    }
}
