//! Health and metrics: the short form for balancers on the public listener, everything on the operations one.

pub(crate) mod endpoints;

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use actors::breakers::Breakers;
use boxoffice_http::{
    problem::Problem,
    reply::Reply,
    router::{Access, Route, RouteInfo},
};
use http::{HeaderValue, StatusCode, header};
use metrics::gauge;
use serde::Serialize;
use telemetry::metrics::Metrics;
use tokio::{sync::Mutex, task::JoinSet};

use crate::breakers::BreakerJson;

/// Each check, and so each answer, takes less than a second.
const CHECK_TIMEOUT: Duration = Duration::from_millis(800);
/// Answers are shared for this long: a public address must not be a lever to flood the database with checks.
const FRESH_FOR: Duration = Duration::from_millis(250);

/// Something the server works with.
pub trait HealthCheck: Send + Sync + 'static {
    /// Its name in reports: `database`, `redis` …
    fn name(&self) -> &'static str;

    /// Whether the server is not ready without it.
    fn is_required(&self) -> bool {
        true
    }

    /// Whether it works. The error is shown to operators only.
    fn check(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>>;
}

/// What a node says about itself.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The release.
    pub version: &'static str,
    /// `development`, `staging` or `production`.
    pub environment: String,
    /// The node's name among its peers.
    pub node: String,
    /// Where the data is: host and database, without credentials.
    pub database: String,
}

/// The node's health.
pub struct Health {
    identity: Identity,
    checks: Vec<Arc<dyn HealthCheck>>,
    breakers: Breakers,
    started: Instant,
    /// Set once, when the shutdown begins: balancers should send new clients elsewhere.
    draining: AtomicBool,
    /// The last results. The lock is held while checks run, so that concurrent askers share one run.
    last: Mutex<Option<(Instant, Arc<[CheckResult]>)>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckResult {
    name: &'static str,
    required: bool,
    ok: bool,
    latency_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    status: &'static str,
    checks: &'a [CheckResult],
    #[serde(flatten)]
    details: Option<Details<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    uptime_seconds: u64,
    /// Resident memory; absent where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    #[serde(flatten)]
    identity: &'a Identity,
    breakers: Vec<BreakerJson>,
}

impl Health {
    /// A node that depends on what `checks` look at, and calls services through `breakers`.
    pub fn new(identity: Identity, checks: Vec<Arc<dyn HealthCheck>>, breakers: Breakers) -> Arc<Self> {
        Arc::new(Self {
            identity,
            checks,
            breakers,
            started: Instant::now(),
            draining: AtomicBool::new(false),
            last: Mutex::new(None),
        })
    }

    /// From now on the node is not ready, whatever the checks say.
    pub fn begin_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    async fn results(&self) -> Arc<[CheckResult]> {
        let mut last = self.last.lock().await;
        if let Some((at, results)) = &*last
            && at.elapsed() < FRESH_FOR
        {
            return Arc::clone(results);
        }
        let mut running = JoinSet::new();
        for (index, check) in self.checks.iter().enumerate() {
            let check = Arc::clone(check);
            running.spawn(async move { (index, run(&*check).await) });
        }
        let mut results = running.join_all().await;
        results.sort_unstable_by_key(|(index, _)| *index);
        let results: Arc<[CheckResult]> = results.into_iter().map(|(_, result)| result).collect();
        for result in &*results {
            gauge!("boxoffice_dependency_up", "dependency" => result.name).set(f64::from(u8::from(result.ok)));
            gauge!("boxoffice_dependency_check_seconds", "dependency" => result.name).set(result.latency_ms / 1e3);
        }
        *last = Some((Instant::now(), Arc::clone(&results)));
        results
    }

    fn breaker_reports(&self) -> Vec<BreakerJson> {
        self.breakers.list().into_iter().map(BreakerJson::from).collect()
    }

    async fn reply(&self, detailed: bool) -> Result<Reply, Problem> {
        let results = self.results().await;
        let draining = self.draining.load(Ordering::Relaxed);
        let ready = !draining && results.iter().all(|result| result.ok || !result.required);
        let status = match (draining, ready) {
            (true, _) => "draining",
            (false, true) => "ready",
            (false, false) => "unavailable",
        };
        let details = detailed.then(|| Details {
            uptime_seconds: self.started.elapsed().as_secs(),
            memory_bytes: resident_bytes(),
            identity: &self.identity,
            breakers: self.breaker_reports(),
        });
        // What a dependency says about its failure may name hosts and users.
        let hidden: Vec<_>;
        let checks = if detailed {
            &results[..]
        } else {
            hidden = results.iter().map(|result| CheckResult { error: None, ..result.clone() }).collect();
            &hidden
        };
        let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let reply = Reply::json(code, &Report { status, checks, details })?;
        Ok(if ready { reply } else { reply.header(header::RETRY_AFTER, HeaderValue::from_static("1")) })
    }
}

async fn run(check: &dyn HealthCheck) -> CheckResult {
    let started = Instant::now();
    let outcome = tokio::time::timeout(CHECK_TIMEOUT, check.check()).await;
    let error = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => Some(format!("no answer within {} ms", CHECK_TIMEOUT.as_millis())),
    };
    CheckResult {
        name: check.name(),
        required: check.is_required(),
        ok: error.is_none(),
        latency_ms: (started.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        error,
    }
}

/// Resident memory of this process, from Linux's `/proc`.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// `/health`, `/health/live` and `/health/ready`, for the public listener.
pub fn health_routes<S: Send + Sync + 'static>(health: &Arc<Health>) -> Vec<Route<S>> {
    endpoints::section(health).into_routes().collect()
}

/// What is known of those without a node.
pub fn health_rows() -> Vec<RouteInfo> {
    endpoints::described().operations.into_iter().map(|(row, _)| row).collect()
}

/// Those and `/health/detailed` and `/metrics`, for the operations listener.
pub fn operations_routes<S: Send + Sync + 'static>(health: &Arc<Health>, metrics: Metrics) -> Vec<Route<S>> {
    let mut routes = health_routes(health);
    let (health, detailed) = (Arc::clone(health), Arc::clone(health));
    routes.push(Route::get("/health/detailed", Access::Public, move |_, _| {
        let health = Arc::clone(&detailed);
        async move { health.reply(true).await }
    }));
    let metrics = Route::get("/metrics", Access::Public, move |_, _| {
        let (health, metrics) = (Arc::clone(&health), metrics.clone());
        async move {
            // A scrape asks for the dependencies' state at this moment, whether or not anybody else does.
            health.results().await;
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            Ok(Reply::bytes(StatusCode::OK, kind, metrics.render()))
        }
    });
    routes.push(metrics.produces(&["text/plain"]));
    routes
}
