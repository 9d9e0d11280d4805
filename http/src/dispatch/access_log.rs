//! What is left of a request: its metrics, and a line in the log when it is worth one.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use domain::ids::AccountId;
use http::StatusCode;
use metrics::Gauge;
use telemetry::REFUSALS;

use crate::{measures::Measures, problem::Problem, reply::Reply, request_id::RequestId, route_info::RouteInfo};

/// A request slower than this is worth a line in the log (L3 alerts at 2 s).
const SLOW: Duration = Duration::from_secs(1);

/// What the end of a request is recorded with.
pub(super) struct Record<'a> {
    pub(super) route: Option<&'a RouteInfo>,
    pub(super) measures: &'a Measures,
    pub(super) account: Option<AccountId>,
    pub(super) id: &'a RequestId,
    pub(super) path: &'a str,
    /// Where the client is.
    pub(super) client: IpAddr,
    pub(super) started: Instant,
}

/// Why nothing else was answered.
pub(super) struct Refusal {
    code: &'static str,
    /// For the log alone.
    cause: Option<String>,
}

impl Record<'_> {
    /// Turns the outcome into an answer, and keeps what its record says of a refusal.
    pub(super) fn reply(&self, result: Result<Reply, Problem>) -> (Reply, Option<Refusal>) {
        match result {
            Ok(reply) => (reply, None),
            Err(problem) => {
                let refusal = Refusal { code: problem.code().as_str(), cause: problem.cause().map(str::to_owned) };
                (problem.into_reply(self.path, self.id.as_str()), Some(refusal))
            }
        }
    }

    /// Measures and logs an answer with this status, and says when that was.
    ///
    /// A line for every request would cost more than the request: at 10,000 a second it is gigabytes an hour that say
    /// what the metrics already say. So failures and slow requests are warnings, refusals are told as many a second as
    /// can be read, everything else is there at `debug`.
    pub(super) fn note(&self, status: StatusCode, refusal: Option<&Refusal>) -> Instant {
        let (code, cause) = (refusal.map(|refusal| refusal.code), refusal.and_then(|refusal| refusal.cause.as_deref()));
        let now = Instant::now();
        let took = now.saturating_duration_since(self.started);
        self.measures.record(status, took);
        if status.is_server_error() || took > SLOW {
            self.warn(status, code, cause, took);
        } else if status.is_client_error() {
            self.refused(status, code, cause);
        } else {
            tracing::debug!(
                requestId = self.id.as_str(),
                route = self.route.map(|route| route.path),
                status = status.as_u16(),
                code,
                cause,
                durationMs = took.as_secs_f64() * 1e3,
                "request answered"
            );
        }
        now
    }

    /// Whoever was refused may come with the id of the request, and asks why.
    #[cold]
    fn refused(&self, status: StatusCode, code: Option<&str>, cause: Option<&str>) {
        tracing::info!(
            target: REFUSALS,
            requestId = self.id.as_str(),
            userId = self.account.map(tracing::field::display),
            client = %self.client,
            method = self.route.map(|route| route.method.as_str()),
            route = self.route.map(|route| route.path),
            status = status.as_u16(),
            code,
            cause,
            "request refused"
        );
    }

    #[cold]
    fn warn(&self, status: StatusCode, code: Option<&str>, cause: Option<&str>, took: Duration) {
        tracing::warn!(
            requestId = self.id.as_str(),
            userId = self.account.map(tracing::field::display),
            method = self.route.map(|route| route.method.as_str()),
            route = self.route.map(|route| route.path),
            status = status.as_u16(),
            code,
            cause,
            durationMs = took.as_secs_f64() * 1e3,
            "{}",
            if status.is_server_error() { "request failed" } else { "request was slow" }
        );
    }
}

/// Keeps the gauge right on every way out, the client's hanging up included.
pub(super) struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    pub(super) fn enter(gauge: &'a Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
