//! Circuit breakers: one for each service that this server calls. A service that fails is left alone for a while, so that it costs its
//! callers no time and itself no further load; then a few calls find out whether it is back.
//!
//! ```text
//!            `failures` within `window`            after `open_for`
//!   CLOSED ────────────────────────────▶ OPEN ─────────────────────▶ HALF_OPEN ──▶ CLOSED   `probes` calls succeeded, or none failed in
//!                                          ▲                             │                  `half_open_for`
//!                                          └─────────────────────────────┘ one failed, or has no answer by then
//! ```
//!
//! A call reads the published phase and notes its outcome in it, without a lock. Transitions are made by an actor a breaker (`actor.rs`),
//! in a tree of its own that never gives up for good.

mod actor;
mod breaker;
mod measures;
mod period;
mod service;
mod state;

use std::sync::Arc;

use domain::breakers::{SharedBreakers, WatchedService};
use ractor::SpawnErr;
use strum::VariantArray as _;

use self::actor::{BreakerActor, Source};
pub use self::{
    breaker::Breaker,
    service::{CallError, CallOutcome, Service, ServiceError},
    state::{BreakerSettings, BreakerState, BreakerStatus},
};
use crate::{
    metrics::register_actors,
    restart::RestartPolicy,
    supervisor::{ChildSpec, Tree},
};

/// The breakers of this server, in the order of [`Service`].
#[derive(Clone, Debug)]
pub struct Breakers(Arc<[Arc<Breaker>]>);

impl Breakers {
    /// All closed, each with room for so many calls at once. None of them ever opens before [`RunningBreakers::start`].
    pub fn new(settings: BreakerSettings, calls_max: impl Fn(Service) -> usize) -> Self {
        let new = |service: &Service| Arc::new(Breaker::new(*service, settings, calls_max(*service)));
        Self(Service::VARIANTS.iter().map(new).collect())
    }

    pub fn of(&self, service: Service) -> &Arc<Breaker> {
        &self.0[service as usize]
    }

    pub fn list(&self) -> Vec<BreakerStatus> {
        self.0.iter().map(|breaker| breaker.status()).collect()
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
                _ => shared.clone().map_or(Source::Nobody, Source::Nodes),
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
