//! PostgreSQL and Redis.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use secrecy::SecretString;

use super::{Environment, sources::Section};

/// Connections of a private PostgreSQL that a server may take; it has 100, and commands beside the server need some.
const PRIVATE_CONNECTIONS_MAX: usize = 90;

/// What a server does about the schema when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrate {
    /// Applies what is pending.
    Auto,
    /// Looks whether nothing is, and does not start otherwise.
    Check,
    /// Nothing: the deployment sees to it.
    Off,
}

impl fmt::Display for Migrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Check => "check",
            Self::Off => "off",
        })
    }
}

impl FromStr for Migrate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Auto, Self::Check, Self::Off].into_iter().find(|migrate| migrate.to_string() == text).ok_or(())
    }
}

/// PostgreSQL.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host:5432/name`. Without it the server starts and owns a private PostgreSQL.
    pub url: Option<SecretString>,
    /// What a start does about the schema. Auto: the first new server of a roll-out changes it. Check, off: somebody has to run
    /// `boxoffice migrate up` first.
    pub migrate: Migrate,
    /// With which URL the schema is changed: a role that owns it, so that the server's own needs no right to. Without it, `url`.
    pub migrate_url: Option<SecretString>,
    /// Connections, of which the ledger has its own part: one a writer and four more, at most half. Too high: PostgreSQL spends its time switching between back ends, or refuses. Too low:
    /// requests queue for a connection while the database is idle.
    pub max_connections: usize,
    /// Connections that are kept when idle. Too high: back ends for nothing. Too low: the first requests after a pause
    /// wait for new ones.
    pub min_idle: usize,
    /// For a connection to be made or to become free, then 503. Too high: requests pile up behind a dead database. Too
    /// low: a moment of load looks like an outage.
    pub connect_timeout: Duration,
    /// For one statement. Too high: a bad query holds its locks. Too low: migrations and reports are cancelled.
    pub statement_timeout: Duration,
    /// For one statement of a search or a list, beside the limit above. Too high: a hundred searches for common words make everybody
    /// wait. Too low: searches fail in a moment of load.
    pub search_timeout: Duration,
    /// Whether there may be no `url`. False in production unless it says so: a misspelt name must not sell from an empty database.
    pub allow_private: bool,
    /// Folder of the private PostgreSQL and of generated secrets. Losing it loses every booking in it.
    pub data_dir: PathBuf,
    /// Folder with `initdb` and `postgres`, when they are not in PATH or where distributions put them.
    pub bin_dir: Option<PathBuf>,
    /// Connections that commit batches of bookings. Too high: smaller batches, more commits for the same bookings. Too
    /// low: one slow commit delays every event.
    pub ledger_writers: usize,
    /// Whether the ledger's statement is prepared once a connection, which saves a sixth of the database's work. Off
    /// behind PgBouncer before 1.21 in transaction mode, where a named statement may not be there the next time.
    pub prepared_statements: bool,
}

impl DatabaseConfig {
    pub(super) fn read(section: &mut Section<'_, '_>, environment: Environment, request_timeout: Duration) -> Self {
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        let url = section.secret("url", Some("DATABASE_URL"), |url| {
            scheme(url, &["postgres://", "postgresql://"], "postgres://user:password@host:5432/name")
        });
        let migrate_url = section.secret("migrate_url", Some("DATABASE_MIGRATE_URL"), |url| {
            scheme(url, &["postgres://", "postgresql://"], "postgres://owner:password@host:5432/name")
        });
        if migrate_url.is_some() && url.is_none() {
            section.fault_of("migrate_url", "is set without DATABASE_URL: the private PostgreSQL has one role");
        }
        let max_connections = section.number("max_connections", 20, 2..=1000);
        if url.is_none() && max_connections > PRIVATE_CONNECTIONS_MAX {
            let problem = format!(
                "is above {PRIVATE_CONNECTIONS_MAX}, what a private PostgreSQL has; give DATABASE_URL or fewer"
            );
            section.fault_of("max_connections", problem);
        }
        let statement_timeout = section.duration("statement_timeout", s(30), ms(100)..=s(3600));
        Self {
            url,
            migrate: section.value("migrate", Migrate::Auto, "auto, check or off"),
            migrate_url,
            max_connections,
            allow_private: section.value("allow_private", environment != Environment::Production, "true or false"),
            min_idle: section.number_within("min_idle", 5, 0..=1000, (max_connections, "max_connections")),
            connect_timeout: section.duration_within(
                "connect_timeout",
                s(2),
                ms(100)..=s(60),
                (request_timeout, "http.request_timeout"),
            ),
            statement_timeout,
            search_timeout: section.duration_within(
                "search_timeout",
                s(5),
                ms(100)..=s(3600),
                (statement_timeout, "statement_timeout"),
            ),
            data_dir: section.path("data_dir", "./data"),
            bin_dir: section.optional("bin_dir").map(PathBuf::from),
            ledger_writers: section.number_within(
                "ledger_writers",
                2,
                1..=64,
                (max_connections / 2, "half of max_connections"),
            ),
            prepared_statements: section.value("prepared_statements", true, "true or false"),
        }
    }
}

/// Redis: cache, limits and messages between nodes; the server sells without it.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[user:password@]host:6379/0`. Without it cache and limits live in the process.
    pub url: Option<SecretString>,
}

impl RedisConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let schemes = ["redis://", "rediss://", "redis-cluster://", "rediss-cluster://", "redis-sentinel://"];
        let url =
            section.secret("url", Some("REDIS_URL"), |url| scheme(url, &schemes, "redis://user:password@host:6379/0"));
        Self { url }
    }
}

/// Checks how a URL begins, without repeating it: it holds a password.
fn scheme(url: &str, allowed: &[&str], right: &str) -> Result<(), String> {
    if allowed.iter().any(|scheme| url.starts_with(scheme)) {
        Ok(())
    } else {
        Err(format!("is not right; give a URL such as {right}"))
    }
}
