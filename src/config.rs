//! Configuration, in layers: defaults in code, `config/{environment}.toml`, `.env`, the environment.
//!
//! Every setting is `section.key` in a file and `BOXOFFICE__SECTION__KEY` in the environment. A secret may also come from
//! a file named by the same variable with `_FILE` at its end. Unknown names are faults, because a misspelt limit that is
//! silently ignored shows itself only under load. Loading reports every fault, not just the first.

#[macro_use]
mod declare;

mod auth;
mod breakers;
mod cache;
mod database;
mod fault;
mod file;
mod hosts;
mod http;
mod inventory;
mod jobs;
mod mail;
mod names;
mod node;
mod pairs;
mod payments;
mod production;
mod rate_limit;
mod sources;
mod written;

use std::path::PathBuf;

pub use auth::AuthConfig;
pub use breakers::BreakersConfig;
pub use cache::CacheConfig;
pub use database::{DatabaseConfig, Migrate, RedisConfig};
pub use fault::ConfigFault;
pub use http::{HttpConfig, OpsConfig};
pub use inventory::InventoryConfig;
pub use jobs::JobsConfig;
pub use mail::MailConfig;
pub use node::{Environment, LogConfig, NodeConfig};
pub use payments::{PaymentsConfig, Provider};
pub use rate_limit::{OutboundConfig, RateLimitConfig};
pub use sources::{Setting, Sources};

/// Everything the server can be told, checked.
#[derive(Debug)]
pub struct Config {
    pub environment: Environment,
    pub http: HttpConfig,
    pub ops: OpsConfig,
    pub database: DatabaseConfig,
    pub redis: RedisConfig,
    pub cache: CacheConfig,
    pub auth: AuthConfig,
    pub inventory: InventoryConfig,
    pub mail: MailConfig,
    pub payments: PaymentsConfig,
    pub jobs: JobsConfig,
    pub rate_limit: RateLimitConfig,
    pub outbound: OutboundConfig,
    pub breakers: BreakersConfig,
    pub node: NodeConfig,
    pub log: LogConfig,
    /// The file of the environment, when one was named and has none: then everything in it is as in the code.
    pub missing_file: Option<PathBuf>,
    settings: Vec<Setting>,
}

impl Config {
    /// Reads and checks all layers. Returns every fault there is, each on a line of its own.
    pub fn load(sources: &Sources) -> Result<Self, Vec<ConfigFault>> {
        let (environment, mut layers) = sources.open();
        let mut http = HttpConfig::read(&mut layers, environment);
        let request_timeout = http.server.request_timeout;
        let rate_limit = RateLimitConfig::read(&mut layers);
        http.server.trusted.clone_from(&rate_limit.limiter.trusted);
        let mail = MailConfig::read(&mut layers, environment);
        // An address can be verified only if mails are sent.
        let verifies = environment == Environment::Production && mail.enabled;
        let config = Self {
            environment,
            ops: OpsConfig::read(&mut layers),
            database: DatabaseConfig::read(&mut layers, environment, request_timeout),
            redis: RedisConfig::read(&mut layers),
            cache: CacheConfig::read(&mut layers),
            auth: AuthConfig::read(&mut layers, verifies),
            inventory: InventoryConfig::read(&mut layers, request_timeout),
            mail,
            payments: PaymentsConfig::read(&mut layers, environment, request_timeout),
            jobs: JobsConfig::read(&mut layers),
            rate_limit,
            outbound: OutboundConfig::read(&mut layers),
            breakers: BreakersConfig::read(&mut layers),
            node: NodeConfig::read(&mut layers, http.listen.port()),
            http,
            log: LogConfig::read(&mut layers),
            missing_file: layers.missing_file(),
            settings: Vec::new(),
        };
        pairs::check(&config, &mut layers);
        if environment == Environment::Production {
            production::check(&config, &mut layers);
        }
        let settings = layers.finish()?;
        Ok(Self { settings, ..config })
    }

    /// Every setting with its value and where that came from; secrets are masked.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }
}

/// The settings as `check-config` prints them, one a line.
impl std::fmt::Display for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "environment = {}", self.environment.as_str())?;
        self.settings.iter().try_for_each(|setting| writeln!(f, "{setting}"))
    }
}

#[cfg(test)]
mod example;
#[cfg(test)]
mod tests;
