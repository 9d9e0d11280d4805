//! PostgreSQL and Redis.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;

use super::{
    Environment,
    declare::{hours, minutes, ms, s},
    sources::{Layers, Section},
};

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

settings! {
    /// PostgreSQL
    "database" DatabaseConfig(environment: Environment, request_timeout: Duration) {
        /// Secret, such as postgres://user:password@localhost:5432/boxoffice. Without it the server starts and owns a private PostgreSQL.
        url: Option<SecretString> = secret(Some("DATABASE_URL"), |url| postgres(url, "user"));
        /// Whether there may be no such URL; false in production unless it says so: a misspelt name must not sell from an empty database.
        allow_private: bool = flag(environment != Environment::Production);
        /// What a start does about the schema: auto applies what is pending, check refuses to start then, off looks at nothing. With the
        /// last two somebody has to run `boxoffice migrate up` first.
        migrate: Migrate = choice([("auto", Migrate::Auto), ("check", Migrate::Check), ("off", Migrate::Off)]);
        /// Secret. With which URL the schema is changed: a role that owns it, so that the server's own needs no right to. Without it, the
        /// one above.
        migrate_url: Option<SecretString> = secret(Some("DATABASE_MIGRATE_URL"), |url| postgres(url, "owner"));
        /// Connections, 90 at most without DATABASE_URL. The ledger has its own part: one a writer and four more, at most half. Too high:
        /// PostgreSQL spends its time switching between back ends, or refuses. Too low: requests queue for a connection while the
        /// database is idle.
        max_connections: usize = number(20, 2..=1000);
        /// Connections that are kept when idle. Too high: back ends for nothing. Too low: the first requests after a pause wait for new
        /// ones.
        min_idle: usize = number_within(5, 0..=1000, (max_connections, "max_connections"));
        /// For a connection to be made or to become free, then 503. Too high: requests pile up behind a dead database. Too low: a moment
        /// of load looks like an outage.
        connect_timeout: Duration =
            duration_within(s(2), ms(100)..=minutes(1), (request_timeout, "http.request_timeout"));
        /// For one statement. Too high: a bad query holds its locks. Too low: migrations and reports are cancelled.
        statement_timeout: Duration = duration(s(30), ms(100)..=hours(1));
        /// For one statement of a search or a list of the catalogue. Too high: a hundred searches for common words make everybody wait.
        /// Too low: searches fail in a moment of load.
        search_timeout: Duration =
            duration_within(s(5), ms(100)..=hours(1), (statement_timeout, "statement_timeout"));
        /// Folder of the private PostgreSQL and of generated secrets. Losing it loses every booking in it.
        data_dir: PathBuf = path("./data");
        /// Folder with initdb and postgres, when they are not in PATH or where distributions put them.
        bin_dir: Option<PathBuf> = optional_path();
        /// Connections that commit batches of bookings. Too high: smaller batches, more commits for the same bookings. Too low: one slow
        /// commit delays every event.
        ledger_writers: usize = number_within(2, 1..=64, (max_connections / 2, "half of max_connections"));
        /// Whether the ledger's statement is prepared once a connection, which saves a sixth of the database's work. false behind
        /// PgBouncer before 1.21 in transaction mode, where a named statement may not be there the next time.
        prepared_statements: bool = flag(true);
    }
}

settings! {
    /// Redis
    "redis" RedisConfig() {
        /// Secret, such as redis://localhost:6379/0. Without it cache and limits live in the process, and the server sells as well. All
        /// servers of an installation use the same one; several installations may share one.
        url: Option<SecretString> = secret(Some("REDIS_URL"), redis);
    }
}

/// Whether the database's settings fit each other.
pub(super) fn check(config: &DatabaseConfig, section: &mut Section<'_, '_>) {
    if config.migrate_url.is_some() && config.url.is_none() {
        section.fault_of("migrate_url", "is set without DATABASE_URL: the private PostgreSQL has one role");
    }
    if config.url.is_none() && config.max_connections > PRIVATE_CONNECTIONS_MAX {
        let problem =
            format!("is above {PRIVATE_CONNECTIONS_MAX}, what a private PostgreSQL has; give DATABASE_URL or fewer");
        section.fault_of("max_connections", problem);
    }
    if config.url.is_none() && !config.allow_private {
        section.fault_of_alias(
            "DATABASE_URL",
            "is required while database.allow_private is false, as it is in production; give \
             postgres://user:password@host:5432/name, or set BOXOFFICE__DATABASE__ALLOW_PRIVATE=true to sell from a \
             PostgreSQL of this server's own in its data folder",
        );
    }
}

fn postgres(url: &str, user: &str) -> Result<(), String> {
    scheme(url, &["postgres://", "postgresql://"], &format!("postgres://{user}:password@host:5432/name"))
}

fn redis(url: &str) -> Result<(), String> {
    let schemes = ["redis://", "rediss://", "redis-cluster://", "rediss-cluster://", "redis-sentinel://"];
    scheme(url, &schemes, "redis://user:password@host:6379/0")
}

/// Checks how a URL begins, without repeating it: it holds a password.
fn scheme(url: &str, allowed: &[&str], right: &str) -> Result<(), String> {
    let is_right = allowed.iter().any(|scheme| url.starts_with(scheme));
    if is_right { Ok(()) } else { Err(format!("is not right; give a URL such as {right}")) }
}
