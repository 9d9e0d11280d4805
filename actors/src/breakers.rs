//! Circuit breakers: one for each service that this server calls. A service that fails is left alone for a while, so that it costs its
//! callers no time and itself no further load; then a few calls find out whether it is back.
//!
//! ```text
//!            `failures` within `window`            after `open_for`
//!   CLOSED ────────────────────────────▶ OPEN ─────────────────────▶ HALF_OPEN ──▶ CLOSED   `probes` calls succeeded
//!                                          ▲─────────────────────────────┘ one failed
//! ```
//!
//! A call reads the published phase and notes its outcome in it, without a lock. Transitions are made by an actor a breaker (`actor.rs`),
//! in a tree of its own that never gives up for good.

mod actor;
mod breaker;
mod measures;
mod period;

use std::{sync::Arc, time::Duration};

use domain::breakers::{SharedBreakers, WatchedService};
use jiff::Timestamp;
use ractor::SpawnErr;
use strum::{AsRefStr, IntoStaticStr, VariantArray};

use self::actor::{BreakerActor, Source};
pub use self::breaker::Breaker;
use crate::{
    metrics::register_actors,
    restart::RestartPolicy,
    supervisor::{ChildSpec, Tree},
};

/// What this server calls. Each has a breaker, configured or not.
#[derive(AsRefStr, Clone, Copy, Debug, IntoStaticStr, PartialEq, Eq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Service {
    Payment,
    Email,
    /// Its clients watch it themselves (`store/src/redis.rs`): this breaker shows what they found, and nobody calls through it.
    Redis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    Closed,
    Open,
    HalfOpen,
}

impl BreakerState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
        }
    }
}

/// When a breaker opens and closes.
#[derive(Clone, Copy, Debug)]
pub struct BreakerSettings {
    /// Failures within `window` that open it.
    pub failures: u32,
    pub window: Duration,
    /// How long it stays open, up to a quarter longer by chance.
    pub open_for: Duration,
    /// Calls that must succeed, one after the other, before it closes.
    pub probes: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, window: Duration::from_secs(60), open_for: Duration::from_secs(30), probes: 3 }
    }
}

/// What the outcome of a call says about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It works, even if it has refused what the caller asked for.
    Answered,
    /// It failed.
    Failed,
    /// It is known to be down: the breaker opens at once.
    Down,
}

/// An error of a call, and whose fault it is.
pub trait ServiceError {
    fn verdict(&self) -> Verdict;
}

/// Why a call has no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The service was not asked, for it fails.
    #[error("the service fails and is left alone")]
    Open { retry_after: Duration },
    /// The service was not asked, for too many calls are under way.
    #[error("too many calls are under way")]
    Full,
    /// Perhaps the service has done what was asked.
    #[error("the service took too long")]
    TimedOut,
    #[error("{0}")]
    Failed(E),
}

/// How a breaker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerStatus {
    pub name: &'static str,
    pub state: BreakerState,
    /// Failures within the window; of an open or half-open breaker those that opened it.
    pub failures: u32,
    /// When it entered its state.
    pub since: Timestamp,
    /// When it is half-open, if that is known.
    pub retry_at: Option<Timestamp>,
}

/// The breakers of this server.
#[derive(Clone, Debug)]
pub struct Breakers {
    payment: Arc<Breaker>,
    email: Arc<Breaker>,
    redis: Arc<Breaker>,
}

impl Breakers {
    /// All closed, each with room for so many calls at once. None of them ever opens before [`RunningBreakers::start`].
    pub fn new(settings: BreakerSettings, calls_max: impl Fn(Service) -> usize) -> Self {
        let new = |service| Arc::new(Breaker::new(service, settings, calls_max(service)));
        Self { payment: new(Service::Payment), email: new(Service::Email), redis: new(Service::Redis) }
    }

    pub fn of(&self, service: Service) -> &Arc<Breaker> {
        match service {
            Service::Payment => &self.payment,
            Service::Email => &self.email,
            Service::Redis => &self.redis,
        }
    }

    pub fn list(&self) -> Vec<BreakerStatus> {
        Service::VARIANTS.iter().map(|service| self.of(*service).status()).collect()
    }
}

impl Default for Breakers {
    fn default() -> Self {
        Self::new(BreakerSettings::default(), |_| usize::MAX)
    }
}

pub struct RunningBreakers {
    pub breakers: Breakers,
    tree: Tree,
}

impl RunningBreakers {
    /// Starts their actors. Without `shared` this node decides alone; without `redis` there is none to watch.
    pub async fn start(
        breakers: Breakers,
        shared: Option<Arc<dyn SharedBreakers>>,
        redis: Option<Arc<dyn WatchedService>>,
    ) -> Result<Self, SpawnErr> {
        let specs = Service::VARIANTS.iter().map(|service| {
            let breaker = breakers.of(*service).clone();
            breaker.register();
            let source = match service {
                Service::Redis => redis.clone().map_or(Source::Nobody, Source::Watched),
                Service::Payment | Service::Email => shared.clone().map_or(Source::Nobody, Source::Nodes),
            };
            ChildSpec::new("breaker", breaker.waker.actor.clone(), move || {
                (BreakerActor { breaker: breaker.clone(), source: source.clone() }, ())
            })
        });
        let specs = specs.collect();
        register_actors(["breaker"]);
        Ok(Self { breakers, tree: Tree::start(RestartPolicy::default(), specs).await? })
    }

    pub async fn stop(self) {
        self.tree.stop().await;
    }
}
