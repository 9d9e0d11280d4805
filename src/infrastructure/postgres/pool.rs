//! Connections to PostgreSQL (D4).

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::NoTls;

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
    /// The URL can't be understood. The text never holds the URL: it has a password.
    #[error("DATABASE_URL is not a PostgreSQL connection string: {0}")]
    Url(tokio_postgres::Error),
    /// The settings contradict each other.
    #[error(transparent)]
    Build(#[from] deadpool_postgres::BuildError),
}

/// A pool by these settings. Connects lazily: the database may be away.
pub fn pool(settings: &PoolSettings) -> Result<Pool, PoolError> {
    let mut config: tokio_postgres::Config = settings.url.expose_secret().parse().map_err(PoolError::Url)?;
    config
        .application_name("boxoffice")
        .connect_timeout(settings.connect_timeout)
        .keepalives_idle(Duration::from_secs(10))
        .tcp_user_timeout(Duration::from_secs(10));
    // Fast recycling notices a closed connection without a round trip; one that dies later is an error of its statement.
    let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    // Set once a connection, not as a start-up option, which PgBouncer would refuse.
    let set = format!(
        "SET statement_timeout = {}; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s'",
        settings.statement_timeout.as_millis()
    );
    Ok(Pool::builder(manager)
        .max_size(settings.max_connections)
        .runtime(Runtime::Tokio1)
        .create_timeout(Some(settings.connect_timeout))
        .wait_timeout(Some(settings.connect_timeout))
        .recycle_timeout(Some(settings.connect_timeout))
        .post_create(Hook::async_fn(move |client, _| {
            let set = set.clone();
            Box::pin(async move { client.batch_execute(&set).await.map_err(HookError::Backend) })
        }))
        .build()?)
}
