//! The limit of file descriptors: every connection is one.

use boxoffice_http::server::Settings;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::Config;

/// Files, sockets and pipes of the process itself: the log, the runtime, a private PostgreSQL's pipes. About 30, so this is
/// generous.
const OTHERS: u64 = 128;

/// Raises the soft limit to the hard one, and says so when that is less than the configured connections need. The soft limit
/// is low (1,024) for the sake of old programs that can't count higher; this one can.
pub(super) fn raise_limit(config: &Config, operations: &Settings) {
    let needed = needed(config, operations);
    let limit = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok(hard)
    });
    match limit {
        Ok(limit) if limit < needed => tracing::warn!(
            limit,
            needed,
            maxConnections = config.http.server.max_connections,
            "the limit of file descriptors is too low for the configured connections: before they are reached new ones \
             will wait, and the database's will fail. Raise the hard limit (LimitNOFILE, ulimits, ulimit -Hn) or lower \
             BOXOFFICE__HTTP__MAX_CONNECTIONS"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, needed, "the limit of file descriptors can't be raised"),
    }
}

/// Descriptors that are open when everything is at its limit.
fn needed(config: &Config, operations: &Settings) -> u64 {
    let clients = config.http.server.descriptors() + operations.descriptors();
    (clients + config.database.max_connections) as u64 + OTHERS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Sources, serve::listeners::operations_settings};

    /// What the configuration of a server that nobody has configured may need, where a hard limit of 20,000 is usual.
    #[test]
    fn the_defaults_need_fewer_than_twenty_thousand_descriptors() {
        let config = Config::load(&Sources::default()).unwrap();
        let needed = needed(&config, &operations_settings(&config.ops));
        assert!(needed > 16_384 && needed < 20_000, "{needed}");
    }
}
